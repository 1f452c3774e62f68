"""Does what was read from an engine's folder fit together? Asked once, so that nothing can break at a prediction.

Hashes say that a folder is what somebody wrote; they do not say that it was Aisle.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from aisle.encode.portable import PortableEncoder
from aisle.encode.transformer import POOLINGS
from aisle.engine.fields import FIELDS, TEXT_FIELDS
from aisle.heads.answers import AnswerCounts
from aisle.heads.expert import Expert
from aisle.heads.fused import POOLED_STEPS, FusedClassifier, Pool, all_subsets
from aisle.heads.landmarks import Landmarks
from aisle.heads.tiers import STAGES, Tiers
from aisle.heads.tree import CategoryTree

_DEEPEST = 100
_LARGEST = 1e6
"""Of any number that was learned; far above what training gives, far below where float32 ends."""
_MOST_ITEMS = 10_000_000
_MOST_THRESHOLDS = 10_000
_LARGEST_SIDE = 2048
_MOST_TOKENS = 100_000
_WIDEST = 65_536


def check_tree(tree: CategoryTree) -> None:
    """Refuse a tree that no taxonomy has.

    Raises
    ------
    ValueError
        Its parents are no whole numbers, or it is deeper than any taxonomy.
    """
    if tree.parents.dtype != np.int64:
        raise ValueError(f"parents of categories are int64, not {tree.parents.dtype}")
    deepest = max(map(len, tree.paths))
    if deepest > _DEEPEST:
        raise ValueError(f"a category is {deepest} levels deep, and may be {_DEEPEST}")


def check_classifier(classifier: FusedClassifier) -> None:
    """Refuse experts and weights that do not belong together.

    Raises
    ------
    ValueError
        An expert reads no field, its numbers do not fit the categories or are none; or a set of fields has no weights.
    """
    check_tree(classifier.tree)
    names = [expert.name for expert in classifier.experts]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"experts are {', '.join(names) or 'missing'}; each is there once, and at least one")
    for expert in classifier.experts:
        _check_expert(expert, nodes=len(classifier.tree))
    _check_pools(classifier)


def check_tiers(tiers: Tiers, classifier: FusedClassifier) -> None:
    """Refuse weights of terms alone and cascades that do not belong to a classifier.

    Raises
    ------
    ValueError
        A set of fields has no weights or is none of the classifier's; an exit is no number from 0 on.
    """
    _check_pools(tiers.terms)
    for subset, cascade in tiers.cascades.items():
        name = " + ".join(subset)
        if subset not in classifier.pools:
            raise ValueError(f"there is a cascade for {name}, which the experts do not read")
        _check_numbers(cascade.exits, f"exits for {name}", shape=(len(STAGES) - 1,))
        if (cascade.exits < 0).any():
            raise ValueError(f"an exit for {name} is negative")
        _check_counts(cascade.counts, name)


def check_encoders(classifier: FusedClassifier, encoders: Mapping[str, PortableEncoder]) -> None:
    """Refuse encoders that do not give what the experts read.

    Raises
    ------
    ValueError
        One is missing, is of another kind than its name says, or is described by what no encoder has.
    """
    for name, encoder in encoders.items():
        about = encoder.about
        if name not in ("text", "photo") or about["modality"] != name:
            raise ValueError(f"no encoder is called {name!r}")
        _whole(about["dimension"], "dimension of an encoder", most=_WIDEST)
        (_check_text if name == "text" else _check_photo)(about)
        _check_sample(about)
    for expert in classifier.experts:
        if not isinstance(expert.view, Landmarks):
            continue
        encoder = encoders["photo" if expert.field == "photo" else "text"]
        width = encoder.about["dimension"] * len(encoder.about.get("outputs", [""]))
        if len(expert.view.centre) != width:
            raise ValueError(f"the expert {expert.name!r} reads {len(expert.view.centre)} numbers of {width}")


def check_references(
    terminals: np.ndarray, vectors: Mapping[str, np.ndarray], *, count: int, classifier: FusedClassifier
) -> None:
    """Refuse labelled products that are not comparable with others, or filed nowhere.

    Parameters
    ----------
    terminals : ndarray, shape (count,)
        Where each is filed.
    vectors : mapping of str to ndarray, shape (count, d)
        By field.
    count : int
        How many ids and titles there are.
    classifier : FusedClassifier

    Raises
    ------
    ValueError
        A number is out of range, or an array has the wrong shape.
    """
    if terminals.dtype != np.int64 or terminals.shape != (count,):
        raise ValueError(f"{count} references are filed under {terminals.shape} categories")
    if not np.isin(terminals, classifier.tree.terminals).all():
        raise ValueError("a reference is filed under a category that does not exist")
    views = {expert.field: expert.view for expert in classifier.experts if isinstance(expert.view, Landmarks)}
    for name, rows in vectors.items():
        if name not in views:
            raise ValueError(f"references have vectors of {name!r}, which no expert compares")
        _check_numbers(rows, f"vectors of {name!r}", shape=(count, len(views[name].centre)))


def check_precision(value: Any) -> float:
    """Return a precision that can be asked for.

    Raises
    ------
    ValueError
        It is no number between 0 and 1.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
        raise ValueError(f"precision {value!r} does not lie between 0 and 1")
    return float(value)


