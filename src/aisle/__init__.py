"""Aisle puts every product in the right aisle.

The names below are loaded on first use, so that ``import aisle`` costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_EXPORTS = {
    "AisleError": "aisle.errors",
    "Catalog": "aisle.catalog",
    "Product": "aisle.product",
    "Settings": "aisle.settings",
    "Study": "aisle.study",
    "read_catalog": "aisle.catalog",
    "run_study": "aisle.study",
}

__all__ = ["AisleError", "Catalog", "Product", "Settings", "Study", "read_catalog", "run_study"]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(_EXPORTS[name]), name)
    raise AttributeError(f"module 'aisle' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
