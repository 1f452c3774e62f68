"""How often an engine and its peers are right about products they have not seen, and what learning took.

Repeated stratified folds, everything learned inside them; all contestants answer for the same rows, in turn. Text peers
read title and description. Embeddings are computed once and are no part of anybody's time. Intervals are those of
Nadeau & Bengio (2003). Contestants that are not installed are named with what to type.
"""

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from aisle.catalog import read_catalog
from aisle.encode import ENCODERS, embed_texts, open_spec
from aisle.encode.encoders import PretrainedText
from aisle.engine.gather import gather, group_duplicates
from aisle.heads.expert import FieldData, Fields
from aisle.heads.fit import fit_classifier
from aisle.heads.folds import held_out_splits, repeated_folds
from aisle.heads.fused import FusedClassifier
from aisle.heads.intervals import cross_validation_interval
from aisle.heads.reliability import expected_calibration_error
from aisle.heads.tree import CategoryTree
from aisle.product import Product
from aisle.progress import bar
from aisle.settings import Settings
from aisle.weights import fetch_all
from peers.contestant import Answers, Contestant, Ids, Missing
from peers.minilm_torch import TorchMiniLM, write_folder, write_sentence_transformer
from peers.text_classifiers import embedding_peer, fasttext_peer, scikit_learn_peers, setfit_peer

OURS = "aisle: title, description"
VIEWS: dict[str, tuple[str, ...]] = {
    OURS: ("title", "description"),
    "aisle: all": ("title", "description", "attributes", "photo"),
    "  asked with title, description, photo": ("title", "description", "photo"),
    "  asked with title, description, specifications": ("title", "description", "attributes"),
    "  asked with title": ("title",),
    "  asked with photo": ("photo",),
}
"""Two are learned, from those fields alone; the rest are what the second says where a product has no more."""


@dataclass(frozen=True, eq=False)
class Task:
    """Products to be told apart.

    Attributes
    ----------
    products : sequence of Product
    tree : CategoryTree
    terminals : ndarray of int, shape (n,)
        What is to be found: the terminal node of each.
    groups : ndarray of int, shape (n,)
        Near-duplicates share a number.
    fields : mapping of str to FieldData
    """

    products: Sequence[Product]
    tree: CategoryTree
    terminals: Ids
    groups: Ids
    fields: Fields

    @property
    def texts(self) -> list[str]:
        """Title and description, as one text."""
        return [f"{product.title}\n{product.description}" for product in self.products]


@dataclass
class Score:
    """What a contestant reached, fold by fold."""

    accuracy: list[float] = field(default_factory=list)
    f1: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    confidence: list[NDArray[np.float64]] = field(default_factory=list)
    right: list[NDArray[np.bool_]] = field(default_factory=list)

    def add(self, answers: Answers, truth: Ids) -> None:
        """Count one fold."""
        right = answers.labels == truth
        self.accuracy.append(float(right.mean()))
        self.f1.append(float(f1_score(truth, answers.labels, labels=np.unique(truth), average="macro")))
        self.seconds.append(answers.seconds)
        self.right.append(right)
        if answers.confidence is not None:
            self.confidence.append(answers.confidence)


def read_task(source: Path, *, level: int | None, folds: int, limit: int | None, settings: Settings) -> Task:
    """Read a catalogue; categories that have fewer products than there are folds are left out at the top."""
    products = [product for product in read_catalog(source).products if product.category]
    if limit is not None and limit < len(products):
        chosen = np.sort(np.random.default_rng(0).choice(len(products), size=limit, replace=False))
        products = [products[row] for row in chosen.tolist()]
    tree = CategoryTree.grow([product.category for product in products], level=level)
    terminals = np.array([tree.terminal(product.category) for product in products], dtype=np.int64)
    kept = np.flatnonzero(np.bincount(terminals, minlength=len(tree))[terminals] >= folds)
    if len(kept) < len(products):
        print(f"{len(products) - len(kept)} products of categories with fewer than {folds} are left out")
        products = [products[row] for row in kept.tolist()]
        tree = CategoryTree.grow([product.category for product in products], level=level)
        terminals = np.array([tree.terminal(product.category) for product in products], dtype=np.int64)
    fields = gather(products, settings=settings).fields
    return Task(products, tree, terminals, group_duplicates(products, threads=settings.threads), fields)


