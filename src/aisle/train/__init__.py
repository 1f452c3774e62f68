"""Training: from a labelled catalogue to an engine and its evaluation."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aisle.train.training import Trained, TrainingOptions, train_engine

_EXPORTS = {
    "Trained": "training",
    "TrainingOptions": "training",
    "train_engine": "training",
}

__all__ = ["Trained", "TrainingOptions", "train_engine"]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(f"aisle.train.{_EXPORTS[name]}"), name)
    raise AttributeError(f"module 'aisle.train' has no attribute {name!r}")
