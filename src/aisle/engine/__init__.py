"""The engine: an artifact that answers. Nothing that trains is imported here."""

from aisle.engine.engine import Engine, load_engine

__all__ = ["Engine", "load_engine"]
