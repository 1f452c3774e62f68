"""The version of a taxonomy."""

from collections.abc import Iterable

from aisle.engine.strict_json import dump_json
from aisle.files import sha256_bytes
from aisle.product import CategoryPath


def taxonomy_version(paths: Iterable[CategoryPath]) -> str:
    """Return the version of a set of category paths: 12 hex digits that change with any name or place in it."""
    return sha256_bytes(dump_json([list(path) for path in sorted(set(paths))]))[:12]
