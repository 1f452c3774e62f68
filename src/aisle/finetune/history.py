"""The log of a training, in plain values."""

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Epoch:
    """One line of the log."""

    number: int
    training_loss: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass
class Progress:
    """Where a training stands, in plain values."""

    epochs: list[Epoch] = field(default_factory=list)
    best: int = 0
    batch: int = 0
    share: float = 1.0

    @property
    def lowest(self) -> float:
        """The lowest validation loss so far."""
        return min((epoch.validation_loss for epoch in self.epochs), default=math.inf)
