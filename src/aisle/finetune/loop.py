"""The training loop: epochs, early stopping, checkpoints, and a batch that shrinks where memory ends."""

import logging
import math
import operator
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import reduce
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from aisle.errors import TrainingError
from aisle.finetune.checkpoint import Arrays, Checkpoints, State
from aisle.finetune.history import Epoch, Judged, Progress
from aisle.finetune.memory import enough_memory, halving
from aisle.progress import bar

log = logging.getLogger(__name__)

Ids = NDArray[np.int64]
Rng = np.random.Generator

WARM_UP = 0.1
"""Share of the steps during which the learning rate rises."""

AVERAGE = 0.98
"""How slowly the average of the weights follows them; it is the average that is judged and kept (Polyak 1992)."""

BLENDS = (0.0, 0.25, 0.5, 0.75)
"""Shares of the best weights that are tried beside all of them (1.0); 0 leaves the network as it was."""

_MOST_NORM = 1.0
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")


class Task(Protocol):
    """What the loop needs to know of what is trained."""

    module: nn.Module
    train: Ids
    validation: Ids

    def groups(self) -> list[dict[str, Any]]:
        """Return parameter groups with their learning rates, as torch's optimisers take them."""

    def fit_heads(self, at_once: int, *, label: str) -> None:
        """Fit the heads to the network as it is, embedding some rows at a time, with a progress bar."""

    def order(self, rng: Rng, batch: int) -> list[Ids]:
        """Deal the training rows into batches."""

    def loss(self, rows: Ids, rng: Rng) -> Tensor:
        """Return the mean loss of a batch, varied by chance."""

    def judge(self, rows: Ids) -> Judged:
        """Judge held-out rows as they are."""


@dataclass(frozen=True, kw_only=True)
class LoopOptions:
    """How long and how much at a time.

    Attributes
    ----------
    epochs, batch, patience, seed : int
    device : {"cpu", "cuda"}
    label : str
        What the progress bar says.
    blend : bool
        Whether the weights that are kept may lie between those of the start and those of the best epoch, wherever the
        validation loss is lowest (Wortsman et al. 2022, "Robust fine-tuning").
    """

    epochs: int
    batch: int
    patience: int
    seed: int
    device: str
    label: str
    blend: bool = False


def train(task: Task, options: LoopOptions, *, checkpoints: Checkpoints | None = None) -> Progress:
    """Train a module, and leave it with the averaged weights of its best epoch.

    Parameters
    ----------
    task : Task
    options : LoopOptions
    checkpoints : Checkpoints, optional
        Where to take up and to keep the state; removed by whoever writes the result.

    Returns
    -------
    Progress
        The log.

    Raises
    ------
    TrainingError
        There is too little memory, the loss is no number any more, or there is nothing to learn from.
    """
    if not (len(task.train) and len(task.validation)):
        raise TrainingError(f"{options.label}: there is no product to learn from, or none held out")
    with enough_memory(options.label):
        return _Run(task, options, checkpoints).train()


