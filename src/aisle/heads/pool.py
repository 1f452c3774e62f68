"""Experts into one answer: a weighted sum of their scores, its weights fitted for each set of experts.

A product of experts, each with an exponent (a logarithmic opinion pool; Genest & Zidek 1986, weights by likelihood as
in Heskes 1998). Weights are not negative, and one set serves all categories at one depth: a handful of numbers, which
a few hundred held-out products determine. They hold the temperature too: their sum says how sure to be.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from aisle.heads.fused import POOLED_STEPS
from aisle.heads.tree import CategoryTree

Array = NDArray[np.float32]
Weights = NDArray[np.float64]
Ids = NDArray[np.int64]

_MOST = 60.0
_START = 4.0
_PULL = 5.0
"""How hard weights are drawn together, in products: a few products cannot tell experts apart, thousands can."""


def fit_pool(scores: Array, terminals: Ids, *, tree: CategoryTree) -> Weights:
    """Fit weights to held-out scores by maximum likelihood.

    Parameters
    ----------
    scores : ndarray of float32, shape (experts, rows, nodes)
        Out-of-fold, without NaN.
    terminals : ndarray of int, shape (rows,)
        Where each product belongs.
    tree : CategoryTree

    Returns
    -------
    ndarray of float, shape (experts, POOLED_STEPS)
        Drawn gently to one common value, which matters only where there are few products.
    """
    ways = tree.chains[terminals]
    weights = np.full((len(scores), POOLED_STEPS), _START)
    for step in range(POOLED_STEPS):
        choices = []
        for _, run in tree.siblings():
            at = int(tree.steps[run.start]) - 1
            if run.stop - run.start < 2 or min(at, POOLED_STEPS - 1) != step:
                continue
            here = np.flatnonzero((ways[:, at] >= run.start) & (ways[:, at] < run.stop))
            if here.size:
                choices.append((scores[:, here, run].astype(np.float64), ways[here, at] - run.start))
        above = weights[:, step - 1] if step else None
        if choices:
            weights[:, step] = _fit_step(choices, above)
        elif above is not None:
            weights[:, step] = above
    return weights


def _fit_step(choices: list[tuple[NDArray[np.float64], Ids]], above: Weights | None) -> Weights:
    """Fit one step's weights, drawn to those of the step above, or at the top to each other."""
    rows = sum(len(taken) for _, taken in choices)
    experts = len(choices[0][0])

    def loss(weights: Weights) -> tuple[float, Weights]:
        total, slope = 0.0, np.zeros_like(weights)
        for scores, taken in choices:
            logits = np.tensordot(weights, scores, 1)
            logits -= logits.max(axis=1, keepdims=True)
            shares = np.exp(logits)
            norm = shares.sum(axis=1, keepdims=True)
            at = np.arange(len(taken))
            total -= float((logits[at, taken] - np.log(norm[:, 0])).sum())
            shares /= norm
            shares[at, taken] -= 1
            slope += (scores * shares).sum(axis=(1, 2))
        away = weights - (weights.mean() if above is None else above)
        total += _PULL * float(away @ away) / experts
        return total / rows, (slope + 2 * _PULL * away / experts) / rows

    start = np.full(experts, _START) if above is None else above
    found = optimize.minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, _MOST)] * experts)
    return np.asarray(found.x)
