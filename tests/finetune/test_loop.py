"""The training loop, with a task so small that everything about it can be checked."""

import logging
import math
from dataclasses import asdict

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from aisle.errors import TrainingError  # noqa: E402
from aisle.finetune import loop  # noqa: E402
from aisle.finetune.checkpoint import Checkpoints  # noqa: E402
from aisle.finetune.history import Judged  # noqa: E402
from aisle.finetune.loop import LoopOptions, train  # noqa: E402
from aisle.finetune.tasks import shuffled  # noqa: E402

NO_MEMORY = "[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"


class Lines:
    """A linear classifier of points on a plane, with dropout and noise, so that everything that is drawn counts."""

    def __init__(self, *, noise=0.1, losses=None, fits=math.inf, fits_judged=math.inf, fails_at=None, loss=None):
        torch.manual_seed(5)
        self.module = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Dropout(0.1 if noise else 0.0),
                                          torch.nn.Linear(8, 2))  # fmt: skip
        self.train, self.validation = np.arange(48), np.arange(48, 60)
        self.points = torch.from_numpy(np.random.default_rng(0).standard_normal((60, 2)).astype(np.float32))
        self.labels = (self.points.sum(1) > 0).long()
        self.noise, self.losses, self.fits, self.fits_judged = noise, losses, fits, fits_judged
        self.fails_at, self.wrong_loss = fails_at, loss
        self.steps, self.learned, self.began, self.judged, self.fits_of_heads = 0, [], [], [], []
        self.bias = 0.25  # what fitting makes of the head: with other threads a little different

    def fit_heads(self, at_once, *, label):
        self.fits_of_heads.append((at_once, label))
        if at_once > self.fits:
            raise RuntimeError(NO_MEMORY)
        with torch.no_grad():
            self.module[2].bias.fill_(self.bias)

    def groups(self):
        return [{"params": list(self.module.parameters()), "lr": 0.05}]

    def order(self, rng, batch):
        return shuffled(self.train, rng, batch)

    def loss(self, rows, rng):
        if len(rows) > self.fits:
            raise RuntimeError(NO_MEMORY)
        if self.steps == self.fails_at:
            raise KeyboardInterrupt
        self.steps += 1
        self.learned.append(rows)
        self.began.append(weights_of(self))
        points = self.points[rows] + self.noise * torch.from_numpy(rng.standard_normal((len(rows), 2))).float()
        found = torch.nn.functional.cross_entropy(self.module(points), self.labels[rows])
        return found if self.wrong_loss is None else found * self.wrong_loss

    def judge(self, rows):
        if len(rows) > self.fits_judged:
            raise RuntimeError(NO_MEMORY)
        assert not self.module.training
        logits = self.module(self.points[rows])
        self.judged.append(weights_of(self))
        loss = torch.nn.functional.cross_entropy(logits, self.labels[rows], reduction="sum")
        found = float(loss) if self.losses is None else self.losses[len(self.judged) - 1] * len(rows)
        return Judged((found,), (len(rows),), int((logits.argmax(1) == self.labels[rows]).sum()), len(rows))


def weights_of(task):
    return {name: value.detach().clone() for name, value in task.module.named_parameters()}


def alike(one, other):
    return all(torch.equal(value, other[name]) for name, value in one.items())


def options(**changed):
    return LoopOptions(**{"epochs": 4, "batch": 16, "patience": 9, "seed": 3, "device": "cpu", "label": "tuning lines"}
                       | changed)  # fmt: skip


def test_it_learns_and_keeps_a_log():
    task = Lines()
    done = train(task, options(epochs=12))
    assert [epoch.number for epoch in done.epochs] == list(range(1, 13))
    assert done.epochs[-1].training_loss < done.epochs[0].training_loss / 2
    assert done.epochs[done.best - 1].validation_accuracy >= 11 / 12
    assert done.lowest == min(epoch.validation_loss for epoch in done.epochs)
    assert sorted(np.concatenate(task.learned[:3])) == list(range(48))


