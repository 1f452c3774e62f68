"""Training: from a labelled catalogue to an engine and its evaluation."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aisle.train.cross_validation import cross_validate
    from aisle.train.engine_evaluation import evaluate_engine
    from aisle.train.estimator import ProductClassifier
    from aisle.train.evaluation import held_out_evaluation
    from aisle.train.figures import figures
    from aisle.train.folder import EngineFolder, engine_folder
    from aisle.train.training import Trained, TrainingOptions, train_engine

_EXPORTS = {
    "EngineFolder": "folder",
    "ProductClassifier": "estimator",
    "Trained": "training",
    "TrainingOptions": "training",
    "cross_validate": "cross_validation",
    "engine_folder": "folder",
    "evaluate_engine": "engine_evaluation",
    "figures": "figures",
    "held_out_evaluation": "evaluation",
    "train_engine": "training",
}

__all__ = [
    "EngineFolder",
    "ProductClassifier",
    "Trained",
    "TrainingOptions",
    "cross_validate",
    "engine_folder",
    "evaluate_engine",
    "figures",
    "held_out_evaluation",
    "train_engine",
]


def __getattr__(name: str) -> Any:
    if name in _EXPORTS:
        return getattr(import_module(f"aisle.train.{_EXPORTS[name]}"), name)
    raise AttributeError(f"module 'aisle.train' has no attribute {name!r}")
