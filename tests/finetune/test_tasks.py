"""What is learned from texts, from photos and from both, with tiny networks."""

import io

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from aisle.finetune import tasks  # noqa: E402
from aisle.finetune.augment import PhotoVariation  # noqa: E402
from aisle.finetune.examples import Labels, PhotoShelf  # noqa: E402
from aisle.finetune.loop import LoopOptions, train  # noqa: E402
from aisle.finetune.losses import IGNORED  # noqa: E402
from aisle.finetune.networks import Bert, EfficientNetLite  # noqa: E402
from aisle.finetune.tasks import JointTask, PhotoTask, TextTask, _modality_dropout  # noqa: E402
from aisle.finetune.towers import PhotoTower, TextTower, TokenisedTexts  # noqa: E402
from aisle.product import Product  # noqa: E402

COUNT = 60
PATHS = [(("Lamps", "Cups")[row % 2], ("big", "small")[row // 2 % 2]) for row in range(COUNT)]
COLOURS = {"Lamps": (230, 40, 40), "Cups": (30, 60, 220)}
TRAIN, VALIDATION = np.arange(44), np.arange(44, COUNT)


def text_task(weights, *, train=TRAIN, validation=VALIDATION):
    """Titles whose words say the category; every third product has no title, and a description instead."""
    rng = np.random.default_rng(0)
    words = [np.array([2, 5 + row % 2, *rng.integers(10, 30, rng.integers(1, 6)), 3]) for row in range(COUNT)]
    titles = [None if row % 3 == 0 else words[row] for row in range(COUNT)]
    descriptions = [words[row] if row % 3 == 0 or row % 5 == 0 else None for row in range(COUNT)]
    torch.manual_seed(0)
    labels = Labels.of(PATHS)
    tower = TextTower(Bert(weights.bert(), heads=weights.heads), categories=[len(names) for names in labels.names])
    texts = TokenisedTexts((titles, descriptions), padding=0)
    return TextTask(tower, texts, labels, train, validation, 5e-3, "cpu")


def photo_task(weights, folder, *, train=TRAIN, validation=VALIDATION):
    """Photos whose colour says the category."""
    rng = np.random.default_rng(1)
    products = []
    for path in PATHS:
        pixels = np.clip(np.array(COLOURS[path[0]]) + rng.normal(0, 25, (16, 16, 3)), 0, 255).astype(np.uint8)
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        products.append(Product(photo=stream.getvalue()))
    torch.manual_seed(0)
    labels = Labels.of(PATHS)
    tower = PhotoTower(EfficientNetLite(weights.lite()), size=16, frozen=1,
                       categories=[len(names) for names in labels.names])  # fmt: skip
    shelf = PhotoShelf(products, size=16, folder=folder, threads=1)
    return PhotoTask(tower, shelf, labels, train, validation, 5e-3, "cpu")


def options(epochs):
    return LoopOptions(epochs=epochs, batch=8, patience=9, seed=0, device="cpu", label="tuning")


def test_texts_are_learned(weights):
    done = train(text_task(weights), options(12))
    assert done.epochs[done.best - 1].validation_accuracy >= 0.9  # by chance a half


def test_photos_are_learned(weights, tmp_path):
    done = train(photo_task(weights, tmp_path), options(12))
    assert done.epochs[done.best - 1].validation_accuracy >= 0.9


def test_both_together_are_learned_and_either_alone(weights, tmp_path):
    task = JointTask(text_task(weights), photo_task(weights, tmp_path))
    done = train(task, options(24))
    assert done.epochs[done.best - 1].validation_accuracy >= 0.9
    for alone in (task.text, task.photo):
        with torch.inference_mode():
            judged = alone.judge(VALIDATION)
        assert judged.right / judged.rows >= 0.9


def test_every_training_row_is_dealt_once_and_lengths_lie_together(weights):
    task = text_task(weights)
    batches = task.order(np.random.default_rng(0), 8)
    assert sorted(np.concatenate(batches)) == TRAIN.tolist()
    assert max(map(len, batches)) <= 8
    spans = [np.ptp([max(map(len, texts)) for texts in task._all(rows)]) for rows in batches]
    assert np.mean(spans) < np.mean([np.ptp([max(map(len, t)) for t in task._all(TRAIN[i::6])]) for i in range(6)])


def test_judging_counts_every_text_of_the_rows(weights):
    task = text_task(weights)
    with torch.inference_mode():
        judged = task.judge(np.array([1, 3, 10]))  # of 10 there is a title and a description, of the others one text
    assert judged.rows == 4
    # Heads begin undecided: the loss of each text is the mean over depths of the logarithm of the categories.
    assert judged.loss == pytest.approx((np.log(2) + np.log(4)) / 2, rel=1e-5)


def test_photos_are_varied_in_training_only(weights, tmp_path):
    task = photo_task(weights, tmp_path)
    task.module.eval()
    rows = np.array([0, 1])
    with torch.inference_mode():
        first, again = task.embed(rows), task.embed(rows)
        varied, other = (task.embed(rows, np.random.default_rng(seed)) for seed in (0, 1))
    assert torch.equal(first, again)
    assert not torch.allclose(varied, other)
    assert task.variation == PhotoVariation()


def test_modality_dropout_keeps_at_least_one():
    kept = _modality_dropout(1000, np.random.default_rng(0))
    assert kept.shape == (1000, 2)
    assert set(np.unique(kept)) == {0.0, 1.0}
    assert kept.sum(axis=1).min() == 1
    assert 420 < (kept.sum(axis=1) == 2).sum() < 580
    for column in (0, 1):
        assert 190 < (kept[:, column] == 0).sum() < 310


def test_what_is_left_out_is_no_part_of_the_sum(weights, tmp_path, monkeypatch):
    task = JointTask(text_task(weights), photo_task(weights, tmp_path))
    task.module.eval()
    heads = [*task.text.module.heads.classify, *task.photo.module.heads.classify]
    for head in heads:
        torch.nn.init.normal_(head.weight)
    found = []
    for kept in ((1, 1), (1, 0), (0, 1), (0, 0)):
        rows = np.array([kept] * 8, dtype=np.float32)
        monkeypatch.setattr(tasks, "_modality_dropout", lambda count, rng, rows=rows: rows)
        found.append(task.loss(TRAIN[:8], np.random.default_rng(0)).item())
    assert len({round(loss, 4) for loss in found}) == 4


def test_a_joint_task_is_of_the_products_that_have_both(weights, tmp_path):
    text = text_task(weights, train=np.arange(0, 40), validation=np.arange(44, 52))
    photo = photo_task(weights, tmp_path, train=np.arange(10, 44), validation=np.arange(48, 60))
    task = JointTask(text, photo)
    assert task.train.tolist() == list(range(10, 40))
    assert task.validation.tolist() == [48, 49, 50, 51]
    assert sorted(np.concatenate(task.order(np.random.default_rng(0), 8))) == list(range(10, 40))


def test_a_joint_step_reaches_all_that_is_trained_once(weights, tmp_path):
    task = JointTask(text_task(weights), photo_task(weights, tmp_path))
    parameters = [value for group in task.groups() for value in group["params"]]
    wanted = {id(value) for value in task.module.parameters() if value.requires_grad}
    assert len(parameters) == len(wanted)
    assert {id(value) for value in parameters} == wanted
    for head in (*task.text.module.heads.classify, *task.photo.module.heads.classify):
        torch.nn.init.normal_(head.weight)  # heads of zeros would hand nothing down
    task.module.train()
    task.loss(TRAIN[:8], np.random.default_rng(0)).backward()
    without = [name for name, value in task.module.named_parameters() if value.requires_grad and value.grad is None]
    assert all("pooler" in name for name in without)


def test_a_row_left_alone_by_memory_still_has_a_loss(weights, tmp_path):
    task = JointTask(text_task(weights), photo_task(weights, tmp_path))
    assert torch.isfinite(task.loss(TRAIN[:1], np.random.default_rng(0)))


@pytest.mark.parametrize("kind", ["text", "photo"])
@pytest.mark.parametrize("size", [1, 3, 5])
def test_the_validation_loss_does_not_depend_on_how_rows_are_dealt(weights, tmp_path, kind, size):
    task = text_task(weights) if kind == "text" else photo_task(weights, tmp_path)
    task.labels.columns[VALIDATION[1::3], 1] = IGNORED
    for head in task.module.heads.classify:
        torch.nn.init.normal_(head.weight)
    task.module.eval()
    with torch.inference_mode():
        whole = task.judge(VALIDATION)
        first, *others = (task.judge(VALIDATION[start : start + size]) for start in range(0, len(VALIDATION), size))
    assert whole.labelled[1] < whole.labelled[0]
    found = sum(others, first)
    assert found.labelled == whole.labelled
    assert found.loss == pytest.approx(whole.loss, rel=1e-5)


@pytest.mark.parametrize("at_once", [1, 7, 100])
def test_fitting_heads_shows_how_far_it_is_and_does_not_depend_on_its_parts(weights, monkeypatch, at_once):
    shown = []

    def track(items, *, label, total, unit):
        for item in items:
            shown.append((label, len(item), total))
            yield item

    monkeypatch.setattr(tasks, "track", track)
    task, wanted = text_task(weights), text_task(weights)
    for each, size in ((wanted, 16), (task, at_once)):
        shown.clear()
        each.module.eval()
        each.fit_heads(size, label="tuning: first the heads")
    assert {(label, total) for label, _, total in shown} == {("tuning: first the heads", len(shown))}
    assert max(size for _, size, _ in shown) <= min(at_once, 16)
    assert sum(size for _, size, _ in shown) == len(list(task.texts.each(TRAIN)))
    for one, other in zip(task.module.heads.classify, wanted.module.heads.classify, strict=True):
        assert one.weight.abs().max() > 0.1
        assert torch.allclose(one.weight, other.weight, atol=1e-2)
