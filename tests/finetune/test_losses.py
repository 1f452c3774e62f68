"""The losses, against closed forms and plain loops."""

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from aisle.finetune.losses import (  # noqa: E402
    IGNORED,
    category_loss,
    image_text_contrastive,
    supervised_contrastive,
)


def unit(rows):
    rows = np.asarray(rows, dtype=np.float64)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def khosla(embeddings, labels, temperature):
    """Equation 2 of the paper, sum by sum."""
    losses = []
    for anchor, label in enumerate(labels):
        others = [row for row in range(len(labels)) if row != anchor]
        alike = [row for row in others if labels[row] == label and label != IGNORED]
        if not alike:
            continue
        below = sum(math.exp(embeddings[anchor] @ embeddings[row] / temperature) for row in others)
        terms = [math.log(math.exp(embeddings[anchor] @ embeddings[row] / temperature) / below) for row in alike]
        losses.append(-sum(terms) / len(alike))
    return sum(losses) / len(losses)


@pytest.mark.parametrize("labels", [[0, 0, 1, 1, 1, 2], [0, 0, IGNORED, IGNORED, 1, 1], [3, IGNORED, 3, 0, 1, 2]])
def test_supervised_contrast_is_the_papers(labels):
    embeddings = unit(np.random.default_rng(0).standard_normal((6, 5)))
    found = supervised_contrastive(torch.tensor(embeddings), torch.tensor(labels), temperature=0.5)
    assert float(found) == pytest.approx(khosla(embeddings, labels, 0.5), rel=1e-9)


def test_supervised_contrast_of_two_pairs_by_hand():
    # Each product lies on its companion and across from both others: log(1 + 2 e^(-1)) at temperature 1.
    embeddings = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    found = supervised_contrastive(embeddings, torch.tensor([0, 0, 1, 1]), temperature=1.0)
    assert float(found) == pytest.approx(math.log(1 + 2 * math.exp(-1)), rel=1e-6)


@pytest.mark.parametrize("labels", [[0, 1, 2], [IGNORED, IGNORED, IGNORED], [5]])
def test_without_companions_there_is_nothing_to_learn(labels):
    embeddings = torch.tensor(unit(np.eye(3) + 0.1)[: len(labels)], requires_grad=True)
    found = supervised_contrastive(embeddings, torch.tensor(labels))
    assert found.item() == 0
    found.backward()
    assert torch.equal(embeddings.grad, torch.zeros_like(embeddings))


def test_the_gradient_of_contrast_is_finite_and_pulls_companions_together():
    embeddings = torch.tensor(unit([[1, 0.5], [0.5, 1], [-1, 0.2]]), requires_grad=True)
    supervised_contrastive(embeddings, torch.tensor([0, 0, 1])).backward()
    assert torch.isfinite(embeddings.grad).all()
    moved = torch.nn.functional.normalize(embeddings.detach() - 0.01 * embeddings.grad, dim=1)
    assert moved[0] @ moved[1] > (embeddings[0] @ embeddings[1]).item()


def test_image_text_contrast_is_clips():
    rng = np.random.default_rng(1)
    photos, texts = unit(rng.standard_normal((4, 3))), unit(rng.standard_normal((4, 3)))
    scores = np.exp(photos @ texts.T / 0.2)
    by_photo = [-math.log(scores[row, row] / scores[row].sum()) for row in range(4)]
    by_text = [-math.log(scores[row, row] / scores[:, row].sum()) for row in range(4)]
    found = image_text_contrastive(torch.tensor(photos), torch.tensor(texts), temperature=0.2)
    assert float(found) == pytest.approx((np.mean(by_photo) + np.mean(by_text)) / 2, rel=1e-9)


def test_image_text_contrast_of_a_perfect_match_is_near_nothing():
    same = torch.eye(4)
    assert float(image_text_contrastive(same, same)) < 1e-5
    assert float(image_text_contrastive(same, same.roll(1, 0))) > 10  # each matched with another's text


def test_smoothed_cross_entropy_by_hand():
    # Szegedy et al.: 1 - e on the label and e / k on each of the k categories; the second row does not count.
    logits = np.array([[2.0, 0.0, -1.0], [9.0, 9.0, 9.0], [0.0, 1.0, 0.0]])
    logs = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    first = -(0.7 * logs[0, 0] + 0.1 * logs[0].sum())
    third = -(0.7 * logs[2, 1] + 0.1 * logs[2].sum())
    found = category_loss(torch.tensor(logits), torch.tensor([0, IGNORED, 1]), smoothing=0.3)
    assert float(found) == pytest.approx((first + third) / 2, rel=1e-9)


def test_categories_that_are_all_ignored_give_zero_and_no_gradient():
    logits = torch.randn(3, 4, requires_grad=True)
    found = category_loss(logits, torch.full((3,), IGNORED), smoothing=0.1)
    found.backward()
    assert found.item() == 0
    assert not logits.grad.any()
