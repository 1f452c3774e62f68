"""Fine-tuned networks written as encoder folders, and opened as any other."""

import errno
import hashlib
import io
import json
import os
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from aisle.catalog.photo_pixels import PixelShape
from aisle.encode import embed_photos, embed_texts, find_encoder, open_spec, photo_keys
from aisle.encode.seen import seen_keys
from aisle.errors import DiskFullError, EncoderFolderError, TrainingError

torch = pytest.importorskip("torch")

from aisle.finetune import export  # noqa: E402 - it imports torch
from aisle.finetune.encoder_writer import EncoderFiles, PhotoFiles, TextFiles, check_destination, write_encoder  # noqa: E402
from aisle.finetune.networks import Bert, EfficientNetLite, ResNet  # noqa: E402

pytestmark = pytest.mark.torch

SIZE = 40
SHAPE = PixelShape(width=SIZE, height=SIZE, resample="bicubic")
TEXTS = ["word1 word2", "nothing", "word3", "word7 nothing word9 " * 2, "word4 word5 " * 20]
TOKENS = [
    [2, 5, 6, 3],
    [2, 1, 3],
    [2, 7, 3],
    [2, 11, 1, 13, 11, 1, 13, 3],
    [2, *[8, 9] * 5, 3],  # cut at 12
]
PIXELS = np.random.default_rng(3).integers(0, 256, (5, SIZE, SIZE, 3), dtype=np.uint8)


def text_files(weights, network):
    return TextFiles(graph=export.draw_text(network), tokenizer=weights.tokenizer(), max_tokens=12)


def photo_files(network):
    return PhotoFiles(graph=export.draw_photo(network, size=SIZE), shape=SHAPE, norm=network.pixel_norm)


def content(**parts):
    seen = np.array([7, 2**64 - 1, 5], dtype=np.uint64)
    about = {"licence": "Apache-2.0", "options": {"epochs": 2}}
    return EncoderFiles(
        about=about,
        seen={kind: seen for kind in parts if kind in ("text", "photo")},
        products=2,
        card="# Tuned\n",
        **parts,
    )


def open_encoder(place, settings):
    return open_spec(find_encoder(place, settings=settings), settings=settings)


def png(pixels):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def text(weights):
    return Bert(weights.bert(), heads=4)


@pytest.fixture
def photo(weights):
    return EfficientNetLite(weights.lite())


@pytest.fixture
def folder(tmp_path, weights, text, photo):
    """An encoder folder with both."""
    folder = tmp_path / "tuned"
    parts = {"text": text_files(weights, text), "photo": photo_files(photo), "others": {"training.json": b"{}"}}
    write_encoder(folder, content(**parts))
    return folder


def embed_tokens(network):
    """Embed the texts one by one, so without any padding."""
    with torch.no_grad():
        return np.concatenate(
            [network.eval().embed(torch.tensor([row]), torch.ones(1, len(row), dtype=torch.int64)) for row in TOKENS]
        )


