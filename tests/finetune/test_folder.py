"""A catalogue becomes a folder of encoders: what is in it, who takes it, and what survives a kill and a full disk."""

import errno
import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from tests.tiny_tuning import make_shop, put_networks  # noqa: E402

from aisle.encode import embed_texts, find_encoder, open_spec  # noqa: E402
from aisle.engine.artifact_writer import write_artifact  # noqa: E402
from aisle.engine.gather import find_encoders  # noqa: E402
from aisle.errors import DiskFullError, EncoderFolderError, TrainingError  # noqa: E402
from aisle.finetune import FinetuneOptions, finetune_to_folder  # noqa: E402
from aisle.finetune.checkpoint import Checkpoints  # noqa: E402
from aisle.train import TrainingOptions, engine_folder, train_engine  # noqa: E402

TEXT = FinetuneOptions(modality="text", text_epochs=4, batch=8)
GRAPHS = ("text_model.onnx", "vision_model.onnx")
KILLED = """
import os, signal, sys
from pathlib import Path
import pytest
sys.path.insert(0, {root!r})
from tests.tiny_tuning import make_shop, put_networks
place = Path({place!r})
patch = pytest.MonkeyPatch()
put_networks(patch, place / "networks")
from aisle.finetune import FinetuneOptions, finetune_to_folder
from aisle.finetune.checkpoint import Checkpoints
from aisle.settings import Settings
save = Checkpoints.save
def die(self, state, *, epoch):
    save(self, state, epoch=epoch)
    if epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)
patch.setattr(Checkpoints, "save", die)
options = FinetuneOptions(modality="text", text_epochs=4, batch=8)
settings = Settings(cache_dir=place / "cache", offline=True, threads=1)
finetune_to_folder(make_shop(), place / "encoder", options=options, settings=settings)
"""
PREDICTS = """
import json, sys
from pathlib import Path
from aisle.engine import load_engine
from aisle.product import Product
found = load_engine(Path(sys.argv[1])).predict([Product(**json.loads(text)) for text in sys.argv[2:]])
print(json.dumps({"paths": [each.path for each in found], "torch": "torch" in sys.modules}))
"""


@pytest.fixture
def tune(monkeypatch, tmp_path, settings):
    put_networks(monkeypatch, tmp_path / "networks")

    def run(name="encoder", *, shop=None, options=TEXT, **more):
        return finetune_to_folder(shop or make_shop(), tmp_path / name, options=options, settings=settings, **more)

    return run


def graphs(folder):
    return {name: (folder / name).read_bytes() for name in GRAPHS if (folder / name).exists()}


