"""Products, predictions and decisions for tests of the store and of the review."""

from aisle.product import Evidence, Neighbour, Prediction
from aisle.store.records import NewDecision, NewItem, StoredProduct

NOW = 1_800_000_000_000_000
SECOND = 1_000_000
LEASE = 300 * SECOND

WRIST = ("Watches", "Wrist Watches")
BELTS = ("Bags & Belts", "Belts")


def product(id="p1", **changes):  # noqa: A002
    return StoredProduct(**{"id": id, "owner": "seller", "title": f"title of {id}", "created_at": NOW, **changes})


def evidence(similarity=0.5):
    nearest = (Neighbour(id="n1", title="like it", category=WRIST, similarity=similarity),)
    return Evidence(shares={"title": 0.25, "photo": 0.75}, terms=(("analog", 1.5),), nearest=nearest)


def prediction(path=WRIST, *, leaf=None, probability=0.75, decision=None, **changes):
    values = {
        "id": "p1",
        "path": path,
        "leaf": path if leaf is None else leaf,
        "probability": probability,
        "decision": decision or ("accept" if path else "review"),
        "alternatives": ((WRIST, 0.75), (BELTS, 0.25)),
        "modalities": ("title", "photo"),
        "evidence": evidence(),
        "engine": "0123456789ab",
    }
    return Prediction(**{**values, **changes})


def unsure(leaf=WRIST, **changes):
    return prediction((), leaf=leaf, reason="no category is sure enough", **changes)


def decision(product_id="p1", kind="change", path=WRIST, by="anna", at=NOW, **changes):
    values = {"product_id": product_id, "prediction_id": None, "source": "moderator", "kind": kind, "path": path}
    values |= {"queue_reason": "review", "decided_by": by, "decided_name": by.title(), "decided_at": at}
    return NewDecision(**{**values, **changes})


def queued(c, id, value=1.0, **changes):  # noqa: A002
    """Keep a product with a prediction and put it on the queue."""
    from aisle.store.predictions import keep_prediction
    from aisle.store.products import keep_product
    from aisle.store.queue import put

    keep_product(c, product(id, title=changes.pop("title", f"title of {id}")))
    number = keep_prediction(c, product_id=id, prediction=unsure(), precision=0.98, novelty=0.5, now=NOW)
    values = {"reason": "review", "top_category": "Watches", "created_at": NOW, **changes}
    put(c, NewItem(product_id=id, prediction_id=number, value=value, **values))