@pytest.mark.parametrize("kind", ["mean", "cls", "pooler", "distilbert", "dense"])
def test_a_text_encoder(tmp_path, settings, weights, kind):
    if kind in ("distilbert", "dense"):
        network = Bert(weights.distilbert(), heads=4, dense=weights.dense() if kind == "dense" else None)
    else:
        network = Bert(weights.bert(), heads=4, pooling=kind)
    write_encoder(tmp_path / "tuned", content(text=text_files(weights, network)))
    encoder = open_encoder(f"{tmp_path / 'tuned'}#text", settings)
    found = embed_texts(encoder, TEXTS, preparation="raw", settings=settings).matrix
    np.testing.assert_allclose(found, embed_tokens(network), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert encoder.spec.dimension == network.width


@pytest.mark.parametrize(("kind", "name"), [(EfficientNetLite, "lite"), (ResNet, "resnet")])
def test_a_photo_encoder(tmp_path, settings, weights, kind, name):
    network = kind(getattr(weights, name)()).eval()
    write_encoder(tmp_path / "tuned", content(photo=photo_files(network)))
    encoder = open_encoder(f"{tmp_path / 'tuned'}#photo", settings)
    photos = [png(pixels) for pixels in PIXELS]
    found = embed_photos(encoder, photos, keys=photo_keys(photos), photo_filter="none", settings=settings).matrix
    mean, std = (np.array(values)[:, None, None] for values in (network.pixel_norm.mean, network.pixel_norm.std))
    with torch.no_grad():
        expected = network.embed(torch.tensor((PIXELS.transpose(0, 3, 1, 2) - mean) / std).float()).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert encoder.spec.dimension == 2 * network.width
    assert (encoder.shape.width, encoder.shape.fit, encoder.shape.resample) == (SIZE, "stretch", "bicubic")


def test_what_lies_in_the_folder(folder, settings):
    stated = json.loads((folder / "encoder.json").read_text())
    hashes = stated.pop("sha256")
    assert stated == {
        "format": 1, "licence": "Apache-2.0", "options": {"epochs": 2}, "modality": ["text", "photo"], "seen": 2,
    }  # fmt: skip
    present = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    del present["encoder.json"]
    assert hashes == present
    assert set(present) == {
        "text_model.onnx", "tokenizer.json", "sentence_bert_config.json", "vision_model.onnx",
        "preprocessor_config.json", "seen.npy", "README.md", "training.json",
    }  # fmt: skip
    assert seen_keys(find_encoder(f"{folder}#text", settings=settings)).tolist() == [5, 7, 2**64 - 1]
    assert (folder / "README.md").read_text() == "# Tuned\n"


def test_an_encoder_is_replaced(folder, weights, text):
    (folder / ".DS_Store").touch()
    check_destination(folder)
    write_encoder(folder, content(text=text_files(weights, text)))
    assert not (folder / "vision_model.onnx").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["tuned"]


def test_an_empty_folder_is_filled(tmp_path, photo):
    (tmp_path / "tuned").mkdir()
    write_encoder(tmp_path / "tuned", content(photo=photo_files(photo)))
    assert (tmp_path / "tuned" / "vision_model.onnx").is_file()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"notes.txt": "mine"}, "'notes.txt', which is no part"),
        ({"encoder.json": "{}"}, "'encoder.json', which is no part"),
        ({"encoder.json": '{"format": 1, "sha256": {"a.txt": ""}}', "a.txt": "", "b.txt": ""}, "'b.txt', which"),
        ({"encoder.json": '{"format": 9, "sha256": {"a.txt": ""}}', "a.txt": ""}, "'a.txt', which"),
        (None, "is a file, and an encoder is a folder"),
    ],
)
def test_anything_else_is_kept(tmp_path, photo, files, message):
    place = tmp_path / "tuned"
    if files is None:
        place.write_text("mine")
    else:
        place.mkdir()
        for name, text in files.items():
            (place / name).write_text(text)
    with pytest.raises(EncoderFolderError, match=message):
        check_destination(place)
    with pytest.raises(EncoderFolderError, match=message):
        write_encoder(place, content(photo=photo_files(photo)))
    assert [path.name for path in tmp_path.iterdir()] == ["tuned"]
    assert place.is_file() or {path.name for path in place.iterdir()} == set(files)


def test_a_full_disk_leaves_the_old_encoder(folder, photo, monkeypatch):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    written = []

    def full(handle):
        written.append(handle)
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFullError, match=f"disk is full: {folder}"):
        write_encoder(folder, content(photo=photo_files(photo)))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert [path.name for path in folder.parent.iterdir()] == ["tuned"]