class Ours:
    """The engine's classifier, as `aisle train` learns it.

    Parameters
    ----------
    task : Task
    names : sequence of str
        The fields that it may read.
    """

    def __init__(self, task: Task, names: Sequence[str]) -> None:
        self._task = task
        self._fields = {name: data for name, data in task.fields.items() if name in names}
        self._train: Ids | None = None
        self._classifier: FusedClassifier | None = None
        self._seconds = 0.0

    def __call__(self, train: Ids, test: Ids) -> Answers:
        """Learn and answer."""
        task = self._task
        started = time.perf_counter()
        fields = {name: data.take(train) for name, data in self._fields.items()}
        terminals = task.terminals[train]
        groups = np.unique(task.groups[train], return_inverse=True)[1]
        splits = held_out_splits(terminals, tree=task.tree, groups=groups, seed=0)
        fitted = fit_classifier(fields, terminals, tree=task.tree, splits=splits, groups=groups)
        self._classifier, self._train, self._seconds = fitted.classifier, train, time.perf_counter() - started
        return self.answer(test, self._fields)

    def asked_with(self, names: Sequence[str]) -> Contestant:
        """Return what it answers to products that have these fields only; it has learned from these rows already."""
        kept = {name: data for name, data in self._fields.items() if name in names}

        def answer(train: Ids, test: Ids) -> Answers:
            if self._train is not train:
                raise ValueError("it has learned from other rows")
            return self.answer(test, kept)

        return answer

    def answer(self, test: Ids, fields: Mapping[str, FieldData]) -> Answers:
        """Answer with the most probable path."""
        if self._classifier is None:
            raise ValueError("nothing has been learned yet")
        logs = self._classifier.predict({name: data.take(test) for name, data in fields.items()})
        best = self._task.tree.most_probable(logs)
        confidence = np.exp(np.minimum(logs[np.arange(len(best)), best], 0.0))
        return Answers(best, confidence, self._seconds)


def contestants(task: Task, *, settings: Settings, folder: Path, setfit: int) -> dict[str, Contestant | Missing]:
    """Return everyone, ours first."""
    known = set(task.fields)
    text, everything = Ours(task, VIEWS[OURS]), Ours(task, tuple(known))
    found: dict[str, Contestant | Missing] = {OURS: text}
    if known - set(VIEWS[OURS]):
        found["aisle: all"] = everything
        found |= {
            name: everything.asked_with(names)
            for name, names in VIEWS.items()
            if name.startswith(" ") and known.issuperset(names)
        }
    texts, labels = task.texts, task.terminals
    found |= scikit_learn_peers(texts, labels)
    encoder = open_spec(ENCODERS["minilm"], settings=settings)
    if not isinstance(encoder, PretrainedText):
        raise TypeError("MiniLM is no pretrained encoder")
    ours = embed_texts(encoder, texts, preparation="raw", settings=settings).matrix
    found["MiniLM (ONNX), logistic regression"] = embedding_peer(ours, labels)
    bare = folder / "minilm"
    weights, tokenizer = fetch_all(
        [ENCODERS["minilm"].files[name] for name in ("weights", "tokenizer")], settings=settings
    )
    write_folder(bare, weights=weights, tokenizer=tokenizer)
    if all(importlib.util.find_spec(name) for name in ("torch", "transformers")):
        theirs = TorchMiniLM(bare).encode(texts)
        print(f"least cosine of MiniLM in ONNX and in torch: {(ours * theirs).sum(axis=1).min():.6f}")
        found["MiniLM (torch), logistic regression"] = embedding_peer(theirs, labels)
    else:
        found["MiniLM (torch), logistic regression"] = Missing("make test-torch, and run with .venv-torch/bin/python")
    found["fastText"] = fasttext_peer(texts, labels, threads=settings.threads)
    if setfit:
        peer = setfit_peer(texts, labels, folder=folder / "setfit", steps=setfit)
        if not isinstance(peer, Missing):
            write_sentence_transformer(folder / "setfit", bare=bare)
        found["SetFit"] = peer
    return found


