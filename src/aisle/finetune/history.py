"""What is told of a training, in plain values."""

import math
import operator
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


@dataclass(frozen=True)
class Judged:
    """What a task says of rows that are held out: sums, which do not depend on how the rows are dealt.

    Attributes
    ----------
    losses : tuple of float
        For each depth the sum over the rows that have a label there.
    labelled : tuple of int
        For each depth, how many have one.
    right, rows : int
        Of how many the top category is found, and of how many there are.
    """

    losses: tuple[float, ...]
    labelled: tuple[int, ...]
    right: int
    rows: int

    @property
    def loss(self) -> float:
        """The mean over the depths of each one's mean loss; a depth without labels does not count."""
        means = [total / count for total, count in zip(self.losses, self.labelled, strict=True) if count]
        return math.fsum(means) / len(means)

    def __add__(self, other: "Judged") -> "Judged":
        return Judged(
            tuple(map(operator.add, self.losses, other.losses)),
            tuple(map(operator.add, self.labelled, other.labelled)),
            self.right + other.right,
            self.rows + other.rows,
        )
