"""Files whose hashes are right and whose content is not: JSON and safetensors that would choke or mislead a reader."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load as reference_load
from safetensors.numpy import save

from aisle.engine.artifact import open_artifact
from aisle.engine.artifact_writer import write_artifact
from aisle.engine.strict_json import dump_json, parse_json
from aisle.engine.tensors import read_tensors
from aisle.errors import EngineError


def refuse(tmp_path, name, data, match):
    """Write the file with its right hash, and see that reading it is refused by name."""
    write_artifact(tmp_path / "engine", {name: data}, about={})
    artifact = open_artifact(tmp_path / "engine")
    assert artifact.read(name) == data
    with pytest.raises(EngineError, match=match) as caught:
        artifact.json(name) if name.endswith(".json") else artifact.tensors(name)
    assert str(tmp_path / "engine" / name) in str(caught.value)
    assert "train the engine anew" in str(caught.value)
    assert len(str(caught.value)) < 1000


JSONS = {
    "nothing": (b"", "is not JSON"),
    "half": (b'{"a": ', "is not JSON"),
    "two values": (b"{} {}", "is not JSON"),
    "a trailing comma": (b"[1,]", "is not JSON"),
    "deep lists": (b"[" * 100_000 + b"]" * 100_000, "nested deeper than 64"),
    "deep objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested deeper than 64"),
    "deep and unclosed": (b"[" * 3_000_000, "nested deeper than 64"),
    "one too deep": (b"[" * 65 + b"]" * 65, "nested deeper than 64"),
    "a key twice": (b'{"a": 1, "a": 2}', "a key occurs twice"),
    "a key twice, below": (b'[{"b": {"a": 1, "\\u0061": 2}}]', "a key occurs twice"),
    "not a number": (b"[NaN]", "NaN is no number"),
    "infinity": (b"[Infinity]", "Infinity is no number"),
    "minus infinity": (b"[-Infinity]", "-Infinity is no number"),
    "too large a fraction": (b"[1e999]", "the number 1e999 is too large"),
    "too large an integer": (b"[9223372036854775808]", "the number 9223372036854775808 is too large"),
    "too small an integer": (b"[-9223372036854775809]", "is too large"),
    "a million digits": (b"[" + b"9" * 1_000_000 + b"]", "is too large"),
    "half a pair": (b'["\\ud800"]', "is not JSON"),
    "half a pair in a key": (b'{"\\uDFFF": 1}', "is not JSON"),
    "not UTF-8": (b'["\xff"]', "is not JSON"),
    "UTF-16": ('{"a": 1}'.encode("utf-16"), "is not JSON"),
    "a mark in front": (b"\xef\xbb\xbf{}", "is not JSON"),
    "a control character": (b'["\n"]', "is not JSON"),
}


@pytest.mark.parametrize("case", JSONS)
def test_json(tmp_path, case):
    data, match = JSONS[case]
    refuse(tmp_path, "taxonomy.json", data, match)


def test_json_at_the_limits(tmp_path):
    good = {
        "deep.json": b"[" * 64 + b"]" * 64,
        "strings.json": json.dumps(["[" * 500, '"[{' * 90, "\\" * 3, '\\"[[', {"{" * 99: "]" * 9}]).encode(),
        "numbers.json": b"[9223372036854775807, -9223372036854775808, 1.7976931348623157e308, -0.0, 5e-324]",
        "pair.json": b'["\\ud83d\\ude00"]',
    }
    write_artifact(tmp_path / "engine", good, about={})
    artifact = open_artifact(tmp_path / "engine")
    for name, data in good.items():
        assert artifact.json(name) == json.loads(data)


def test_json_that_is_too_long():
    with pytest.raises(EngineError, match="it has 11 bytes, and may have 10"):
        parse_json(b"[" + b" " * 9 + b"]", source="x", limit=10)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)


@settings(deadline=None, max_examples=80)
@given(VALUES)
def test_json_of_any_value_comes_back(value):
    data = dump_json(value)
    assert json.loads(data) == value
    assert parse_json(data, source="x") == value
    assert parse_json(json.dumps(value).encode(), source="x") == value
    assert dump_json(parse_json(data, source="x")) == data


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=60) | st.text('[]{}",:\\x1e. ').map(str.encode))
def test_any_bytes_are_json_or_the_one_error(data):
    try:
        value = parse_json(data, source="x")
    except EngineError:
        return
    assert json.loads(data) == value


@pytest.mark.parametrize("value", [math.nan, math.inf, {1, 2}, b"x", "\ud800", {"a": np.float32(1)}, {(1, 2): 3}])
def test_values_that_are_not_json(tmp_path, value):
    with pytest.raises(EngineError, match="cannot be written as JSON"):
        write_artifact(tmp_path / "engine", {"a": b""}, about={"x": value})
    assert list(tmp_path.iterdir()) == []


def packed(header, body=b"", *, length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + body


def tensor(dtype="F32", shape=(2,), offsets=(0, 8), **other):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets), **other}


EIGHT = bytes(8)
TENSORS = {
    "nothing": (b"", "it has 0 bytes"),
    "seven bytes": (b"\x00" * 7, "it has 7 bytes"),
    "a length of 2^63": (packed({}, length=2**63), "its header claims 9,223,372,036,854,775,808 bytes"),
    "a length of 2^64 - 1": (packed({}, length=2**64 - 1), "its header claims"),
    "a length of 2^63 - 8": (packed({}, length=2**63 - 8), "its header claims"),
    "a length past the end": (packed({"a": tensor()}, EIGHT, length=10_000), "its header claims 10,000 bytes"),
    "one past the end": (packed({}, length=3), "its header claims 3 bytes"),
    "a header of 9 MB": (packed(b" " * (9 << 20) + b"{}"), "its header claims 9,437,186 bytes"),
    "no header": (packed(b""), "is not JSON"),
    "a cut header": (packed(b'{"a": '), "is not JSON"),
    "a list": (packed([]), "its header is no object"),
    "a deep header": (packed(b'{"a":' * 100_000), "nested deeper than 64"),
    "a name twice": (packed(b'{"a":%b,"a":%b}' % ((json.dumps(tensor()).encode(),) * 2), EIGHT), "occurs twice"),
    "NaN for a size": (packed(b'{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,8]}}', EIGHT), "NaN is no number"),
    "numbers after the end": (packed({"a": tensor()}, EIGHT + b"x"), "take 8 bytes of 9"),
    "numbers missing": (packed({"a": tensor()}, EIGHT[:-1]), "take 8 bytes of 7"),
    "offsets far outside": (packed({"a": tensor(offsets=(2**40, 2**40 + 8))}, EIGHT), "overlap, or leave a gap"),
    "offsets below zero": (packed({"a": tensor(offsets=(-8, 0))}, EIGHT), "not as long as its shape says"),
    "offsets backwards": (packed({"a": tensor(offsets=(8, 0))}, EIGHT), "not as long as its shape says"),
    "offsets that wrap": (packed({"a": tensor(offsets=(2**63 - 1, 7))}, EIGHT), "not as long as its shape says"),
    "offsets beyond 64 bits": (packed({"a": tensor(offsets=(0, 2**64 + 8))}, EIGHT), "is too large"),
    "three offsets": (packed({"a": tensor(offsets=(0, 8, 8))}, EIGHT), "not as long as its shape says"),
    "offsets of text": (packed({"a": tensor(offsets=("0", "8"))}, EIGHT), "not as long as its shape says"),
    "an overlap": (packed({"a": tensor(), "b": tensor(offsets=(4, 12))}, bytes(12)), "overlap, or leave a gap"),
    "twice the same": (packed({"a": tensor(), "b": tensor()}, EIGHT), "overlap, or leave a gap"),
    "a gap": (packed({"a": tensor(), "b": tensor(offsets=(9, 17))}, bytes(17)), "overlap, or leave a gap"),
    "a shape that overflows to 0": (packed({"a": tensor(shape=(2**32, 2**32), offsets=(0, 0))}), "no shape that can"),
    "a shape that overflows to 2": (packed({"a": tensor(shape=(2**63 - 1, 2), offsets=(0, 8))}, EIGHT), "no shape"),
    "an empty shape that overflows": (packed({"a": tensor(shape=(0, 2**62, 9), offsets=(0, 0))}), "no shape that can"),
    "a shape that is too large": (packed({"a": tensor(shape=(3,))}, EIGHT), "not as long as its shape says"),
    "a shape below zero": (packed({"a": tensor(shape=(-2,))}, EIGHT), "no shape that can"),
    "a shape of two negatives": (packed({"a": tensor(shape=(-1, -2))}, EIGHT), "no shape that can"),
    "a shape of fractions": (packed({"a": tensor(shape=(2.0,))}, EIGHT), "no shape that can"),
    "a shape of truths": (packed({"a": tensor(shape=(True, 2))}, EIGHT), "no shape that can"),
    "a shape that is no list": (packed({"a": {**tensor(), "shape": "2"}}, EIGHT), "no shape that can"),
    "a hundred dimensions": (packed({"a": tensor(shape=(1,) * 100, offsets=(0, 4))}, bytes(4)), "no shape that can"),
    "an unknown type": (packed({"a": tensor("F99")}, EIGHT), "is of type 'F99'"),
    "a type that numpy lacks": (packed({"a": tensor("BF16", (4,))}, EIGHT), "is of type 'BF16'"),
    "a type that is a number": (packed({"a": tensor(4)}, EIGHT), "is of type '4'"),
    "a type that is a list": (packed({"a": tensor(["F32"])}, EIGHT), "is of type"),
    "a tensor that is a text": (packed({"a": "F32"}, EIGHT), "is not described"),
    "a key more": (packed({"a": tensor(path="/etc/passwd")}, EIGHT), "is not described"),
    "a key less": (packed({"a": {"dtype": "F32", "shape": [2]}}, EIGHT), "is not described"),
    "metadata of numbers": (packed({"__metadata__": {"a": 1}}), "its metadata are no texts"),
    "metadata of a list": (packed({"__metadata__": []}), "its metadata are no texts"),
    "a truth of 2": (packed({"a": tensor("BOOL", (2,), (0, 2))}, b"\x01\x02"), "neither 0 nor 1"),
    "a long name": (packed({"n" * 100_000: tensor("F99")}, EIGHT), "is of type 'F99'"),
    "a pickle": (b"\x80\x04cos\nsystem\n(S'true'\ntR.", "its header claims"),
}


@pytest.mark.parametrize("case", TENSORS)
def test_tensors(tmp_path, case):
    data, match = TENSORS[case]
    refuse(tmp_path, "heads.safetensors", data, match)


WHOLE = save({"w": np.arange(3, dtype=np.float32), "k": np.arange(4, dtype=np.int8).reshape(2, 2)}, metadata={"a": "b"})


@settings(deadline=None, max_examples=500)
@given(st.data())
def test_tensors_with_a_byte_changed_are_the_librarys_or_refused(data):
    changed = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 3))):
        changed[data.draw(st.integers(0, len(WHOLE) - 1))] = data.draw(st.sampled_from(b'0123456789[]{}",:FIU\x00\xff'))
    changed = bytes(changed[: data.draw(st.sampled_from([len(WHOLE), len(WHOLE) - 1]))])
    try:
        found = read_tensors(changed, source="x")
    except EngineError:
        return
    expected = reference_load(changed)
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        assert np.array_equal(found[name], array, equal_nan=array.dtype.kind == "f")


def test_tensors_cut_anywhere():
    for length in range(len(WHOLE)):
        with pytest.raises(EngineError, match="heads"):
            read_tensors(WHOLE[:length], source="heads")
