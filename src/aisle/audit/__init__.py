"""The audit: labels that look wrong, categories that overlap, products that are there twice."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aisle.audit.ranking import rank_labels
    from aisle.audit.result import Audit, DuplicateGroup, Opinion, Overlap, Suspect
    from aisle.audit.run import audit_catalog

_EXPORTS = {
    "Audit": "result",
    "DuplicateGroup": "result",
    "Opinion": "result",
    "Overlap": "result",
    "Suspect": "result",
    "audit_catalog": "run",
    "rank_labels": "ranking",
}

__all__ = ["Audit", "DuplicateGroup", "Opinion", "Overlap", "Suspect", "audit_catalog", "rank_labels"]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(f"aisle.audit.{_EXPORTS[name]}"), name)
    raise AttributeError(f"module 'aisle.audit' has no attribute {name!r}")
