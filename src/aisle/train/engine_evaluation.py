"""What an engine's answers are worth on labelled products that it has not learned from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.encode.seen import seen_rows
from aisle.engine.engine import Engine
from aisle.errors import TrainingError
from aisle.heads.metrics import hierarchical_scores
from aisle.heads.thresholds import NotCertified
from aisle.heads.tiers import Tier
from aisle.heads.tree import ROOT, CategoryTree
from aisle.product import CategoryPath, Prediction, Product
from aisle.progress import bar
from aisle.train.figures import figures, judge, levels_of, rate, rounded, share_of

_BATCH = 256
_DECISIONS = ("accept", "partial", "review")


def evaluate_engine(
    engine: Engine,
    products: Sequence[Product],
    *,
    precision: float | None = None,
    tier: Tier = "full",
    batch: int = _BATCH,
) -> dict[str, Any]:
    """Judge an engine's decisions on labelled products, those aside that it was trained on.

    Parameters
    ----------
    engine : Engine
    products : sequence of Product
        Those without a category are left out.
    precision : float, optional
        The precision to ask for; the engine's own by default.
    tier : {"full", "balanced", "fast"}
        What may be spent on an answer.
    batch : int
        Products classified together.

    Returns
    -------
    dict
        ``tier``, ``stages`` (after which stage how many products were answered), ``products``, ``seen`` and
        ``held_out`` (False where the engine has seen all of them, so that its figures say nothing of new products);
        ``decisions``, ``answers``, ``figures``, ``categories``, ``subsets``, ``unknown``.

    Raises
    ------
    TrainingError
        No product has a category.
    ValueError
        The precision is not between 0 and 1.
    """
    asked = engine.precision if precision is None else precision
    labelled = [product for product in products if product.category]
    if not labelled:
        raise TrainingError(
            "no product has a category to compare answers with; name its column with --map category=COLUMN"
        )
    seen = seen_rows(labelled, engine.knowledge.references.seen)
    judged = [product for product, known in zip(labelled, seen.tolist(), strict=True) if not known] or labelled
    predictions: list[Prediction] = []
    logs = []
    with bar(label="classifying", total=len(judged), unit="product") as progress:
        for start in range(0, len(judged), batch):
            part = judged[start : start + batch]
            found, probabilities = engine.predict_with_probabilities(
                part, precision=precision, evidence=False, tier=tier
            )
            predictions += found
            logs.append(probabilities)
            progress.update(len(part))
    level = engine.knowledge.facts.get("level")
    truths = [product.category[:level] for product in judged]
    known = [_known(engine.tree, truth) for truth in truths]
    every = np.concatenate(logs)
    summary = figures(every, known, tree=engine.tree)
    _add_decisions(summary["categories"], predictions, truths)
    return {
        "engine": engine.fingerprint,
        "precision": asked,
        "tier": tier,
        "stages": dict(Counter(prediction.stage for prediction in predictions)),
        "products": len(labelled),
        "unlabelled": len(products) - len(labelled),
        "seen": int(seen.sum()),
        "held_out": not seen.all(),
        "judged": len(judged),
        "decisions": decisions_of(predictions, truths),
        "figures": summary,
        "subsets": _subsets(engine, every, predictions, truths, precision=asked),
        "unknown": _unknown(engine.tree, truths),
    }


def decisions_of(predictions: Sequence[Prediction], truths: Sequence[CategoryPath]) -> dict[str, Any]:
    """Return how many answers of each kind there are and how many are right, and coverage and precision over all.

    An answer is right if it is the product's category or lies above it.
    """
    found: dict[str, Any] = {}
    right = [is_right(prediction.path, truth) for prediction, truth in zip(predictions, truths, strict=True)]
    for decision in _DECISIONS:
        mine = [hit for hit, prediction in zip(right, predictions, strict=True) if prediction.decision == decision]
        found[decision] = {"products": len(mine)} | ({} if decision == "review" else {"precision": share_of(mine)})
    given = [hit for hit, prediction in zip(right, predictions, strict=True) if prediction.path]
    found["coverage"] = rate(len(given), len(predictions))
    found["precision"] = share_of(given)
    down = hierarchical_scores([prediction.path for prediction in predictions], list(truths))
    found["hierarchical"] = {name: rounded(getattr(down, name)) for name in ("precision", "recall", "f1")}
    return found


def is_right(answer: CategoryPath, truth: CategoryPath) -> bool:
    """Tell whether an answer was given and is the product's category, or one above it."""
    return bool(answer) and truth[: len(answer)] == answer


def _known(tree: CategoryTree, truth: CategoryPath) -> CategoryPath:
    """Return a category cut where the engine ends its own; whole where the engine has no place for it."""
    node = tree.terminal(truth)
    return truth if node == ROOT else tree.paths[node]


def _add_decisions(
    categories: Sequence[dict[str, Any]], predictions: Sequence[Prediction], truths: Sequence[CategoryPath]
) -> None:
    """Say of each top category how many of its products were answered, and how many wrongly."""
    answered, wrong = Counter[str](), Counter[str]()
    for prediction, truth in zip(predictions, truths, strict=True):
        answered[truth[0]] += bool(prediction.path)
        wrong[truth[0]] += bool(prediction.path) and not is_right(prediction.path, truth)
    for row in categories:
        name = row["category"][0]
        row["coverage"], row["wrong"] = rounded(answered[name] / row["support"]), wrong[name]


def _subsets(
    engine: Engine,
    logs: NDArray[np.float64],
    predictions: Sequence[Prediction],
    truths: Sequence[CategoryPath],
    *,
    precision: float,
) -> list[dict[str, Any]]:
    """Return accuracy and decisions for each set of fields that products have, the most frequent first.

    Where no answer could be given for lack of a certificate, ``reason`` says why.
    """
    tree = engine.tree
    rows: dict[tuple[str, ...], list[int]] = {}
    for row, prediction in enumerate(predictions):
        rows.setdefault(prediction.modalities, []).append(row)
    found = []
    for subset, mine in sorted(rows.items(), key=lambda item: (-len(item[1]), item[0])):
        own = [truths[row] for row in mine]
        rule = engine.certificate(subset, precision=precision)
        judged = judge(logs[mine], [_known(tree, truth) for truth in own], tree=tree)
        found.append(
            {
                "fields": list(subset),
                "products": len(mine),
                "accuracy": {level: share_of(judged.right(level)) for level in levels_of(tree)},
                "decisions": decisions_of([predictions[row] for row in mine], own),
                "reason": rule.reason if isinstance(rule, NotCertified) else "",
            }
        )
    return found


def _unknown(tree: CategoryTree, truths: Sequence[CategoryPath]) -> Mapping[str, Any]:
    """Name the categories that the engine cannot answer with, and how many products belong to them."""
    top = Counter(truth[0] for truth in truths if tree.node(truth[:1]) == ROOT)
    below = sum(tree.node(truth[:1]) != ROOT and tree.terminal(truth) == ROOT for truth in truths)
    rows = [
        {"category": name, "products": count} for name, count in sorted(top.items(), key=lambda row: (-row[1], row[0]))
    ]
    return {"top": rows, "products": sum(top.values()), "below": below}
