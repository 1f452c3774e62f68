"""``--text-encoder`` and ``--photo-encoder``: encoders of one's own, from the command line to the engine and back."""

import json

import numpy as np
import pytest

from aisle.catalog import read_catalog
from aisle.encode.seen import training_keys
from aisle.engine import load_engine

COMMANDS = {
    "train": ["--out", "engine"],
    "evaluate": ["--cross-validate", "--folds", 2, "--repeats", 1, "--level", 1],
    "audit": ["--out", "found"],
}


@pytest.fixture(autouse=True)
def one_thread(monkeypatch, nobody):
    monkeypatch.setenv("AISLE_THREADS", "1")


@pytest.fixture
def market(tmp_path):
    """A table of 80 products in two categories, without photos."""
    words = {"Home > Mugs": "mug ceramic coffee tea handle", "Garden > Pots": "pot clay plant soil terrace"}
    rng = np.random.default_rng(0)
    rows = ["id,title,category"]
    for number in range(80):
        category = list(words)[number % 2]
        rows.append(f"{number},{' '.join(rng.permutation(words[category].split())[:3])} n{number},{category}")
    (tmp_path / "market.csv").write_text("\n".join(rows))
    return tmp_path / "market.csv"


@pytest.fixture
def tuned(market, own_encoder, tmp_path):
    """Return a function: a folder with both encoders, tuned on the first so many products of the market."""

    def make(seen):
        products = read_catalog(market).products
        words = sorted({word for product in products for word in product.title.split()})
        vectors = {word: np.random.default_rng(place).standard_normal(8) for place, word in enumerate(words)}
        own_encoder.text(tmp_path / "tuned", vectors)
        return own_encoder.photo(tmp_path / "tuned", seen=training_keys(products[:seen]))

    return make


def test_an_engine_is_trained_with_them_and_says_what_they_have_seen(aisle, market, tuned, tmp_path):
    place = tuned(50)
    done = aisle("train", market, "--out", "engine", "--text-encoder", place, "--photo-encoder", place)
    assert done.exit_code == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "An encoder has learned from 50 of them" in said
    assert "slightly optimistic if these also chose when its training stopped" in said
    assert max(map(len, done.stdout.splitlines())) <= 80
    engine = load_engine("engine")
    assert engine.knowledge.encoders["text"].about["name"] == "tuned"
    assert engine.knowledge.evaluation["subsets"][0]["figures"]["products"] == 30
    found = json.loads(aisle("evaluate", "engine", market, "--json").stdout)
    assert (found["seen"], found["held_out"]) == (80, False)


def test_cross_validation_says_how_many_are_not_judged(aisle, market, tuned):
    done = aisle("evaluate", market, *COMMANDS["evaluate"], "--text-encoder", tuned(50))
    assert done.exit_code == 0, done.stderr
    assert "An encoder has learned from 50 of these products" in " ".join(done.stdout.split())
    assert max(map(len, done.stdout.splitlines())) <= 80
    plain = aisle("evaluate", market, *COMMANDS["evaluate"], "--text-encoder", tuned(0), "--json")
    assert json.loads(plain.stdout)["seen"] == 0


def test_an_audit_says_how_many_are_not_judged(aisle, market, tuned, tmp_path):
    done = aisle("audit", market, *COMMANDS["audit"], "--text-encoder", tuned(50))
    assert done.exit_code == 0, done.stderr
    assert "50 products that an encoder has learned from" in " ".join(done.stdout.split())
    assert json.loads((tmp_path / "work/found/audit.json").read_text())["seen"] == 50


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("option", "name", "said"),
    [
        ("--text-encoder", "minilm2", "Did you mean 'minilm'"),
        ("--text-encoder", "tfidf", "learns from the catalogue at hand"),
        ("--photo-encoder", "minilm", "is named as the encoder of the photo"),
        ("--photo-encoder", "./nowhere", "no folder of that name"),
    ],
)
def test_a_wrong_name_is_told_before_the_work(aisle, market, command, option, name, said):
    done = aisle(command, market, *COMMANDS[command], option, name)
    assert done.exit_code == 1
    assert said in " ".join(done.stderr.split())


@pytest.mark.parametrize("command", COMMANDS)
def test_encoders_that_have_seen_all_are_refused_with_the_remedy(aisle, market, tuned, command):
    done = aisle(command, market, *COMMANDS[command], "--text-encoder", tuned(80))
    assert done.exit_code == 1
    assert "have learned from 80 of 80" in " ".join(done.stderr.split())


def test_an_engine_brings_its_own_encoders(aisle, market, tmp_path):
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine/manifest.json").write_text("{}")
    done = aisle("evaluate", tmp_path / "engine", market, "--text-encoder", "minilm")
    assert done.exit_code == 2
    assert "only with --cross-validate" in " ".join(done.stderr.split())
