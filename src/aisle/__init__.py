"""Aisle puts every product in the right aisle.

The names below are loaded on first use, so that ``import aisle`` costs nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_EXPORTS = {
    "AisleError": "aisle.errors",
    "Audit": "aisle.audit",
    "Catalog": "aisle.catalog",
    "Engine": "aisle.engine",
    "Prediction": "aisle.product",
    "Product": "aisle.product",
    "Settings": "aisle.settings",
    "Study": "aisle.study",
    "audit_catalog": "aisle.audit",
    "load": "aisle.engine:load_engine",
    "read_catalog": "aisle.catalog",
    "run_study": "aisle.study",
}

__all__ = [
    "AisleError",
    "Audit",
    "Catalog",
    "Engine",
    "Prediction",
    "Product",
    "Settings",
    "Study",
    "audit_catalog",
    "load",
    "read_catalog",
    "run_study",
]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        module, _, other = _EXPORTS[name].partition(":")
        return getattr(import_module(module), other or name)
    raise AttributeError(f"module 'aisle' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
