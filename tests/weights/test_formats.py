"""Weights files: what comes out is what went in, and a hostile file is refused, never run.

The pickles are written by hand, instruction by instruction (PEP 307): nothing here can make one by accident.
"""

import io
import struct
import zipfile

import numpy as np
import pytest
from safetensors.numpy import save_file

from aisle.errors import WeightsError
from aisle.weights import read_safetensors, read_tensors, read_torch
from aisle.weights.formats import LEGACY_MAGIC
from aisle.weights.opcodes import interpret

PROTO, STOP, MARK, TUPLE, REDUCE = b"\x80\x02", b".", b"(", b"t", b"R"
NONE, FALSE, EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE, PERSISTENT = b"N", b"\x89", b"}", b"]", b")", b"Q"


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value):
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def name(module, attribute):
    return b"c" + module.encode() + b"\n" + attribute.encode() + b"\n"


def row(*items):
    return MARK + b"".join(items) + TUPLE


def dictionary(pairs):
    return EMPTY_DICT + MARK + b"".join(text(key) + value for key, value in pairs.items()) + b"u"


def storage(key, count, *, kind="FloatStorage", extra=b""):
    return row(text("storage"), name("torch", kind), text(key), text("cpu"), number(count), extra) + PERSISTENT


def tensor(block, sizes, strides, *, offset=0):
    hooks = name("collections", "OrderedDict") + EMPTY_TUPLE + REDUCE
    arguments = row(block, number(offset), row(*map(number, sizes)), row(*map(number, strides)), FALSE, hooks)
    return name("torch._utils", "_rebuild_tensor_v2") + arguments + REDUCE


