"""What was compared to choose the engine's experts and their fusion: python benchmarks/engine_choices.py CATALOG.

Five-fold accuracies at the top level, repeated, from inner products of the engine's own features. To be quick, and
unlike `aisle evaluate --cross-validate`, terms and their weights are taken from all texts at once (no label is looked
at), so the figures compare choices with each other and are not the engine's accuracy.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import minimize

from aisle import Settings, read_catalog
from aisle.encode import ENCODERS, embed_texts, open_spec
from aisle.engine.gather import TEXT_ENCODER, gather, group_duplicates
from aisle.heads.expert import FieldData
from aisle.heads.folds import repeated_folds
from aisle.heads.landmarks import Landmarks
from aisle.heads.lexicon import learn_lexicon
from aisle.heads.ridge import inner_products

Array = NDArray[np.float64]
Labels = NDArray[np.int64]

RIDGES = (0.03, 0.1, 0.3)
_POOLED_RIDGE = 0.03


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("catalog")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    products = [product for product in read_catalog(options.catalog).products if product.category]
    names, labels = np.unique([product.category[0] for product in products], return_inverse=True)
    if len(names) < 2 or np.bincount(labels).min() < 5:
        sys.exit("every top category needs five products, and there must be two")
    settings = Settings.load()
    fields = gather(products, settings=settings).fields
    for name, data in fields.items():
        if data.texts is not None and data.embeddings is None:  # what engines leave out, for comparison
            encoder = open_spec(ENCODERS[TEXT_ENCODER], settings=settings)
            embeddings = embed_texts(encoder, data.texts, preparation="raw", settings=settings).matrix
            fields[name] = FieldData(data.present, data.texts, embeddings)
    groups = group_duplicates(products, threads=settings.threads)
    judge = Judge(labels, groups, repeats=options.repeats)
    kernels = {}
    for name, data in fields.items():
        if data.texts is not None:
            lexicon = learn_lexicon(data.texts)
            values, columns, starts = lexicon.rows(data.texts)
            kernels[f"{name}, terms"] = inner_products(sparse.csr_matrix((values, columns, starts)))
        if data.embeddings is not None:
            view = Landmarks(data.embeddings[data.present].mean(axis=0), data.embeddings[:0])
            rows = view.unit(data.embeddings) * data.present[:, None]
            kernels[f"{name}, embedding, linear"] = rows @ rows.T
            squared = (rows**2).sum(axis=1)
            distance = squared[:, None] + squared - 2 * rows @ rows.T
            kernels[f"{name}, embedding"] = np.exp(-0.5 * distance) * np.outer(data.present, data.present)
    print(f"One expert: accuracy (grouped) at ridge {RIDGES}")
    for name, kernel in kernels.items():
        print(f"  {name:32s}", "  ".join(judge.alone(kernel, ridge) for ridge in RIDGES), flush=True)
    curved = {name: kernel for name, kernel in kernels.items() if not name.endswith("linear")}
    used = {name: kernel for name, kernel in curved.items() if name != "attributes, embedding"}
    print("\nAll experts together: accuracy (grouped), negative log-likelihood")
    for pull in (0.0, 1.0, 5.0, 25.0, 1e6):
        print(f"  weighted scores, pull {pull:<9g}", judge.pooled(list(used.values()), pull), flush=True)
    if len(used) < len(curved):
        print("  the same, attributes also embedded, pull 5", judge.pooled(list(curved.values()), 5.0), flush=True)
    print("  one machine, curved       ", "  ".join(judge.alone(_mean(used.values()), ridge) for ridge in RIDGES))
    linear = [kernel for name, kernel in kernels.items() if name.endswith(("terms", "linear"))]
    print("  one machine, linear       ", "  ".join(judge.alone(_mean(linear), ridge) for ridge in RIDGES))


def _mean(kernels: Iterable[Array]) -> Array:
    return np.mean(list(kernels), axis=0)


class Judge:
    """Scores kernels on the same splits."""

    def __init__(self, labels: Labels, groups: Labels, *, repeats: int) -> None:
        self.labels, self.groups = labels, groups
        self.targets = np.eye(labels.max() + 1)[labels] - 1 / (labels.max() + 1)
        self.plain = list(repeated_folds(labels, folds=5, repeats=repeats))
        self.grouped = list(repeated_folds(labels, folds=5, repeats=repeats, groups=groups))

    def alone(self, kernel: Array, ridge: float) -> str:
        """Return the accuracy of one kernel machine, plain and grouped."""
        plain, grouped = (
            np.mean([self._right(kernel, train, test, ridge) for train, test in splits])
            for splits in (self.plain, self.grouped)
        )
        return f"{100 * plain:.2f} ({100 * grouped:.2f})"

    def pooled(self, kernels: Sequence[Array], pull: float) -> str:
        """Return the accuracy of weighted scores, the weights fitted on scores held out inside the training rows."""
        figures = []
        for splits in (self.plain, self.grouped):
            right, loss = [], []
            for train, test in splits:
                inner = list(repeated_folds(self.labels[train], folds=5, repeats=1, groups=self.groups[train], seed=7))
                known, new = [], []
                for kernel in kernels:
                    weights, inverse = self._fit(kernel, train, _POOLED_RIDGE)
                    new.append(kernel[np.ix_(test, train)] @ weights)
                    held = np.zeros_like(weights)
                    for _, out in inner:  # the leave-out formula for least squares
                        held[out] = self.targets[train][out] - np.linalg.solve(inverse[np.ix_(out, out)], weights[out])
                    known.append(held)
                mix = _weigh(np.stack(known), self.labels[train], pull)
                shares = _softmax(np.tensordot(mix, np.stack(new), 1))
                right.append((shares.argmax(axis=1) == self.labels[test]).mean())
                loss.append(-np.log(shares[np.arange(len(test)), self.labels[test]]).mean())
            figures.append((np.mean(right), np.mean(loss)))
        (plain, loss), (grouped, _) = figures
        return f"{100 * plain:.2f} ({100 * grouped:.2f}), {loss:.4f}"

    def _right(self, kernel: Array, train: Labels, test: Labels, ridge: float) -> float:
        weights, _ = self._fit(kernel, train, ridge)
        return ((kernel[np.ix_(test, train)] @ weights).argmax(axis=1) == self.labels[test]).mean()

    def _fit(self, kernel: Array, train: Labels, ridge: float) -> tuple[Array, Array]:
        inverse = np.linalg.inv(kernel[np.ix_(train, train)] + ridge * np.eye(len(train)))
        return inverse @ self.targets[train], inverse


def _softmax(scores: Array) -> Array:
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


def _weigh(scores: Array, labels: Labels, pull: float) -> Array:
    at = np.arange(len(labels))

    def loss(weights: Array) -> tuple[float, Array]:
        shares = _softmax(np.tensordot(weights, scores, 1))
        value = -np.log(shares[at, labels] + 1e-300).sum()
        shares[at, labels] -= 1
        away = weights - weights.mean()
        slope = (scores * shares).sum(axis=(1, 2)) + 2 * pull * away / len(away)
        return (value + pull * (away @ away) / len(away)) / len(labels), slope / len(labels)

    bounds = [(0.0, None)] * len(scores)
    return minimize(loss, np.full(len(scores), 4.0), jac=True, method="L-BFGS-B", bounds=bounds).x


if __name__ == "__main__":
    main()
