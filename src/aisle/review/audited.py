"""The random audit slice: products that the engine filed and that people judged all the same."""

from sqlalchemy import Connection

from aisle.product import CategoryPath
from aisle.review.verdicts import verdicts
from aisle.store.decisions import all_decisions
from aisle.store.products import find_products
from aisle.store.records import StoredProduct


def audited_decisions(c: Connection, *, since: int) -> list[tuple[StoredProduct, CategoryPath]]:
    """Return audited products with their true category, for a comparison that is not biased by what engines left open.

    Parameters
    ----------
    since : int
        Audits judged from this moment on.

    Returns
    -------
    list of (StoredProduct, tuple of str)
        In the order of their ids. Products that people disagree on, or that fit no category, have no truth and are left
        out.
    """
    found = {
        product: verdict.path
        for product, verdict in verdicts(all_decisions(c)).items()
        if verdict.path is not None and verdict.audited is not None and verdict.audited >= since
    }
    products = find_products(c, ids=sorted(found))
    return [(product, path) for key, path in sorted(found.items()) if (product := products.get(key)) and path]
