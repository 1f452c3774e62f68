"""The one field of Exif that pixels depend on.

Source: CIPA DC-008 (Exif 2.32), tag 0x0112; TIFF 6.0 section 2 for the structure around it.
"""

import struct

_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_ORIENTATION = 0x0112
_SHORT = 3


def read_orientation(exif: bytes) -> int:
    r"""Read the orientation, 1 to 8, from the TIFF structure of an Exif block; 1 for anything odd.

    >>> read_orientation(b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0")
    6
    """
    order = _ORDERS.get(exif[:4])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(order + "I", exif, 4)
        (entries,) = struct.unpack_from(order + "H", exif, directory)
        for entry in range(entries):
            tag, kind, _, value = struct.unpack_from(order + "HHIH", exif, directory + 2 + 12 * entry)
            if tag == _ORIENTATION:
                return value if kind == _SHORT and 1 <= value <= 8 else 1
    except struct.error:
        pass
    return 1
