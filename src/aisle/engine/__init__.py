"""The engine: an artifact that answers. Nothing that trains is imported here, and nothing at all before it is used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aisle.engine.engine import Engine, load_engine

_EXPORTS = {"Engine": "engine", "load_engine": "engine"}

__all__ = ["Engine", "load_engine"]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(f"aisle.engine.{_EXPORTS[name]}"), name)
    raise AttributeError(f"module 'aisle.engine' has no attribute {name!r}")