def _check_expert(expert: Expert, *, nodes: int) -> None:
    name, view = expert.name, expert.view
    if expert.field not in FIELDS or (expert.kind == "terms" and expert.field not in TEXT_FIELDS):
        raise ValueError(f"there is no expert {name!r}")
    if isinstance(view, Landmarks):
        rows = len(view.points)
        _check_numbers(view.centre, f"centre of {name!r}", shape=(len(view.centre),))
        _check_numbers(view.points, f"landmarks of {name!r}", shape=(rows, len(view.centre)))
    else:
        rows = len(view)
        if len(set(view.words)) < len(view.words) or len(set(view.letters)) < len(view.letters):
            raise ValueError(f"the expert {name!r} has a term twice")
        _check_numbers(view.weights, f"weights of the terms of {name!r}", shape=(rows,))
    _check_numbers(expert.weights, f"weights of {name!r}", shape=(rows, nodes))
    _check_numbers(expert.bias, f"bias of {name!r}", shape=(nodes,))


def _check_pools(classifier: FusedClassifier) -> None:
    expected = all_subsets(classifier.fields)
    if classifier.pools.keys() != set(expected):
        raise ValueError(f"there are weights for {len(classifier.pools)} sets of fields instead of {len(expected)}")
    for subset, pool in classifier.pools.items():
        _check_pool(pool, experts=len(classifier.members(subset)), subset=" + ".join(subset))


def _check_pool(pool: Pool, *, experts: int, subset: str) -> None:
    _check_numbers(pool.weights, f"weights for {subset}", shape=(experts, POOLED_STEPS))
    if (pool.weights < 0).any():
        raise ValueError(f"a weight for {subset} is negative")
    _check_counts(pool.counts, subset)


def _check_counts(counts: AnswerCounts | None, subset: str) -> None:
    if counts is None:
        return
    if counts.thresholds[0] < 0 or counts.thresholds[-1] > 1 or len(counts.thresholds) > _MOST_THRESHOLDS:
        raise ValueError(f"thresholds for {subset} do not lie between 0 and 1")
    if not 0 <= counts.items <= _MOST_ITEMS or counts.by_depth.shape[1] > _DEEPEST + 1:
        raise ValueError(f"counts for {subset} are of {counts.items:,} products")


def _check_numbers(array: np.ndarray, name: str, *, shape: tuple[int, ...]) -> None:
    if array.dtype.kind != "f" or array.shape != shape:
        raise ValueError(f"{name}: {array.dtype} of shape {array.shape} instead of numbers of shape {shape}")
    # One pass without a copy: NaN and infinities fail the comparison, too.
    low, high = (float(array.min()), float(array.max())) if array.size else (0.0, 0.0)
    if not (math.isfinite(low) and math.isfinite(high) and low >= -_LARGEST and high <= _LARGEST):
        raise ValueError(f"{name}: numbers from {low} to {high}")


def _check_text(about: Mapping[str, Any]) -> None:
    _whole(about["max_tokens"], "number of tokens", most=_MOST_TOKENS)
    pooling, normalise = about.get("pooling", "mean"), about.get("normalise", False)
    if pooling not in POOLINGS:
        raise ValueError(f"the text encoder pools by {pooling!r:.100}; known: {', '.join(POOLINGS)}")
    if not isinstance(normalise, bool):
        raise ValueError(f"whether the text encoder normalises is {normalise!r:.100}, neither true nor false")


def _check_photo(about: Mapping[str, Any]) -> None:
    outputs = about["outputs"]
    if not isinstance(outputs, list) or not outputs or not all(isinstance(each, str) for each in outputs):
        raise ValueError("the photo encoder names no outputs")
    for side in ("width", "height"):
        _whole(about["shape"][side], f"{side} of photos", most=_LARGEST_SIDE)
    rules = about.get("rules")
    if rules is None:
        return
    if not isinstance(rules, dict) or rules.keys() != {"scale", "mean", "std"}:
        raise ValueError("the photo encoder does not say how pixels are scaled")
    for name in ("mean", "std"):
        if not isinstance(rules[name], list) or len(rules[name]) != len("RGB"):
            raise ValueError(f"the {name} of pixels is {rules[name]!r:.100}; it is three numbers")
    for number in (rules["scale"], *rules["mean"], *rules["std"]):
        if type(number) not in (int, float) or not abs(number) <= _LARGEST:
            raise ValueError(f"pixels are scaled by {number!r:.100}, which is no number in reach")
    if min(rules["std"]) < 1 / _LARGEST:
        raise ValueError(f"the std of pixels is {rules['std']}; it is three positive numbers")


def _check_sample(about: Mapping[str, Any]) -> None:
    sample = about.get("sample")
    if sample is None:
        return
    width = about["dimension"] * len(about.get("outputs", [""]))
    numbers = isinstance(sample, list) and all(type(each) in (int, float) and abs(each) <= _LARGEST for each in sample)
    if not numbers or len(sample) != width:
        raise ValueError(f"an encoder's sample is not {width} numbers")


def _whole(value: Any, name: str, *, most: int) -> None:
    if type(value) is not int or not 1 <= value <= most:
        raise ValueError(f"the {name} is {value!r}; it is a whole number from 1 to {most:,}")
