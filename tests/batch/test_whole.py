"""The command as somebody has it, with an engine that was trained: its answers are those of ``aisle classify``."""

import csv
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from aisle.product import Product
from aisle.settings import Settings

pytestmark = pytest.mark.slow

WORDS = {("Home", "Mugs"): "mug ceramic tea", ("Home", "Pots"): "pot steel lid", ("Phones",): "phone usb screen"}


@pytest.fixture
def engine(tiny_networks, tmp_path, monkeypatch):
    from aisle.engine.artifact_writer import write_artifact
    from aisle.engine.store import to_files
    from aisle.train import TrainingOptions, train_engine

    tiny_networks(monkeypatch)
    rng = np.random.default_rng(1)
    products = [
        Product(id=f"{n}-{words[:3]}", title=" ".join(rng.permutation(words.split())) + f" {n}", category=path)
        for path, words in WORDS.items()
        for n in range(20)
    ]
    trained = train_engine(
        products, options=TrainingOptions(precision=0.8), settings=Settings(cache_dir=tmp_path / "cache", threads=1)
    )
    write_artifact(tmp_path / "engine", to_files(trained.knowledge), about={})
    return tmp_path / "engine"


def aisle(*words, cwd):
    command = [sys.executable, "-W", "error", "-m", "aisle", *map(str, words)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=120,
        check=False,
        env=os.environ | {"LC_ALL": "C.UTF-8"},
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_answers_are_those_of_classify(engine, tmp_path):
    Image.new("RGB", (40, 30), (10, 200, 30)).save(tmp_path / "x.jpg")
    with (tmp_path / "shop.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "title", "photo", "price"])
        for n in range(700):
            title = ["mug ceramic", "steel, pot\nlid", "usb phone", "ünknown"][n % 4]
            writer.writerow(["" if n == 300 else n, title, "x.jpg" if n % 5 == 0 else "", n])
    done = aisle("batch", engine, "shop.csv", "--out", "out", "--shard-rows", 120, "--format", "jsonl",
                 "--evidence", "--workers", 2, "--json", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 3
    record = json.loads(done.stdout)
    assert record["rows"] == {"in": 700, "answered": 699, "quarantined": 1, "given_up": 0}
    assert record["shards"]["done"] == 6
    alone = aisle("classify", engine, "shop.csv", cwd=tmp_path)
    assert alone.returncode == 3
    expected = [json.loads(line) for line in alone.stdout.splitlines()]
    found = [
        json.loads(line)
        for path in sorted((tmp_path / "out" / "answers").iterdir())
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert [row.pop("row") for row in found] == [n + 1 for n in range(700) if n != 300]
    assert len({row.pop("source") for row in found}) == 1
    assert {row["decision"] for row in found} >= {"accept"}
    for row, other in zip(found, expected, strict=True):
        assert other.pop("extra").keys() == {"price"}
        assert row.pop("extra") == {}
        assert row == other
