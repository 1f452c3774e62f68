"""A look at the bytes of an ONNX graph before a runtime sees them: does it stay within itself?

The runtime resolves weights that a graph keeps in other files against the working folder, ``../`` included, even where
the graph comes from memory. Read here is only as much of the format as it takes to find such weights, without the onnx
package: an engine that answers does not load it. https://protobuf.dev/programming-guides/encoding/ and onnx.proto.
"""

from collections.abc import Iterator, Mapping

_EXTERNAL_DATA, _DATA_LOCATION = 13, 14  # of a tensor

_INSIDE: Mapping[str, Mapping[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}
"""Which fields of a message hold messages that may hold a tensor."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


def check_graph(data: bytes) -> None:
    """Refuse a graph that keeps weights in other files (CVE-2022-25882, CVE-2024-27318).

    Parameters
    ----------
    data : bytes
        An ONNX model.

    Raises
    ------
    ValueError
        It keeps weights in other files, or is no ONNX model.
    """
    view = memoryview(data)
    waiting = [("model", view)]
    while waiting:
        kind, message = waiting.pop()
        inside = _INSIDE[kind]
        for number, wire, value in _fields(message):
            if kind == "tensor" and (number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value != 0)):
                raise ValueError("the graph keeps weights in other files, which is refused")
            if number in inside and wire == _BYTES and isinstance(value, memoryview):
                waiting.append((inside[number], value))


def _fields(message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Yield each field of a message: its number, how it is written, and its value."""
    at, end = 0, len(message)
    while at < end:
        key, at = _varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, wire, value
            continue
        if wire == _BYTES:
            length, at = _varint(message, at)
        elif wire in (_FIXED64, _FIXED32):
            length = 8 if wire == _FIXED64 else 4
        else:
            raise ValueError("the graph is no ONNX model")
        if number == 0 or length > end - at:
            raise ValueError("the graph is no ONNX model")
        yield number, wire, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("the graph is no ONNX model")