def test_a_rename_that_fails_brings_the_old_encoder_back(folder, photo, monkeypatch):
    rename = os.rename

    def refuse(source, target):
        if str(source).endswith(".part"):
            raise PermissionError(errno.EACCES, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(EncoderFolderError, match=r"cannot be written to .*Permission denied"):
        write_encoder(folder, content(photo=photo_files(photo)))
    assert (folder / "text_model.onnx").is_file()
    assert [path.name for path in folder.parent.iterdir()] == ["tuned"]


def test_only_pixels_that_the_file_can_state_are_written(tmp_path, photo):
    files = PhotoFiles(graph=b"", shape=PixelShape(width=8, height=8, fit="pad"), norm=photo.pixel_norm)
    with pytest.raises(ValueError, match="only stretched photos"):
        write_encoder(tmp_path / "tuned", content(photo=files))


def head(width):
    weight = 4 * np.random.default_rng(4).standard_normal((3, width)).astype(np.float32)
    return export.LinearHead(weight, np.array([0, 0.5, -0.5], dtype=np.float32))


def test_probabilities():
    found = export.LinearHead(np.log([[2.0], [1.0]]), np.log([1.0, 6.0])).probabilities(np.array([[1.0], [0.0]]))
    np.testing.assert_allclose(found, [[2 / 8, 6 / 8], [1 / 7, 6 / 7]])


def test_parity(folder, settings, text, photo):
    network = text.train()
    found = export.text_parity(network, folder, TEXTS * 5, head=head(24), settings=settings)
    assert 0 <= found.difference < 1e-4
    assert (found.agreement, found.probes) == (1.0, 25)
    assert network.training
    found = export.photo_parity(photo, folder, np.concatenate([PIXELS] * 5), head=head(24), settings=settings)
    assert 0 <= found.difference < 1e-4
    assert (found.agreement, found.probes) == (1.0, 25)


def test_another_network_is_noticed(folder, settings, text, photo):
    with torch.no_grad():
        text.embeddings.word_embeddings.weight[7] *= -1  # of one word in one of the texts
        photo.get_submodule("_bn1").bias += 0.05
    with pytest.raises(TrainingError, match="on 5 probes its probabilities are off by up to"):
        export.text_parity(text, folder, TEXTS, head=head(24), settings=settings)
    with pytest.raises(TrainingError, match="is not the one that was trained"):
        export.photo_parity(photo, folder, PIXELS, head=head(24), settings=settings)


def test_answers_that_differ_are_noticed_however_near_the_probabilities(folder, settings, photo, monkeypatch):
    monkeypatch.setattr(export, "MOST_DIFFERENCE", 1.0)
    x = photo.normalise(torch.tensor(PIXELS).permute(0, 3, 1, 2).float())
    with torch.no_grad():
        before = photo.embed(x)
        photo.get_submodule("_bn1").weight *= -1
        rows = np.stack([before[0], photo.embed(x)[0]])  # each of the two networks is sure of its own
    each = export.LinearHead(rows, np.zeros(2, dtype=np.float32))
    with pytest.raises(TrainingError, match=r"0\.00% of its answers are the same"):
        export.photo_parity(photo, folder, PIXELS, head=each, settings=settings)


def test_each_encoder_has_seen_what_it_has_seen(weights, text, photo, settings, tmp_path):
    both = content(text=text_files(weights, text), photo=photo_files(photo))
    few = np.array([7], dtype=np.uint64)
    write_encoder(tmp_path / "tuned", replace(both, seen={"text": few, "photo": both.seen["photo"]}))
    found = [seen_keys(find_encoder(f"{tmp_path / 'tuned'}#{kind}", settings=settings)) for kind in ("text", "photo")]
    assert [keys.tolist() for keys in found] == [[7], [5, 7, 2**64 - 1]]
    (tmp_path / "tuned" / "seen_text.npy").unlink()
    with pytest.raises(EncoderFolderError, match=r"seen_text\.npy does not tell"):
        seen_keys(find_encoder(f"{tmp_path / 'tuned'}#text", settings=settings))
