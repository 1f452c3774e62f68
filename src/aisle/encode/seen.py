"""Which products has an engine or an encoder learned from? A few bytes of each are kept, so that no figure flatters."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from aisle.encode.embedding import photo_keys
from aisle.encode.folder_rules import read_object
from aisle.encode.spec import ABOUT_FILE, SEEN_BY, SEEN_FILE, EncoderSpec
from aisle.encode.table import ENCODERS
from aisle.errors import EncoderFolderError
from aisle.files import sha256_bytes
from aisle.product import Product

Keys = NDArray[np.uint64]

_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00(..)\{'descr': '<u8', 'fortran_order': (?:False|True), 'shape': \(([0-9]{1,18}),\), *\} *\n",
    re.DOTALL,
)
"""As `numpy.save` writes a row of numbers: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html"""


def training_keys(products: Sequence[Product]) -> Keys:
    """Return what is kept of training products: sorted 64-bit hashes of their content, about two of each."""
    return np.unique(np.array([key for keys in _keys(products, kept=True) for key in keys], dtype=np.uint64))


def seen_rows(products: Sequence[Product], known: Keys) -> NDArray[np.bool_]:
    """Return which products an engine or an encoder was trained on, shape (n,).

    A product is known by its title and description, whatever its case, spaces and photo; by its title alone where it,
    or the one trained on, has no description; by the bytes of its photo where it has no text. Two products that
    nothing but their photos tells apart count as one: better a product too few judged than one judged too kindly.

    Parameters
    ----------
    products : sequence of Product
    known : ndarray of uint64
        From `training_keys`.
    """
    found = np.zeros(len(products), dtype=np.bool_)
    own = list(_keys(products, kept=False))
    rows = np.repeat(np.arange(len(own)), [len(keys) for keys in own])
    flat = np.array([key for keys in own for key in keys], dtype=np.uint64)
    found[rows[np.isin(flat, known)]] = True
    return found


def seen_keys(spec: EncoderSpec) -> Keys:
    """Return what an encoder says of the products that it learned from: the `training_keys` in its folder.

    They lie in ``seen_text.npy`` or ``seen_photo.npy``, where there is one for its modality, else in ``seen.npy``.
    Empty for encoders that lie in no folder, and for folders that hold no such file.

    Raises
    ------
    EncoderFolderError
        The file is no sorted list of whole numbers of 64 bits; or ``encoder.json`` speaks of a file that is missing or
        another. What the encoder has seen is not known then.
    """
    if spec.folder is None:
        return np.empty(0, dtype=np.uint64)
    about = read_object(spec.folder / ABOUT_FILE)
    hashes = about.get("sha256")
    own = SEEN_BY[spec.modality]
    name = own if (isinstance(hashes, dict) and own in hashes) or (spec.folder / own).exists() else SEEN_FILE
    place = spec.folder / name
    listed = hashes.get(name) if isinstance(hashes, dict) else None
    try:
        if not about.get("seen") and listed is None and not place.exists():
            return np.empty(0, dtype=np.uint64)
        data = place.read_bytes()
        if listed is not None and sha256_bytes(data) != listed:
            raise ValueError(f"it is not the file that {ABOUT_FILE} lists")
        return _parse_keys(data)
    except (OSError, ValueError) as err:
        raise EncoderFolderError(
            f"{place} does not tell which products the encoder has seen ({err}); write the encoder anew"
        ) from err


def _parse_keys(data: bytes) -> Keys:
    match = _HEADER.match(data)
    if match is None:
        raise ValueError("it is no NumPy file of whole numbers of 64 bits in one row")
    # Compared before anything is made of it: a header may claim any size.
    ends = 10 + int.from_bytes(match[1], "little")
    if match.end() != ends or len(data) != ends + 8 * int(match[2]):
        raise ValueError(f"it says that it holds {int(match[2]):,} numbers, and has {len(data):,} bytes")
    keys = np.frombuffer(data, dtype="<u8", offset=ends).astype(np.uint64)
    if (keys[1:] < keys[:-1]).any():
        raise ValueError("its numbers are not sorted")
    return keys


def untuned(spec: EncoderSpec) -> EncoderSpec | None:
    """Return the row of the table that a tuned encoder started from; None where its folder does not say.

    Raises
    ------
    EncoderFolderError
        Its ``encoder.json`` is no JSON object.
    """
    if spec.folder is None:
        return None
    base = read_object(spec.folder / ABOUT_FILE).get("base")
    name = base.get(spec.modality) if isinstance(base, dict) else None
    row = ENCODERS.get(name) if isinstance(name, str) else None
    return row if row is not None and row.modality == spec.modality and not row.learns_here else None


def _keys(products: Sequence[Product], *, kept: bool) -> Iterator[list[int]]:
    wordless = [row for row, product in enumerate(products) if not (_plain(product.title + product.description))]
    photos = dict(zip(wordless, photo_keys([products[row].photo for row in wordless]), strict=True))
    for row, product in enumerate(products):
        title, description = _plain(product.title), _plain(product.description)
        if row in photos:
            photo = photos[row]
            yield [] if photo is None else [_key("photo", photo)]
        elif description:
            other = _key("any", title) if kept else _key("alone", title)
            yield [_key("text", title, description), *([other] if title else [])]
        else:
            yield [_key("any", title), _key("alone", title)] if kept else [_key("any", title)]


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _key(*parts: str) -> int:
    data = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