class _Run:
    def __init__(self, task: Task, options: LoopOptions, checkpoints: Checkpoints | None) -> None:
        self._task, self._options, self._checkpoints = task, options, checkpoints
        self._module = task.module.to(options.device)
        self._trained = {name: value for name, value in self._module.named_parameters() if value.requires_grad}
        self._average = {name: value.detach().clone() for name, value in self._trained.items()}
        self._best = {name: value.clone() for name, value in self._average.items()}
        self._first = dict(self._best)
        self._fitted: list[str] = []
        self._optimiser = torch.optim.AdamW(task.groups(), weight_decay=0.02, fused=True)
        self._rates = [group["lr"] for group in self._optimiser.param_groups]
        self._steps = options.epochs * max(1, math.ceil(len(task.train) / options.batch))
        self._step = 0
        self.progress = Progress(batch=options.batch)

    def train(self) -> Progress:
        if not self._take_up():
            self._fit_heads()
            self._save(0)
        options, progress = self._options, self.progress
        with bar(label=options.label, total=self._steps, unit="step") as shown:
            shown.update(self._step)
            for number in range(len(progress.epochs) + 1, options.epochs + 1):
                if number - 1 - progress.best >= options.patience:
                    break
                self._epoch(number, shown)
                self._save(number)
        self._put(self._best.items())
        if options.blend and progress.epochs:
            self._blend()
        return progress

    def _fit_heads(self) -> None:
        """Fit the heads once: a run that is taken up finds them in its state, whatever a refit would make of them."""
        self._module.eval()
        label = f"{self._options.label}: first the heads"
        halving(lambda size: self._task.fit_heads(size, label=label), self.progress, label=self._options.label)
        for name, value in self._trained.items():
            if not torch.equal(value, self._first[name]):
                self._fitted.append(name)
                for held in (self._average, self._first):  # the best are these of the first, so far
                    held[name].copy_(value.detach())

    def _blend(self) -> None:
        """Keep the mixture of the first and the best weights that has the lowest validation loss."""
        losses = {}
        for share in (1.0, *BLENDS):
            self._put(self._between(share))
            losses[share] = self._judge_as_is().loss
        self.progress.share = min(losses, key=losses.__getitem__)
        self._put(self._between(self.progress.share))

    def _between(self, share: float) -> Iterator[tuple[str, Tensor]]:
        return ((name, torch.lerp(first, self._best[name], share)) for name, first in self._first.items())

    def _epoch(self, number: int, shown: Any) -> None:
        started = time.perf_counter()
        rng = np.random.default_rng([self._options.seed, number])  # of the epoch: a run taken up goes on alike
        torch.manual_seed(int(rng.integers(2**31)))
        self._module.train()
        total = 0.0
        batches = self._task.order(rng, self._options.batch)
        for rows in batches:
            loss = self._learn(rows, rng)
            self._check(loss, number)
            total += loss * len(rows)
            shown.set_postfix_str(self._words(loss))
            shown.update()
        judged = self._judge()
        self._check(judged.loss, number)
        seconds = time.perf_counter() - started
        learned = total / max(1, sum(map(len, batches)))
        epoch = Epoch(number, learned, judged.loss, judged.right / judged.rows, seconds)
        if epoch.validation_loss < self.progress.lowest:
            self.progress.best = number
            self._best = {name: value.clone() for name, value in self._average.items()}
        self.progress.epochs.append(epoch)
        log.info(
            "%s, epoch %d: training loss %.3f, validation loss %.3f, validation accuracy %.3f, %.0f s",
            self._options.label, number, learned, epoch.validation_loss, epoch.validation_accuracy, seconds,
        )  # fmt: skip

    def _check(self, loss: float, number: int) -> None:
        if not math.isfinite(loss):
            name = self._options.label
            raise TrainingError(f"{name}: the loss of epoch {number} is no number any more; start from other weights")

    def _words(self, loss: float) -> str:
        last = self.progress.epochs[-1:]
        return f"loss {loss:.3f}" + "".join(f", validation accuracy {each.validation_accuracy:.1%}" for each in last)

    def _learn(self, rows: Ids, rng: Rng) -> float:
        """Take one step; where memory ends, with half as many rows at once from now on."""
        warm = min(1.0, (self._step + 1) / max(1.0, WARM_UP * self._steps))
        share = warm * (1 + math.cos(math.pi * min(1.0, self._step / self._steps))) / 2
        for group, rate in zip(self._optimiser.param_groups, self._rates, strict=True):
            group["lr"] = rate * share
        loss = halving(lambda size: self._backward(rows, size, rng), self.progress, label=self._options.label)
        nn.utils.clip_grad_norm_(list(self._trained.values()), _MOST_NORM)
        self._optimiser.step()
        self._step += 1
        follow = min(AVERAGE, (1 + self._step) / (10 + self._step))
        for name, value in self._trained.items():
            self._average[name].lerp_(value.detach(), 1 - follow)
        return loss

    def _backward(self, rows: Ids, size: int, rng: Rng) -> float:
        self._optimiser.zero_grad(set_to_none=True)
        total = 0.0
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            loss = self._task.loss(part, rng) * (len(part) / len(rows))
            loss.backward()
            total += loss.item()
        return total

    def _judge(self) -> Judged:
        self._optimiser.zero_grad(set_to_none=True)  # room for what is judged
        self._swap()
        judged = self._judge_as_is()
        self._swap()
        return judged

    def _swap(self) -> None:
        """Let the weights and their averages change places."""
        with torch.no_grad():
            for name, value in self._trained.items():
                own = value.clone()
                value.copy_(self._average[name])
                self._average[name].copy_(own)

    def _judge_as_is(self) -> Judged:
        self._module.eval()
        rows = self._task.validation

        def judge(size: int) -> Judged:
            with torch.inference_mode():
                parts = [self._task.judge(rows[start : start + size]) for start in range(0, len(rows), size)]
            return reduce(operator.add, parts)

        judged: Judged = halving(judge, self.progress, label=self._options.label)
        return judged

    def _put(self, values: Iterable[tuple[str, Tensor]]) -> None:
        with torch.no_grad():
            for name, value in values:
                self._trained[name].copy_(value)

    def _save(self, number: int) -> None:
        if self._checkpoints is None:
            return
        first = {name: self._first[name] for name in self._fitted}
        parts = {"now": self._trained, "average": self._average, "best": self._best, "first": first}
        tensors = {f"{part}/{name}": value for part, held in parts.items() for name, value in held.items()}
        for name, value in self._trained.items():
            tensors |= {f"{key}/{name}": moment for key, moment in self._optimiser.state.get(value, {}).items()}
        arrays: Arrays = {name: value.detach().float().cpu().numpy() for name, value in tensors.items()}
        facts = {"epochs": [asdict(epoch) for epoch in self.progress.epochs], "best": self.progress.best,
                 "batch": self.progress.batch, "step": self._step}  # fmt: skip
        self._checkpoints.save(State(arrays, facts), epoch=number)

    def _take_up(self) -> bool:
        """Take up the last state, and say whether there was one."""
        state = self._checkpoints.latest() if self._checkpoints is not None else None
        if state is None:
            return False
        held = {name: torch.from_numpy(array).to(self._options.device) for name, array in state.arrays.items()}
        self._put((name, held[f"now/{name}"]) for name in self._trained)
        self._average = {name: held[f"average/{name}"] for name in self._trained}
        self._best = {name: held[f"best/{name}"] for name in self._trained}
        self._fitted = [name for name in self._trained if f"first/{name}" in held]
        self._first |= {name: held[f"first/{name}"] for name in self._fitted}
        for name, value in self._trained.items():
            moments = {key: held[f"{key}/{name}"] for key in _MOMENTS if f"{key}/{name}" in held}
            if moments:
                self._optimiser.state[value] = moments
        epochs = [Epoch(**epoch) for epoch in state.facts["epochs"]]
        self.progress = Progress(epochs, state.facts["best"], state.facts["batch"])
        self._step = state.facts["step"]
        if epochs:
            log.warning("%s goes on after epoch %d of %d", self._options.label, len(epochs), self._options.epochs)
        return True
