"""What an engine knows as files: the same bytes every time, and read back as it was."""

import hashlib
import json
import os
import subprocess
import sys

import numpy as np

from aisle.engine.store import to_files

WEIGHTS = "model.safetensors"


def digest(files):
    return {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}


def test_the_same_catalogue_and_seed_give_the_same_bytes(train, shop, engine_files):
    again = to_files(train(shop, precision=0.8).knowledge)
    assert digest(again) == digest(engine_files)


def test_another_process_that_hashes_otherwise_gives_the_same_bytes(tmp_path):
    """Sets and dictionaries of text have another order there; nothing may depend on it."""
    script = """
import hashlib, json, sys
import numpy as np
from aisle.engine.store import Knowledge, References, to_files
from aisle.heads.expert import FieldData
from aisle.heads.fit import fit_classifier
from aisle.heads.folds import held_out_splits
from aisle.heads.tree import CategoryTree
words = "red blue green mug pot lid tea lamp desk wood steel glass".split()
rng = np.random.default_rng(0)
labels = [("A", "x") if n % 3 else ("B",) for n in range(60)]
texts = tuple(f"{words[n % 3 * 4]} " + " ".join(rng.permutation(words)[:4]) for n in range(60))
tree = CategoryTree.grow(labels)
terminals = np.array([tree.terminal(label) for label in labels])
present = np.ones(60, dtype=bool)
embeddings = rng.standard_normal((60, 8)).astype(np.float32)
fields = {"title": FieldData(present, texts, embeddings), "description": FieldData(present, texts[::-1])}
groups = np.arange(60)
splits = held_out_splits(terminals, tree=tree, groups=groups, seed=1)
fit = fit_classifier(fields, terminals, tree=tree, splits=splits, groups=groups, seed=1)
none = References((), (), np.empty(0, np.int64), {})
files = to_files(Knowledge(fit.classifier, none, {}, 0.9, {"b": 1, "a": 2}))
print(json.dumps({name: hashlib.sha256(data).hexdigest() for name, data in files.items()}))
"""
    found = []
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=60, check=True
        )
        found.append(json.loads(done.stdout))
    assert found[0] == found[1]
    assert len(found[0]) > 5


def test_another_seed_draws_otherwise(train, shop, engine_files):
    other = to_files(train(shop, precision=0.8, seed=1).knowledge)
    assert other[WEIGHTS] != engine_files[WEIGHTS]


def test_an_engine_read_back_says_the_same(trained, engine, shop):
    """Weights lie in half precision in the folder; what was learned is in single precision in memory."""
    learned = trained.fit.classifier.predict(trained.gathered.fields)
    expected = np.exp(np.minimum(learned, 0))
    found = engine.probabilities(shop)
    np.testing.assert_allclose(found, expected, atol=2e-3)
    terminals = engine.tree.terminals
    assert (found[:, terminals].argmax(axis=1) == expected[:, terminals].argmax(axis=1)).all()
    assert engine.taxonomy == tuple(dict.fromkeys(trained.fit.classifier.tree.paths))
    assert engine.precision == 0.8


def test_writing_what_was_read_changes_nothing(engine, engine_files):
    assert digest(to_files(engine.knowledge)) == digest(engine_files)
