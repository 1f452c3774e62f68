"""Learning a classifier: every expert fitted, scored on products it has not seen, and weighed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aisle.heads.answers import count_answers
from aisle.heads.expert import Expert, FieldData, Fields
from aisle.heads.fit_tiers import FittedCascade, fit_cascade
from aisle.heads.fused import FusedClassifier, Pool, Subset, all_subsets, pooled_log_probability
from aisle.heads.landmarks import Landmarks, choose_landmarks, kernel_root
from aisle.heads.lexicon import MOST_TERMS, learn_lexicon
from aisle.heads.pool import fit_pool
from aisle.heads.ridge import Ridge
from aisle.heads.tiers import Tiers
from aisle.heads.tree import CategoryTree, chain_confidence

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
    tiers : Tiers
        The experts on terms alone, and the cascades.
    cascades : dict of subset to FittedCascade
        What the cascades did with the products that were held out; its rows are positions in `rows`.
    """

    classifier: FusedClassifier
    held_out: dict[Subset, Array]
    scores: Array
    rows: Ids
    terminals: Ids
    tiers: Tiers
    cascades: dict[Subset, FittedCascade]

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
        nothing = FusedClassifier(tree, ())
        return Fit(nothing, {}, np.empty((0, 0, len(tree)), np.float32), rows, terminals, Tiers(nothing), {})
    stacked = np.stack(scores)
    folds = [np.searchsorted(rows, test) for _, test in splits]
    if len(folds) == 1:  # one part is held out: the weights are judged on each half of it by the other
        folds = [folds[0][0::2], folds[0][1::2]]
    told = {name: _told({name: fields[name]}, len(terminals))[rows] for name in fields}
    judging = _Judging(terminals[rows], folds, groups[rows], told)
    classifier, held_out = _weigh(FusedClassifier(tree, tuple(experts)), stacked, judging, step=step)
    terms = [place for place, expert in enumerate(experts) if expert.kind == "terms"]
    alone, alone_held_out = _weigh(
        FusedClassifier(tree, tuple(experts[place] for place in terms)), stacked[terms], judging, step=step
    )
    step("cascades")
    tiers, cascades = Tiers(alone), {}
    for subset, logs in held_out.items():
        texts = tiers.texts(subset)
        stages = [alone_held_out.get(texts), None if texts == subset else held_out.get(texts), logs]
        fitted = fit_cascade(stages, terminals[rows], tree=tree, folds=folds, groups=groups[rows])
        if fitted is not None:
            cascades[subset] = fitted
    tiers = replace(tiers, cascades={subset: fitted.cascade for subset, fitted in cascades.items()})
    return Fit(classifier, held_out, stacked, rows, terminals, tiers, cascades)


@dataclass(frozen=True, eq=False)
class _Judging:
    """The products that are held out, how they are dealt, and by field which of them an encoder was tuned on."""

    terminals: Ids
    folds: Sequence[Ids]
    groups: Ids
    told: dict[str, NDArray[np.bool_]]


def _weigh(
    classifier: FusedClassifier, scores: Array, judging: _Judging, *, step: Callable[[str], None]
) -> tuple[FusedClassifier, dict[Subset, Array]]:
    """Fit the weights of experts for every set of fields; return held-out answers too."""
    held_out: dict[Subset, Array] = {}
    pools: dict[Subset, Pool] = {}
    for subset in all_subsets(classifier.fields):
        step(f"weights for {' + '.join(subset)}")
        told = np.logical_or.reduce([judging.told[name] for name in subset])
        pools[subset], judged = _learn_pool(
            classifier, scores[classifier.members(subset)], judging.terminals,
            folds=judging.folds, groups=judging.groups, told=told,
        )  # fmt: skip
        if judged is not None:
            held_out[subset] = judged
    return replace(classifier, pools=pools), held_out


def _learn_terms(
    name: str, data: FieldData, terminals: Ids, *, tree: CategoryTree, splits: Splits, seed: int
) -> tuple[Expert, Array] | None:
    if data.texts is None:
        return None
    here = np.flatnonzero(data.present)
    texts = [data.texts[row] for row in here.tolist()]
    lexicon = learn_lexicon(texts, most_terms=min(MOST_TERMS, max(1000, _MOST_WEIGHTS // len(tree) // 2)))
    values, columns, starts = lexicon.rows(texts)
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
