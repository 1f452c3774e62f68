"""How learning grows with the catalogue: seconds and peak memory, and LinearSVC on TF-IDF beside it.

Rows are drawn: titles from a vocabulary with Zipf frequencies, with words of their own for each of about 60 top
categories and their five children; embeddings are drawn around a centre per category, so that no encoder's time is in
it. Both learn the same labels of the same titles; aisle also learns from the embeddings, scores held-out rows and
weighs its experts by them. Each fit runs in a process of its own, which is stopped at the time limit. Memory is read
from /proc: on Linux only.
"""

import argparse
import json
import math
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.svm import LinearSVC

from aisle.heads.expert import FieldData
from aisle.heads.fit import fit_classifier
from aisle.heads.folds import held_out_splits
from aisle.heads.tree import CategoryTree
from peers.text_classifiers import words_and_letters

TOPS, CHILDREN, DIMENSIONS = 60, 5, 384
NEW_ROWS = 2000
"""Rows drawn to be answered: they show that a quick fit is not a poor one."""

WRONG_LABELS = 0.02
SYLLABLES = [one + two + three for one in "bdfgklmnprstv" for two in "aeiou" for three in ("", "n", "r", "s")]
PEAK = Path("/proc/self/status")
CONTESTANTS = ("aisle", "LinearSVC")


@dataclass(frozen=True, eq=False)
class Rows:
    """Drawn products.

    Attributes
    ----------
    titles : tuple of str
    embeddings : ndarray of float32, shape (n, 384)
    labels : list of tuple of str
    """

    titles: tuple[str, ...]
    embeddings: NDArray[np.float32]
    labels: list[tuple[str, ...]]


def draw(count: int, *, seed: int) -> Rows:
    """Draw products; the words, the categories and their centres are the same for every seed."""
    fixed, numbers = np.random.default_rng(0), np.random.default_rng(seed)
    vocabulary = np.array(["".join(fixed.choice(SYLLABLES, size=fixed.integers(2, 5))) for _ in range(30_000)])
    common = _zipf(20_000)
    top_words = fixed.integers(len(vocabulary), size=(TOPS, 60))
    child_words = fixed.integers(len(vocabulary), size=(TOPS * CHILDREN, 25))
    shares = fixed.permutation(_zipf(TOPS * CHILDREN, exponent=0.8))
    centres = np.repeat(fixed.standard_normal((TOPS, DIMENSIONS)), CHILDREN, axis=0)
    centres = (centres + 0.7 * fixed.standard_normal(centres.shape)).astype(np.float32)
    child = numbers.choice(len(shares), size=count, p=shares)
    lengths = numbers.integers(3, 13, size=count)
    kinds = numbers.choice(3, size=(count, 12), p=(0.55, 0.25, 0.2))
    general = numbers.choice(len(common), size=(count, 12), p=common)
    tops = top_words[(child // CHILDREN)[:, None], numbers.choice(60, size=(count, 12), p=_zipf(60))]
    own = child_words[child[:, None], numbers.choice(25, size=(count, 12), p=_zipf(25))]
    words = vocabulary[np.choose(kinds, (general, tops, own))]
    codes = numbers.integers(10_000, size=count)  # model numbers: a vocabulary without end
    titles = tuple(f"{' '.join(row[:length])} {code}" for row, length, code in zip(words, lengths, codes, strict=True))
    noise = numbers.standard_normal((count, DIMENSIONS), dtype=np.float32)
    embeddings = centres[child] + 3 * noise
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    wrong = numbers.random(count) < WRONG_LABELS
    told = np.where(wrong, numbers.integers(len(shares), size=count), child)
    return Rows(titles, embeddings, [(f"top {each // CHILDREN}", f"child {each}") for each in told.tolist()])


def _zipf(count: int, *, exponent: float = 1.0) -> NDArray[np.float64]:
    shares = 1 / np.arange(1, count + 1) ** exponent
    return np.asarray(shares / shares.sum())


def fit(name: str, count: int) -> dict[str, float]:
    """Learn in this process."""
    rows, new = draw(count, seed=1), draw(NEW_ROWS, seed=2)
    tree = CategoryTree.grow(rows.labels)
    terminals = np.array([tree.terminal(label) for label in rows.labels], dtype=np.int64)
    truth = np.array([tree.terminal(label) for label in new.labels], dtype=np.int64)
    _forget_peak()
    before, started = _peak(), time.perf_counter()
    if name == "aisle":
        groups = np.arange(count)
        fields = {"title": FieldData(np.ones(count, dtype=np.bool_), rows.titles, rows.embeddings)}
        splits = held_out_splits(terminals, tree=tree, groups=groups, seed=0)
        classifier = fit_classifier(fields, terminals, tree=tree, splits=splits, groups=groups).classifier
        seconds, peak = time.perf_counter() - started, _peak()
        asked = {"title": FieldData(np.ones(NEW_ROWS, dtype=np.bool_), new.titles, new.embeddings)}
        answers = tree.most_probable(classifier.predict(asked))
    else:
        model = words_and_letters(LinearSVC()).fit(rows.titles, terminals)
        seconds, peak = time.perf_counter() - started, _peak()
        answers = model.predict(new.titles)
    return {
        "seconds": seconds,
        "megabytes": peak,
        "grown": peak - before,
        "accuracy": float((answers == truth).mean()),
        "categories": len(tree.terminals),
    }


def _forget_peak() -> None:
    """Let the peak begin where memory is now: drawing the rows took some that was given back."""
    if PEAK.exists():
        PEAK.with_name("clear_refs").write_text("5")


def _peak() -> float:
    """Return the most memory this process has held since then, in MB; not a number where there is no /proc."""
    if not PEAK.exists():
        return math.nan
    [line] = [line for line in PEAK.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def run(name: str, count: int, *, limit: float) -> dict[str, Any] | None:
    """Learn in another process; None where it took too long."""
    command = [sys.executable, str(Path(__file__)), "--fit", name, "--sizes", str(count)]
    try:
        done = subprocess.run(command, check=True, timeout=limit, stdout=subprocess.PIPE)
    except subprocess.TimeoutExpired:
        return None
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Print a line per size and contestant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--limit", type=float, default=1800, help="seconds for one process")
    parser.add_argument("--fit", choices=CONTESTANTS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.fit:
        print(json.dumps(fit(options.fit, options.sizes[0])))
        return
    print("growth: the exponent e of seconds ~ rows^e since the size before\n")
    print("   rows  contestant    seconds    rows/s  growth  peak memory  of it the fit  accuracy  by aisle's time")
    before: dict[str, tuple[int, float]] = {}
    for count in options.sizes:
        reference = math.nan
        for name in CONTESTANTS:
            found = run(name, count, limit=options.limit)
            if found is None:
                print(f"{count:>7}  {name:10}  more than {options.limit:g} s")
                continue
            seconds = found["seconds"]
            reference = seconds if name == "aisle" else reference
            growth = "     –"  # noqa: RUF001 - a dash for no figure
            if name in before:
                rows, earlier = before[name]
                growth = f"{math.log(seconds / earlier) / math.log(count / rows):6.2f}"
            before[name] = count, seconds
            print(
                f"{count:>7}  {name:10}  {seconds:9.2f}  {count / seconds:8.0f}  {growth}  "
                f"{found['megabytes']:8.0f} MB  {found['grown']:10.0f} MB  {100 * found['accuracy']:6.1f} %  "
                f"{seconds / reference:15.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
