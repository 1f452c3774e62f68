"""What takes part in a comparison of classifiers: it learns from some rows and answers for others."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Answers:
    """What one contestant says of the test rows.

    Attributes
    ----------
    labels : ndarray of int, shape (n,)
        The class that it answers with.
    confidence : ndarray of float, shape (n,), or None
        The probability it gives to that class; None where it gives none.
    seconds : float
        What learning took.
    """

    labels: Ids
    confidence: Floats | None
    seconds: float


Contestant = Callable[[Ids, Ids], Answers]
"""Given training and test rows."""


@dataclass(frozen=True)
class Missing:
    """A peer that is not installed.

    Attributes
    ----------
    remedy : str
        What to type.
    """

    remedy: str


def learn_and_answer(
    learn: Callable[[Ids], Callable[[Ids], tuple[Ids, Floats | None]]], train: Ids, test: Ids
) -> Answers:
    """Time the learning, then ask."""
    started = time.perf_counter()
    answer = learn(train)
    seconds = time.perf_counter() - started
    labels, confidence = answer(test)
    return Answers(labels, confidence, seconds)