def test_it_stops_when_patience_ends_and_keeps_the_weights_of_the_best_epoch():
    task = Lines(losses=[0.9, 0.5, 0.6, 0.7, 0.1, 0.1])
    done = train(task, options(epochs=6, patience=2))
    assert len(done.epochs) == 4
    assert done.best == 2
    assert alike(weights_of(task), task.judged[1])
    assert not alike(weights_of(task), task.judged[3])


def test_judging_the_average_leaves_what_is_trained_alone():
    gentle, strict = Lines(), Lines()
    strict.validation = np.arange(30, 60)
    train(gentle, options(epochs=2))
    train(strict, options(epochs=2))
    assert not alike(gentle.began[3], gentle.judged[0])  # the next epoch does not begin with the average
    assert all(alike(one, other) for one, other in zip(gentle.began, strict.began, strict=True))


def test_the_same_seed_gives_the_same_weights_and_another_does_not():
    first, again, other = Lines(), Lines(), Lines()
    for task, seed in ((first, 3), (again, 3), (other, 4)):
        train(task, options(seed=seed))
    assert alike(weights_of(first), weights_of(again))
    assert not alike(weights_of(first), weights_of(other))


def line(epoch):
    return asdict(epoch) | {"seconds": 0}


@pytest.mark.parametrize("killed_in", [2, 4])
def test_killed_and_taken_up_it_gives_the_same_bits(tmp_path, caplog, killed_in):
    whole = Lines()
    wanted = train(whole, options())
    kept = Checkpoints(tmp_path, "lines", "run")
    with pytest.raises(KeyboardInterrupt):
        train(Lines(fails_at=3 * (killed_in - 1) + 1), options(), checkpoints=kept)
    taken_up = Lines()
    found = train(taken_up, options(), checkpoints=kept)
    assert f"tuning lines goes on after epoch {killed_in - 1} of 4" in caplog.text
    assert taken_up.steps == 3 * (5 - killed_in)
    assert alike(weights_of(taken_up), weights_of(whole))
    assert list(map(line, found.epochs)) == list(map(line, wanted.epochs))
    assert found.best == wanted.best


def test_killed_after_the_last_epoch_it_has_nothing_left_to_do(tmp_path):
    kept = Checkpoints(tmp_path, "lines", "run")
    done, again = Lines(losses=[0.3, 0.2, 0.4, 0.5]), Lines()
    train(done, options(patience=2), checkpoints=kept)
    found = train(again, options(patience=2), checkpoints=kept)
    assert again.steps == 0
    assert found.best == 2
    assert alike(weights_of(again), weights_of(done))


def test_where_memory_ends_the_batch_is_halved_and_said(caplog):
    caplog.set_level(logging.WARNING)
    task, roomy = Lines(noise=0.0, fits=5), Lines(noise=0.0)
    done = train(task, options(epochs=2))
    train(roomy, options(epochs=2))
    assert done.batch == 4
    assert [text for text in (8, 4) if f"out of memory; going on with {text} products at once" in caplog.text] == [8, 4]
    assert max(map(len, task.learned)) == 4
    for name, value in weights_of(task).items():  # the same steps, in smaller parts
        assert torch.allclose(value, weights_of(roomy)[name], atol=1e-5)


def test_memory_that_ends_while_judging_halves_too():
    task = Lines(fits_judged=6)
    done = train(task, options(epochs=1))
    assert done.batch == 4  # of 16, 12 rows are judged: 8 are too many
    assert len(task.judged) == 3


def test_where_not_even_one_product_fits_it_gives_up():
    with pytest.raises(TrainingError, match="not even one product fits into memory"):
        train(Lines(fits=0), options())


def test_other_errors_of_torch_are_no_lack_of_memory():
    task = Lines()
    task.loss = lambda rows, rng: torch.zeros(2) @ torch.zeros(3)
    with pytest.raises(RuntimeError, match="size"):
        train(task, options())


