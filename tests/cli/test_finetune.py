"""``aisle finetune``: what is printed, written, refused, and said without torch."""

import importlib.util
import json
from dataclasses import replace

import pytest
from tests.tiny_tuning import make_shop, put_networks, write_shop

HAS_TORCH = importlib.util.find_spec("torch") is not None
needs_torch = pytest.mark.torch


@pytest.fixture
def networks(monkeypatch, tmp_path):
    if HAS_TORCH:
        put_networks(monkeypatch, tmp_path / "networks")


@pytest.fixture
def catalog(tmp_path):
    return write_shop(tmp_path / "my shop", make_shop(count=60))


@pytest.fixture
def tune(aisle, catalog, networks):
    def run(*words, source=None):
        return aisle("finetune", source or catalog, "--out", "encoders", *words, AISLE_THREADS="1")

    return run


@pytest.mark.skipif(HAS_TORCH, reason="torch is installed")
@pytest.mark.parametrize("words", [["finetune", "CATALOG", "--out", "encoders"], ["evaluate", "CATALOG", "--finetune"]])
def test_without_torch_it_says_what_to_install(aisle, catalog, tmp_path, words):
    done = aisle(*(str(catalog) if word == "CATALOG" else word for word in words))
    assert done.exit_code == 1
    assert done.stderr == "Error: torch is needed here: pip install 'aisle[finetune]'\n"
    assert not list((tmp_path / "work").iterdir())


@needs_torch
def test_it_says_what_was_gained_and_what_to_do_next(tune, catalog, tmp_path):
    done = tune("--epochs", 2, "--batch", 8)
    assert done.exit_code == 0, done.stderr
    folder = tmp_path / "work/encoders"
    for name in ("README.md", "training.html", "training.json", "encoder.json", "text_model.onnx", "vision_model.onnx"):
        assert (folder / name).is_file()
    said = " ".join(done.stdout.split())
    assert f"{catalog.name}: tuned on " in said
    for reads in ("titles and descriptions: ", "photos: "):
        assert reads in said
    assert "% right before, " in said
    assert "% after, on 12 products held out; the difference is" in said
    assert "--text-encoder encoders --photo-encoder encoders --out engine" in said
    own = [line for line in done.stdout.splitlines() if str(catalog) not in line]
    assert max(map(len, own)) <= 80
    assert not list((tmp_path / "work").glob(".encoders*"))


@needs_torch
def test_json_is_one_document_and_talk_goes_elsewhere(tune, tmp_path):
    done = tune("--modality", "text", "--epochs", 1, "--json")
    assert json.loads(done.stdout) == json.loads((tmp_path / "work/encoders/training.json").read_text())
    assert "Written in" in done.stderr


@needs_torch
def test_rows_that_were_set_aside_are_told(tune, catalog):
    with (catalog / "products.jsonl").open("a") as file:
        file.write('{"id": "cut"\n')
    done = tune("--modality", "text", "--epochs", 1)
    assert done.exit_code == 3
    assert f"1 rows of {catalog} were set aside; `aisle check" in done.stderr


@needs_torch
def test_texts_of_others_come_first(tune, tmp_path):
    write_shop(tmp_path / "others", make_shop(count=40, seed=4, photos=False))
    done = tune("--modality", "text", "--epochs", 1, "--pretune", tmp_path / "others")
    assert done.exit_code == 0, done.stderr
    assert json.loads((tmp_path / "work/encoders/training.json").read_text())["pretuned"]["products"] == 36
    done = tune("--modality", "text", "--epochs", 1, "--pretune", tmp_path / "my shop")
    assert done.exit_code == 1
    assert "none of the 60 products to tune to first can be used" in done.stderr


@needs_torch
def test_a_graph_in_8_bits_is_told(tune, monkeypatch):
    from aisle.finetune import eight_bits, quantise
    from aisle.finetune.quantise import Int8Offer

    monkeypatch.setattr(quantise, "MOST_LOSS", 100.0)  # so few products can tell no less
    offer = Int8Offer(graph=None, speedup=1.1, loss=None, reason="1.10 times as fast")
    monkeypatch.setattr(eight_bits, "offer_int8", lambda graph, **_: offer)
    done = tune("--modality", "text", "--epochs", 1, "--int8")
    assert "The graph is not written in 8 bits: 1.10 times as fast." in " ".join(done.stdout.split())
    monkeypatch.setattr(eight_bits, "offer_int8", lambda graph, **_: replace(offer, graph=graph))
    done = tune("--modality", "text", "--epochs", 1, "--int8")
    assert "The graph is written in 8 bits: 1.10 times as fast." in " ".join(done.stdout.split())