def zip_file(path, state, blocks, *, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("archive/data.pkl", PROTO + state + STOP)
        archive.writestr("archive/byteorder", "little")
        for key, data in blocks.items():
            archive.writestr(f"archive/data/{key}", data)
    return path


def legacy_file(path, state, blocks, *, width=4):
    system = dictionary({"protocol_version": number(1001), "little_endian": b"\x88", "type_sizes": EMPTY_DICT})
    keys = EMPTY_LIST + MARK + b"".join(map(text, blocks)) + b"e"
    parts = [number(LEGACY_MAGIC), number(1001), system, state, keys]
    data = b"".join(PROTO + part + STOP for part in parts)
    for block in blocks.values():
        data += struct.pack("<q", len(block) // width) + block
    path.write_bytes(data)
    return path


ABC = np.arange(12, dtype="<f4")
STATE = dictionary(
    {
        "rows": tensor(storage("0", 12), (3, 4), (4, 1)),
        "columns": tensor(storage("0", 12), (4, 3), (1, 4)),
        "tail": tensor(storage("0", 12), (2,), (1,), offset=10),
        "count": tensor(storage("1", 1, kind="LongStorage"), (), ()),
    }
)
BLOCKS = {"0": ABC.tobytes(), "1": struct.pack("<q", 7)}


def check_state(found):
    assert list(found) == ["rows", "columns", "tail", "count"]
    assert np.array_equal(found["rows"], ABC.reshape(3, 4))
    assert np.array_equal(found["columns"], ABC.reshape(3, 4).T)
    assert np.array_equal(found["tail"], [10, 11])
    assert found["count"].shape == ()
    assert found["count"] == 7


def test_a_zip_state_dict(tmp_path):
    check_state(read_torch(zip_file(tmp_path / "a.pth", STATE, BLOCKS)))
    check_state(read_tensors(tmp_path / "a.pth"))


def test_a_wrapped_state_dict(tmp_path):
    check_state(read_torch(zip_file(tmp_path / "a.pth", dictionary({"state_dict": STATE}), BLOCKS)))


def test_a_legacy_state_dict(tmp_path):
    state = dictionary({"w": tensor(storage("70", 12, extra=NONE), (3, 4), (4, 1))})
    found = read_torch(legacy_file(tmp_path / "a.pth", state, {"70": ABC.tobytes()}))
    assert np.array_equal(found["w"], ABC.reshape(3, 4))


@pytest.mark.parametrize(
    ("kind", "data"),
    [("HalfStorage", np.array([1.5, -2], "<f2")), ("BFloat16Storage", np.array([0x3FC0, 0xC000], "<u2"))],
)
def test_half_precision_becomes_float32(tmp_path, kind, data):
    state = dictionary({"w": tensor(storage("0", 2, kind=kind), (2,), (1,))})
    found = read_torch(zip_file(tmp_path / "a.pth", state, {"0": data.tobytes()}))
    assert found["w"].dtype == np.float32
    assert found["w"].tolist() == [1.5, -2.0]


def test_safetensors(tmp_path):
    save_file({"a": ABC.reshape(3, 4), "b": np.array([0.5], np.float16)}, tmp_path / "a.safetensors")
    found = read_tensors(tmp_path / "a.safetensors")
    assert np.array_equal(found["a"], ABC.reshape(3, 4))
    assert found["b"].dtype == np.float32
    assert found["b"] == 0.5


def test_safetensors_in_bfloat16(tmp_path):
    header = b'{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},'
    header += b'"b":{"dtype":"I64","shape":[1],"data_offsets":[4,12]}}'
    data = struct.pack("<Q", len(header)) + header + struct.pack("<HHq", 0x3FC0, 0xC000, 9)
    (tmp_path / "a.safetensors").write_bytes(data)
    found = read_safetensors(tmp_path / "a.safetensors")
    assert found["a"].tolist() == [1.5, -2.0]
    assert found["b"].tolist() == [9]


@pytest.mark.parametrize("data", [b"", b"\xff" * 16, struct.pack("<Q", 10**12) + b"{}"])
def test_a_damaged_safetensors_file(tmp_path, data):
    (tmp_path / "a.safetensors").write_bytes(data)
    with pytest.raises(WeightsError, match=r"a\.safetensors is no valid safetensors file"):
        read_safetensors(tmp_path / "a.safetensors")


def test_a_missing_file(tmp_path):
    with pytest.raises(WeightsError, match="gone"):
        read_torch(tmp_path / "gone.pth")
    with pytest.raises(WeightsError, match="gone"):
        read_safetensors(tmp_path / "gone.safetensors")


BLOCK = storage("0", 12)
HOSTILE = {
    "a call of os.system": (name("os", "system") + row(text("touch hacked")) + REDUCE, "'os.system'"),
    "eval": (name("builtins", "eval") + row(text("1")) + REDUCE, "'builtins.eval'"),
    "a numpy scalar": (name("numpy.core.multiarray", "scalar") + EMPTY_TUPLE + REDUCE, "multiarray.scalar"),
    "an attribute of a known module": (name("torch._utils", "x.y"), "foreign type"),
    "a storage as function": (name("torch", "FloatStorage") + row(number(1 << 40)) + REDUCE, "in a way"),
    "OrderedDict of something": (name("collections", "OrderedDict") + row(text("a")) + REDUCE, "in a way"),
    "a new object": (name("collections", "OrderedDict") + EMPTY_TUPLE + b"\x81", "instruction NEWOBJ"),
    "an instance": (MARK + text("x") + b"ios\nsystem\n", "instruction INST"),
    "a global by stack": (text("os") + text("system") + b"\x93", "instruction STACK_GLOBAL"),
    "a text of 2^60 bytes": (b"\x8d" + struct.pack("<Q", 1 << 60), "cut short or damaged"),
    "a number of 2^31 bytes": (b"\x8b" + struct.pack("<i", 2**31 - 1), "cut short or damaged"),
    "an extension": (b"\x82\x01", "instruction EXT1"),
    "a textual persistent id": (b"Pstorage\n", "instruction PERSID"),
    "a huge tensor": (tensor(BLOCK, (1 << 40,), (0,)), "of a storage of 12"),
    "a tensor of many axes": (tensor(BLOCK, (1,) * 40, (1,) * 40), "40 sizes"),
    "strides out of bounds": (tensor(BLOCK, (3, 4), (5, 1)), "position 13 of a storage of 12"),
    "an offset out of bounds": (tensor(BLOCK, (3, 4), (4, 1), offset=1), "position 12 of a storage of 12"),
    "a negative stride": (tensor(BLOCK, (3,), (-1,), offset=2), "negative"),
    "a negative offset": (tensor(BLOCK, (3,), (1,), offset=-1), "negative"),
    "a negative size": (tensor(BLOCK, (-3,), (1,)), "negative"),
    "fewer strides than sizes": (tensor(BLOCK, (3, 4), (1,)), "2 sizes and 1 strides"),
    "a tensor of no storage": (tensor(text("x"), (3,), (1,)), "as torch describes"),
    "a negative storage": (tensor(storage("0", -1), (), ()), "no plain storage"),
    "an odd storage type": (storage("0", 1, kind="EvilStorage"), "foreign type 'torch.EvilStorage'"),
    "a view of a storage": (storage("0", 1, extra=row(text("0"), number(0))), "no plain storage"),
    "state of no dict": (EMPTY_LIST + EMPTY_DICT + b"b", "state of something"),
    "a key that is a tuple": (EMPTY_DICT + EMPTY_TUPLE + NONE + b"s", "key of type tuple"),
    "an unknown reference": (b"h\x07", "unknown reference"),
    "an empty stack": (b"t", "mark is missing"),
    "items of nothing": (text("a") + text("b") + b"s", "no dict"),
}


@pytest.mark.parametrize("case", HOSTILE)
@pytest.mark.parametrize("layout", ["zip", "legacy"])
def test_a_hostile_pickle_is_refused(tmp_path, monkeypatch, case, layout):
    monkeypatch.chdir(tmp_path)
    value, reason = HOSTILE[case]
    state = EMPTY_DICT + MARK + text("w") + value + b"u"
    write = zip_file if layout == "zip" else legacy_file
    with pytest.raises(WeightsError, match=r"a\.pth is not read: ") as caught:
        read_torch(write(tmp_path / "a.pth", state, {"0": ABC.tobytes()}))
    assert reason in str(caught.value)
    assert not (tmp_path / "hacked").exists()


def test_a_pickle_cut_short_at_any_byte():
    data = PROTO + STATE + STOP
    for end in range(len(data)):
        with pytest.raises(WeightsError, match=r"x is not read"):
            interpret(io.BytesIO(data[:end]), source="x")


def test_a_pickle_with_any_byte_changed():
    """Whatever a bit flip makes of a pickle, it is read or refused; nothing else comes out."""
    data = PROTO + STATE + STOP
    for position in range(len(data)):
        for change in (0x01, 0x80, 0xFF):
            damaged = bytearray(data)
            damaged[position] ^= change
            try:
                interpret(io.BytesIO(bytes(damaged)), source="x")
            except WeightsError:
                continue


def test_a_legacy_file_cut_short(tmp_path):
    state = dictionary({"w": tensor(storage("70", 12), (3, 4), (4, 1))})
    data = legacy_file(tmp_path / "a.pth", state, {"70": ABC.tobytes()}).read_bytes()
    for end in (0, 1, 40, len(data) - 60, len(data) - 50, len(data) - 1):
        (tmp_path / "a.pth").write_bytes(data[:end])
        with pytest.raises(WeightsError, match=r"a\.pth"):
            read_torch(tmp_path / "a.pth")


def test_a_legacy_file_whose_keys_are_no_names(tmp_path):
    parts = [number(LEGACY_MAGIC), number(1001), dictionary({"little_endian": b"\x88"}), STATE]
    keys = EMPTY_LIST + MARK + text("0") + text("1") + EMPTY_LIST + b"e"
    (tmp_path / "a.pth").write_bytes(b"".join(PROTO + part + STOP for part in [*parts, keys]))
    with pytest.raises(WeightsError, match="damaged"):
        read_torch(tmp_path / "a.pth")


def test_a_storage_that_claims_more_than_the_file_has(tmp_path):
    state = dictionary({"w": tensor(storage("0", 1 << 45), (1 << 45,), (1,))})
    with pytest.raises(WeightsError, match="damaged"):
        read_torch(zip_file(tmp_path / "a.pth", state, BLOCKS))
    with pytest.raises(WeightsError, match="damaged"):
        read_torch(legacy_file(tmp_path / "b.pth", state, {"0": ABC.tobytes()}))


def test_a_compressed_member_is_refused(tmp_path):
    path = zip_file(tmp_path / "a.pth", STATE, BLOCKS, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(WeightsError, match="compressed"):
        read_torch(path)


def test_a_missing_block(tmp_path):
    with pytest.raises(WeightsError, match="'data/1' is missing"):
        read_torch(zip_file(tmp_path / "a.pth", STATE, {"0": ABC.tobytes()}))


@pytest.mark.parametrize("state", [EMPTY_LIST, EMPTY_DICT, dictionary({"epoch": number(3)}), text("x")])
def test_something_that_is_no_state_dict(tmp_path, state):
    with pytest.raises(WeightsError, match=r"no (plain )?state dict"):
        read_torch(zip_file(tmp_path / "a.pth", state, {}))


def test_a_zip_that_torch_did_not_write(tmp_path):
    zipfile.ZipFile(tmp_path / "a.pth", "w").close()
    with pytest.raises(WeightsError, match="not one that torch wrote"):
        read_torch(tmp_path / "a.pth")


@pytest.mark.torch
@pytest.mark.parametrize("zipped", [True, False])
def test_what_torch_itself_writes(tmp_path, zipped):
    import torch

    base = torch.arange(24.0)
    state = {
        "plain": base.reshape(4, 6),
        "transposed": base.reshape(4, 6).T,
        "strided": base[1::3],
        "half": base.half(),
        "brain": base.bfloat16(),
        "whole": torch.tensor(5),
        "bool": torch.tensor([True, False]),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        "empty": torch.zeros(0, 3),
    }
    torch.save(state, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    found = read_torch(tmp_path / "a.pth")
    assert list(found) == list(state)
    for key, value in state.items():
        expected = value.detach()
        expected = expected.float() if expected.dtype == torch.bfloat16 else expected
        assert np.array_equal(found[key], expected.numpy()), key
        assert found[key].shape == expected.shape
