"""Catalogues: reading, photos, duplicates, the sample catalogue."""

from aisle.catalog.catalog import Catalog, read_catalog
from aisle.catalog.quarantine import BadRow
from aisle.catalog.stream import CatalogStream, stream_catalog

__all__ = ["BadRow", "Catalog", "CatalogStream", "read_catalog", "stream_catalog"]