@needs_torch
def test_without_photos_texts_alone_are_tuned_and_memory_that_ends_is_said(tune, tmp_path, monkeypatch):
    from aisle.finetune.tasks import TextTask

    learn = TextTask.loss

    def loss(self, rows, rng):
        if len(rows) > 16:
            raise RuntimeError("CUDA out of memory")
        return learn(self, rows, rng)

    monkeypatch.setattr(TextTask, "loss", loss)
    done = tune("--epochs", 1, source=write_shop(tmp_path / "words", make_shop(count=60, photos=False)))
    assert done.exit_code == 0, done.stderr
    assert "only the text encoder is tuned: 0 labelled products have a photo" in done.stderr
    assert "out of memory; going on with 16 products at once" in done.stderr


@needs_torch
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--modality", "smell"], 2, "modality is one of text, photo, both"),
        (["--joint", "--modality", "text"], 2, "modality must be 'both'"),
        (["--validation", "1"], 2, "between 0 and 1"),
        (["--device", "tpu"], 2, "device is one of cpu, cuda"),
        (["--batch", "1"], 2, "--batch"),
        (["--level", "1", "--leaf"], 2, "not together with --level"),
        (["--modality", "photo", "--pretune", "x"], 2, "only texts are tuned to other catalogues"),
        (["--device", "cuda"], 1, "no GPU"),
        (["--photo-encoder", "vgg16"], 1, "'vgg16' is no photo encoder that can be fine-tuned"),
        (["--text-encoder", "nonesuch"], 1, "nonesuch"),
    ],
)
def test_what_cannot_be_is_told_before_the_work(tune, monkeypatch, words, code, said):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("aisle.catalog.read_catalog", None)
    done = tune(*words)
    assert done.exit_code == code
    assert said in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize("kind", ["catalogue", "file", "engine", "other"])
def test_a_folder_that_cannot_be_written_is_refused(aisle, catalog, tmp_path, networks, kind):
    places = {"catalogue": catalog, "file": tmp_path / "file", "engine": tmp_path / "engine", "other": tmp_path / "o"}
    (tmp_path / "file").write_text("thesis")
    for name in ("engine", "other"):
        places[name].mkdir(exist_ok=True)
    (tmp_path / "engine/manifest.json").write_text("{}")
    (tmp_path / "o/thesis.txt").write_text("years")
    if kind == "other" and not HAS_TORCH:
        pytest.skip("torch is asked for first")
    done = aisle("finetune", catalog, "--out", places[kind])
    assert done.exit_code == (1 if kind == "other" else 2)
    said = {"catalogue": "catalogue's own", "file": "is a file", "engine": "holds an engine", "other": "thesis.txt"}
    assert said[kind] in " ".join(done.stderr.split())


@needs_torch
def test_help_names_what_can_be_tuned_and_nothing_else(aisle):
    from aisle.encode import ENCODERS
    from aisle.errors import UnknownEncoderError
    from aisle.finetune.networks import check_encoder

    said = " ".join(aisle("finetune", "--help", COLUMNS="80").stdout.split())
    starts = {}
    for modality, start, end in (("text", "published text encoder", "photo-encoder"),
                                 ("photo", "published photo encoder", "--seed")):  # fmt: skip
        words = said.partition(start)[2].partition(end)[0]
        starts[modality] = {name for name in ENCODERS if name in words.replace(",", " ").replace(";", " ").split()}
    for name, spec in ENCODERS.items():
        try:
            check_encoder(spec, modality=spec.modality)
        except UnknownEncoderError:
            assert name not in starts[spec.modality]
        else:
            assert name.replace("-max", "-avg") in starts[spec.modality]
    assert "NAME|DIR" not in said
