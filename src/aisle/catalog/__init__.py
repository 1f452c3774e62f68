"""Catalogues: reading, photos, duplicates, the sample catalogue."""

from aisle.catalog.catalog import Catalog, read_catalog
from aisle.catalog.quarantine import BadRow

__all__ = ["BadRow", "Catalog", "read_catalog"]