@pytest.mark.parametrize("wrong", [{"loss": math.nan}, {"loss": math.inf}, {"losses": [math.nan]}])
def test_a_loss_that_is_no_number_ends_it(wrong):
    with pytest.raises(TrainingError, match="the loss of epoch 1 is no number any more"):
        train(Lines(**wrong), options())


@pytest.mark.parametrize("side", ["train", "validation"])
def test_nothing_to_learn_from_or_to_judge_by_is_refused(side):
    task = Lines()
    setattr(task, side, np.array([], dtype=np.int64))
    with pytest.raises(TrainingError, match="no product to learn from, or none held out"):
        train(task, options())


@pytest.mark.parametrize(("count", "sizes"), [(8, [4, 4]), (9, [4, 5]), (10, [4, 4, 2]), (1, [1])])
def test_a_last_batch_of_one_joins_the_one_before(count, sizes):
    rows = np.arange(100, 100 + count)
    batches = shuffled(rows, np.random.default_rng(0), 4)
    assert list(map(len, batches)) == sizes
    assert sorted(np.concatenate(batches)) == rows.tolist()


def test_the_heads_are_fitted_first_at_the_size_that_fits_and_under_a_label(caplog):
    task = Lines(fits=8)
    train(task, options(epochs=1))
    assert [size for size, _ in task.fits_of_heads] == [16, 8]
    assert task.fits_of_heads[0][1] == "tuning lines: first the heads"
    assert float(task.began[0]["2.bias"][0]) == 0.25


@pytest.mark.parametrize("killed_at", [0, 4])  # in the first step, and in the second epoch
def test_a_run_taken_up_keeps_the_heads_that_were_fitted(tmp_path, monkeypatch, killed_at):
    monkeypatch.setattr(loop, "BLENDS", (0.5,))  # half of what was fitted is kept: it must still be known
    losses = {"losses": [0.9, 0.8, 0.7, 0.6, 0.6, 0.1]}  # of four epochs, of the best, of half of it
    whole = Lines(**losses)
    wanted = train(whole, options(blend=True))
    assert wanted.share == 0.5
    kept = Checkpoints(tmp_path, "lines", "run")
    with pytest.raises(KeyboardInterrupt):
        train(Lines(fails_at=killed_at, **losses), options(blend=True), checkpoints=kept)
    taken_up = Lines(losses=losses["losses"][killed_at // 3 :])
    taken_up.bias = 0.26
    found = train(taken_up, options(blend=True), checkpoints=kept)
    assert taken_up.fits_of_heads == []
    assert found.share == 0.5
    assert alike(weights_of(taken_up), weights_of(whole))


def test_the_loss_is_the_mean_over_depths_of_means_over_labelled_rows():
    parts = Judged((3.0, 8.0, 0.0), (3, 1, 0), 2, 3), Judged((1.0, 0.0, 0.0), (1, 3, 0), 1, 4)
    both = parts[0] + parts[1]
    assert both == Judged((4.0, 8.0, 0.0), (4, 4, 0), 3, 7)
    assert both.loss == (4 / 4 + 8 / 4) / 2  # nobody has a label at the third depth


def test_all_of_the_best_weights_are_judged_anew_beside_the_mixtures(monkeypatch):
    monkeypatch.setattr(loop, "BLENDS", (0.0,))
    task = Lines(losses=[0.5, 0.9, 0.8])  # the best epoch, then the same weights again, then those of the start
    assert train(task, options(epochs=1, blend=True)).share == 0.0
    assert alike(task.judged[1], task.judged[0])


def test_memory_that_ends_in_the_step_itself_is_said_with_a_remedy(monkeypatch):
    def step(self, closure=None):
        raise RuntimeError(NO_MEMORY)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    with pytest.raises(TrainingError, match=r"tuning lines: too little memory .* moments\); close other programs"):
        train(Lines(), options())
