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
_PRIOR = 0.02
"""How much a held-out set of nothing weighs against one of n products: as 1 to n / _PRIOR_ROWS."""
_PRIOR_ROWS = 50.0


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
    wide = set(np.flatnonzero(np.diff(np.append(tree.starts, len(tree))) > 1).tolist())
    for step in range(POOLED_STEPS):
        choices = []
        for number, (_, run) in enumerate(tree.siblings()):
            if number not in wide or min(int(tree.steps[run.start]), POOLED_STEPS) - 1 != step:
                continue
            taken = ways[:, int(tree.steps[run.start]) - 1]
            here = np.flatnonzero((taken >= run.start) & (taken < run.stop))
            if here.size:
                choices.append((scores[:, here, run].astype(np.float64), taken[here] - run.start))
        prior = weights[:, step - 1] if step else weights[:, 0]
        weights[:, step] = _fit_step(choices, prior) if choices else prior
    return weights


def _fit_step(choices: list[tuple[NDArray[np.float64], Ids]], prior: Weights) -> Weights:
    rows = sum(len(taken) for _, taken in choices)
    pull = _PRIOR * _PRIOR_ROWS / (rows + _PRIOR_ROWS)

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
        away = weights - prior
        return total / rows + pull * float(away @ away) / len(away), slope / rows + 2 * pull * away / len(away)

    found = optimize.minimize(loss, prior, jac=True, method="L-BFGS-B", bounds=[(0.0, _MOST)] * len(prior))
    return np.asarray(found.x)
