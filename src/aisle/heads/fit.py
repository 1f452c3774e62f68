"""Learning a classifier: every expert fitted, scored on products it has not seen, and weighed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aisle.heads.answers import count_answers
from aisle.heads.expert import Expert, FieldData, Fields
from aisle.heads.fused import FusedClassifier, Pool, Subset, all_subsets, pooled_log_probability
from aisle.heads.landmarks import Landmarks, choose_landmarks, kernel_root
from aisle.heads.lexicon import MOST_TERMS, learn_lexicon, sparse_rows
from aisle.heads.pool import fit_pool
from aisle.heads.ridge import Ridge
from aisle.heads.tree import ROOT, CategoryTree

Array = NDArray[np.float32]
Ids = NDArray[np.int64]
Splits = Sequence[tuple[Ids, Ids]]

LEAST_ROWS = 20
"""A field that fewer labelled products have gets no expert; of fewer products altogether, one that not all have."""

_MOST_WEIGHTS = 40_000_000
"""Terms times nodes, of one expert: 160 MB in memory."""


@dataclass(frozen=True, eq=False)
class Fit:
    """What was learned, and what it says of products when it has not seen them.

    Attributes
    ----------
    classifier : FusedClassifier
        Fitted to all products.
    held_out : dict of subset to ndarray of float32, shape (m, nodes)
        Log-probabilities from experts and weights that were fitted without the product; NaN for products that lack one
        of the fields, or on which an encoder of one was tuned.
    scores : ndarray of float32, shape (experts, m, nodes)
        The held-out scores of each expert; NaN where it has none.
    rows : ndarray of int, shape (m,)
        The products that were held out, ascending: all, unless there are very many.
    terminals : ndarray of int, shape (n,)
        The terminal node of each product.
    """

    classifier: FusedClassifier
    held_out: dict[Subset, Array]
    scores: Array
    rows: Ids
    terminals: Ids

    def judged(self, subset: Subset) -> Ids:
        """Return the products that have these fields and were held out."""
        return self.rows[~np.isnan(self.held_out[subset][:, 0])]

    def logs(self, subset: Subset, rows: Ids) -> NDArray[np.float64]:
        """Return the held-out log-probabilities of products that were held out, shape (len(rows), nodes)."""
        return self.held_out[subset][np.searchsorted(self.rows, rows)].astype(np.float64)


def fit_classifier(
    fields: Fields,
    terminals: Ids,
    *,
    tree: CategoryTree,
    splits: Splits,
    groups: Ids,
    seed: int = 0,
    step: Callable[[str], None] = lambda name: None,
) -> Fit:
    """Learn experts and their weights.

    Parameters
    ----------
    fields : mapping of str to FieldData
        What the labelled products have.
    terminals : ndarray of int, shape (n,)
        Where each belongs.
    tree : CategoryTree
        The categories.
    splits : sequence of (train, test)
        For held-out scores; near-duplicates on one side.
    groups : ndarray of int, shape (n,)
        Near-duplicates share a number; of each group one product is counted when thresholds are certified.
    seed : int
        Of what is drawn.
    step : callable, optional
        Is told what is done next.
    """
    rows = _rows_of(splits)
    experts: list[Expert] = []
    scores: list[Array] = []
    for name, data in fields.items():
        if data.present.sum() < min(LEAST_ROWS, len(terminals)):
            continue
        for learn in (_learn_terms, _learn_embedding):
            if (found := learn(name, data, terminals, tree=tree, splits=splits, seed=seed)) is not None:
                step(found[0].name)
                experts.append(found[0])
                scores.append(found[1])
    if not experts:
        return Fit(FusedClassifier(tree, ()), {}, np.empty((0, 0, len(tree)), np.float32), rows, terminals)
    classifier = FusedClassifier(tree, tuple(experts))
    held_out: dict[Subset, Array] = {}
    pools: dict[Subset, Pool] = {}
    stacked = np.stack(scores)
    folds = [np.searchsorted(rows, test) for _, test in splits]
    if len(folds) == 1:  # one part is held out: the weights are judged on each half of it by the other
        folds = [folds[0][0::2], folds[0][1::2]]
    for subset in all_subsets(classifier.fields):
        step(f"weights for {' + '.join(subset)}")
        members = classifier.members(subset)
        told = _told({name: fields[name] for name in subset}, len(terminals))[rows]
        pools[subset], judged = _learn_pool(
            classifier, stacked[members], terminals[rows], folds=folds, groups=groups[rows], told=told
        )
        if judged is not None:
            held_out[subset] = judged
    return Fit(replace(classifier, pools=pools), held_out, stacked, rows, terminals)


def _learn_terms(
    name: str, data: FieldData, terminals: Ids, *, tree: CategoryTree, splits: Splits, seed: int
) -> tuple[Expert, Array] | None:
    if data.texts is None:
        return None
    here = np.flatnonzero(data.present)
    texts = [data.texts[row] for row in here.tolist()]
    lexicon = learn_lexicon(texts, most_terms=min(MOST_TERMS, max(1000, _MOST_WEIGHTS // len(tree) // 2)))
    values, columns, starts = sparse_rows(lexicon.vector(text) for text in texts)
    features = sparse.csr_matrix((values, columns, starts), shape=(len(texts), max(len(lexicon), 1)))
    weights, bias, scores = _learn(features, here, terminals, tree=tree, splits=splits)
    return Expert(name, lexicon, weights, bias), scores


def _learn_embedding(
    name: str, data: FieldData, terminals: Ids, *, tree: CategoryTree, splits: Splits, seed: int
) -> tuple[Expert, Array] | None:
    if data.embeddings is None:
        return None
    here = np.flatnonzero(data.present)
    landmarks, root, features = _see(data.embeddings[here], seed=seed)
    weights, bias, scores = _learn(features, here, terminals, tree=tree, splits=splits)
    if data.seen is not None and data.seen.any():
        told = data.seen[_rows_of(splits)]
        scores[told] = np.nan
        if data.untuned is not None:
            before = _see(data.untuned[here], seed=seed)[2]
            scores[told] = _learn(before, here, terminals, tree=tree, splits=splits)[2][told]
    return Expert(name, landmarks, root @ weights, bias), scores


def _see(embeddings: Array, *, seed: int) -> tuple[Landmarks, Array, Array]:
    """Return landmarks, the root of their kernel, and features of embeddings by them."""
    landmarks = choose_landmarks(embeddings, seed=seed)
    root = kernel_root(landmarks)
    return landmarks, root, landmarks.likeness(embeddings) @ root


def _rows_of(splits: Splits) -> Ids:
    """Return the rows that are held out, ascending."""
    return np.unique(np.concatenate([test for _, test in splits])) if splits else np.empty(0, dtype=np.int64)


def _learn(
    features: NDArray[np.float32] | sparse.csr_matrix, here: Ids, terminals: Ids, *, tree: CategoryTree, splits: Splits
) -> tuple[Array, Array, Array]:
    """Fit to all of the rows `here`, and score those that a split tests by a fit that has not seen them."""
    head = Ridge(features, terminals[here], tree=tree)
    place = np.full(len(terminals), -1, dtype=np.int64)
    place[here] = np.arange(len(here))
    rows = _rows_of(splits)
    scores = np.full((len(rows), len(tree)), np.nan, dtype=np.float32)
    for train, test in splits:
        seen, new = place[train], place[test]
        seen, new = seen[seen >= 0], new[new >= 0]
        if seen.size and new.size:
            scores[np.searchsorted(rows, here[new])] = head.score(*head.fit(seen), new)
    weights, bias = head.fit(np.arange(len(here)))
    return weights, bias, scores


def _learn_pool(
    classifier: FusedClassifier,
    scores: Array,
    terminals: Ids,
    *,
    folds: Sequence[Ids],
    groups: Ids,
    told: NDArray[np.bool_],
) -> tuple[Pool, Array | None]:
    """Weigh experts on held-out scores; and once more without each fold, to judge the weights.

    Products that an encoder was tuned on (`told`) help to weigh, by what it made of them before; they are not judged.
    """
    tree = classifier.tree
    has_all: NDArray[np.bool_] = np.asarray(~np.isnan(scores[:, :, 0]).any(axis=0))
    rows = np.flatnonzero(has_all)
    weights = fit_pool(scores[:, rows], terminals[rows], tree=tree)
    if not rows.size:
        return Pool(weights), None
    held_out = np.full((len(terminals), len(tree)), np.nan, dtype=np.float32)
    for fold in folds:
        new = fold[has_all[fold]]
        old = np.setdiff1d(rows, new)
        if new.size:
            judged = fit_pool(scores[:, old], terminals[old], tree=tree)
            held_out[new] = pooled_log_probability(scores[:, new], judged, tree=tree)
    held_out[told] = np.nan
    rows = rows[~told[rows]]
    single = rows[np.unique(groups[rows], return_index=True)[1]]
    confidence, right = chain_confidence(held_out[single].astype(np.float64), terminals[single], tree=tree)
    return Pool(weights, count_answers(confidence, right)), held_out


def _told(fields: Fields, count: int) -> NDArray[np.bool_]:
    """Return which products an encoder of any of the fields was tuned on."""
    told = np.zeros(count, dtype=np.bool_)
    for data in fields.values():
        if data.seen is not None:
            told |= data.seen
    return told


def chain_confidence(
    log_probability: NDArray[np.float64], terminals: Ids, *, tree: CategoryTree
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the confidence of each node on the way to the most probable terminal, and whether it is right.

    Returns
    -------
    confidence : ndarray of float, shape (n, steps)
        NaN beyond the terminal.
    right : ndarray of bool, shape (n, steps)
        Its path is that of the product's category, or of one above.
    """
    best = tree.most_probable(log_probability)
    ways = tree.chains[best]
    truths = tree.chains[terminals]
    known: NDArray[np.bool_] = np.asarray(ways != ROOT)
    at = np.take_along_axis(log_probability, np.maximum(ways, 0), axis=1)
    confidence = np.where(known, np.exp(np.minimum(at, 0.0)), np.nan)
    right: NDArray[np.bool_] = np.asarray(ways == truths) & known
    here = tree.ends[np.maximum(ways[:, 1:], 0)]
    right[:, 1:] |= known[:, 1:] & here & right[:, :-1]
    return confidence, right