def print_scores(everyone: Mapping[str, Contestant | Missing], scores: Mapping[str, Score], *, folds: int) -> None:
    """Print a line for each; the ratio is its errors, and its time to learn, through ours."""
    ours = float(np.median(scores[OURS].seconds))
    errors = 1 - float(np.mean(scores[OURS].accuracy))
    width = max(map(len, everyone))
    print(f"{'':{width}}  accuracy, 95 % interval   macro-F1    ECE   errors by ours   learning   by ours")
    for name, contestant in everyone.items():
        if isinstance(contestant, Missing):
            print(f"{name:{width}}  not installed: {contestant.remedy}")
            continue
        score = scores[name]
        interval = cross_validation_interval(score.accuracy, folds=folds)
        shown = f"{100 * interval.mean:5.2f} % [{100 * interval.low:5.2f}, {100 * interval.high:5.2f}]"
        gap = "    –"  # noqa: RUF001 - a dash for no figure
        if score.confidence:
            confidence, right = np.concatenate(score.confidence), np.concatenate(score.right)
            gap = f"{expected_calibration_error(confidence, right, resamples=1).value:5.3f}"
        seconds = float(np.median(score.seconds))
        ratio = f"{(1 - interval.mean) / errors:14.2f}" if errors else f"{'none':>14}"
        took = "the same fit" if name.startswith(" ") else f"{seconds:6.2f} s  {seconds / ours:6.2f} x"
        print(f"{name:{width}}  {shown}     {np.mean(score.f1):5.3f}  {gap}   {ratio}   {took}")


def main() -> None:
    """Deal the folds, let everyone learn and answer, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalog", type=Path)
    parser.add_argument("--level", type=int, default=1, help="how deep categories go; 0: as deep as they go")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--grouped", action="store_true", help="keep near-duplicates on one side")
    parser.add_argument("--limit", type=int, help="only so many products, drawn at random")
    parser.add_argument("--setfit", type=int, default=0, metavar="STEPS", help="SetFit too; minutes per fold on a CPU")
    options = parser.parse_args()
    settings = Settings.load()
    level = options.level or None
    task = read_task(options.catalog, level=level, folds=options.folds, limit=options.limit, settings=settings)
    with tempfile.TemporaryDirectory() as folder:
        everyone = contestants(task, settings=settings, folder=Path(folder), setfit=options.setfit)
        scores = {name: Score() for name, each in everyone.items() if not isinstance(each, Missing)}
        groups = task.groups if options.grouped else None
        dealt = list(repeated_folds(task.terminals, folds=options.folds, repeats=options.repeats, groups=groups))
        with bar(label="comparing", total=len(dealt) * len(scores), unit=" fits") as progress:
            for train, test in dealt:
                for name, score in scores.items():
                    contestant = everyone[name]
                    if not isinstance(contestant, Missing):
                        progress.set_postfix_str(name.strip())
                        score.add(contestant(train, test), task.terminals[test])
                    progress.update()
    print(
        f"{len(task.products)} products, {len(task.tree.terminals)} categories, {len(dealt)} folds"
        f"{', near-duplicates on one side' if options.grouped else ''}, {settings.threads} threads"
    )
    print_scores(everyone, scores, folds=options.folds)


if __name__ == "__main__":
    main()