def test_an_engine_takes_both_encoders_and_predicts_without_torch(tune, tmp_path, settings):
    shop = make_shop(count=60)
    options = FinetuneOptions(text_epochs=3, photo_epochs=2, batch=8, validation=0.5)
    summary = tune(shop=shop, options=options, catalog="the shop")
    folder = tmp_path / "encoder"
    assert {path.name for path in folder.iterdir()} == {
        *GRAPHS, "tokenizer.json", "sentence_bert_config.json", "preprocessor_config.json", "encoder.json", "seen.npy",
        "README.md", "training.html", "training.json",
    }  # fmt: skip
    assert [find_encoder(f"{folder}#{name}", settings=settings).modality for name in ("text", "photo")] == [
        "text",
        "photo",
    ]
    assert json.loads((folder / "training.json").read_text()) == summary
    about = json.loads((folder / "encoder.json").read_text())
    assert about["base"] == {"text": "minilm", "photo": "efficientnet-lite0-avg"}
    assert about["precision"] == {"text": "float32", "photo": "float32"}
    for each in summary["encoders"].values():
        assert each["parity"]["difference"] < 1e-3
        assert each["before"]["of"] == each["after"]["of"] == summary["held_out"]
        assert each["after"]["right"] >= each["before"]["right"] - 1
    assert not list(tmp_path.glob(".encoder*"))

    encoders = find_encoders(text=str(folder), photo=str(folder), settings=settings)
    trained = train_engine(shop, options=TrainingOptions(encoders=encoders), settings=settings)
    assert trained.knowledge.facts["seen_by_encoders"] == summary["learned_from"]
    written = engine_folder(trained, own=len(shop))
    write_artifact(tmp_path / "engine", written.files, about=written.about)
    asked = [json.dumps({"title": title}) for title in ("word0 word1", "word4 word6")]
    done = subprocess.run(
        [sys.executable, "-c", PREDICTS, str(tmp_path / "engine"), *asked],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["torch"] is False


def test_the_same_seed_gives_the_same_bytes_and_another_other_ones(tune, tmp_path):
    options = FinetuneOptions(text_epochs=2, photo_epochs=1, batch=8)
    tune("one", options=options)
    tune("two", options=options)
    tune("three", options=replace(options, seed=1, modality="text"))
    assert graphs(tmp_path / "one").keys() == set(GRAPHS)
    assert graphs(tmp_path / "one") == graphs(tmp_path / "two")
    assert graphs(tmp_path / "one")["text_model.onnx"] != graphs(tmp_path / "three")["text_model.onnx"]


@pytest.fixture
def killed(tmp_path):
    """Run until the second checkpoint is written, and be killed; return the folder of the checkpoints."""
    script = KILLED.format(root=str(Path(__file__).parents[2]), place=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    unfinished = tmp_path / ".encoder.unfinished"
    assert len(list(unfinished.glob("*.checkpoint"))) == 2
    assert not (tmp_path / "encoder").exists()
    return unfinished


def test_a_run_that_was_killed_goes_on(killed, tune, tmp_path, caplog):
    (killed / "draft-ab12").mkdir()
    (killed / ".text-0003.checkpoint.00ff.part").write_bytes(b"half")
    found = tune()
    assert "tuning texts goes on after epoch 2 of 4" in caplog.text
    assert not killed.exists()
    tune("whole")
    assert graphs(tmp_path / "encoder") == graphs(tmp_path / "whole")
    assert len(found["encoders"]["text"]["epochs"]) == 4


@pytest.mark.parametrize(("damaged", "said"), [((2,), "goes on after epoch 1 of 4"), ((1, 2), None)])
def test_a_damaged_checkpoint_is_passed_over(killed, tune, tmp_path, caplog, damaged, said):
    for number in damaged:
        place = killed / f"text-{number:04}.checkpoint"
        data = bytearray(place.read_bytes())
        data[len(data) // 2] ^= 1
        place.write_bytes(data)
    tune()
    assert caplog.text.count("is damaged") == len(damaged)
    assert (said in caplog.text) if said else ("goes on" not in caplog.text)
    tune("whole")
    assert graphs(tmp_path / "encoder") == graphs(tmp_path / "whole")


def full(*_, **__):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_costs_nothing_that_was_there(tune, tmp_path, monkeypatch, caplog):
    tune(options=replace(TEXT, seed=1))
    before = {path.name: path.read_bytes() for path in (tmp_path / "encoder").iterdir()}
    with monkeypatch.context() as patch:
        patch.setattr("aisle.finetune.encoder_writer._fill", full)
        with pytest.raises(DiskFullError, match="disk is full"):
            tune()
    assert {path.name: path.read_bytes() for path in (tmp_path / "encoder").iterdir()} == before
    assert sorted(path.name for path in (tmp_path / ".encoder.unfinished").iterdir()) == [
        "text-0003.checkpoint",
        "text-0004.checkpoint",
    ]
    tune()
    assert "goes on after epoch 4 of 4" in caplog.text
    assert not (tmp_path / ".encoder.unfinished").exists()


def test_a_disk_that_fills_while_training_leaves_the_epoch_before(tune, tmp_path, monkeypatch):
    save = Checkpoints.save

    def run_out(self, state, *, epoch):
        if epoch == 3:
            monkeypatch.setattr("aisle.files.os.fsync", full)
        save(self, state, epoch=epoch)

    monkeypatch.setattr(Checkpoints, "save", run_out)
    with pytest.raises(DiskFullError, match=r"text-0003.checkpoint was not written\. Free some space"):
        tune()
    kept = {path.name for path in (tmp_path / ".encoder.unfinished").iterdir()}
    assert kept == {"text-0001.checkpoint", "text-0002.checkpoint"}


@pytest.mark.parametrize("kind", ["file", "other", "half"])
def test_what_is_somebody_elses_is_left_alone(tune, tmp_path, monkeypatch, kind):
    monkeypatch.setattr("aisle.finetune.folder.finetune", None)  # it is said before the work
    place = tmp_path / "encoder"
    if kind == "file":
        place.write_text("thesis")
    else:
        place.mkdir()
        (place / "thesis.txt").write_text("years")
        if kind == "half":
            (place / "encoder.json").write_text('{"format": 1, "sha256": {}}')
    with pytest.raises(EncoderFolderError, match="is a file" if kind == "file" else "thesis.txt"):
        tune()


def test_a_graph_that_is_not_what_was_trained_is_not_written(tune, tmp_path, monkeypatch):
    monkeypatch.setattr("aisle.finetune.export.MOST_DIFFERENCE", 0.0)
    with pytest.raises(TrainingError, match="is not the one that was trained"):
        tune()
    assert not (tmp_path / "encoder").exists()


def test_other_weights_in_the_same_place_share_no_embeddings(tune, tmp_path, settings):
    def embed():
        spec = find_encoder(str(tmp_path / "encoder"), settings=settings)
        return embed_texts(open_spec(spec, settings=settings), ["word1 word2"], preparation="raw", settings=settings)

    tune()
    first = embed().matrix
    tune(options=replace(TEXT, seed=5, text_epochs=3))
    second = embed().matrix
    assert np.abs(first - second).max() > 1e-4
    tune()
    np.testing.assert_array_equal(embed().matrix, first)


def test_a_name_that_ends_in_dots_is_a_place(tune, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    tune("here/../there/.")
    assert (tmp_path / "there/text_model.onnx").exists()
