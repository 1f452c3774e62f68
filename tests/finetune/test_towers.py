"""Networks with the heads that training needs, and texts as tokens."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from aisle.finetune.networks import Bert, EfficientNetLite  # noqa: E402
from aisle.finetune.towers import SHARED, Heads, PhotoTower, TextTower, TokenisedTexts, pad  # noqa: E402


def text(*numbers):
    return np.array([2, *numbers, 3])


TEXTS = TokenisedTexts(
    fields=(
        [text(10), None, text(12), None],
        [text(20, 21), text(22), None, None],
    ),
    padding=0,
)


def test_first_is_of_the_first_field_that_has_one():
    assert [found.tolist() for found in TEXTS.first(np.array([2, 1, 0]))] == [[2, 12, 3], [2, 22, 3], [2, 10, 3]]


def test_each_is_every_text_with_its_place():
    found = [(place, each.tolist()) for place, each in TEXTS.each(np.array([2, 0, 3]))]
    assert found == [(0, [2, 12, 3]), (1, [2, 10, 3]), (1, [2, 20, 21, 3])]


def test_draw_takes_any_field_that_has_a_text():
    rng = np.random.default_rng(0)
    drawn = [tuple(each.tolist()) for _ in range(200) for each in TEXTS.draw(np.array([0]), rng)]
    assert set(drawn) == {(2, 10, 3), (2, 20, 21, 3)}
    assert 60 < drawn.count((2, 10, 3)) < 140
    assert {tuple(each.tolist()) for _ in range(20) for each in TEXTS.draw(np.array([1]), rng)} == {(2, 22, 3)}


def test_padding_is_masked():
    ids, mask = pad([text(5), text(6, 7, 8)], padding=9, device="cpu")
    assert ids.tolist() == [[2, 5, 3, 9, 9], [2, 6, 7, 8, 3]]
    assert mask.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]


def test_heads_begin_undecided_and_answer_for_each_depth():
    heads = Heads(6, [3, 5])
    embeddings = torch.nn.functional.normalize(torch.randn(4, 6), dim=1)
    assert [logits.shape for logits in heads.logits(embeddings)] == [(4, 3), (4, 5)]
    assert not any(logits.any() for logits in heads.logits(embeddings))
    shared = heads.shared(embeddings)
    assert shared.shape == (4, SHARED)
    assert torch.allclose(shared.norm(dim=1), torch.ones(4), atol=1e-6)


def test_the_top_head_as_arrays_says_what_the_head_says():
    heads = Heads(6, [3, 5])
    torch.nn.init.normal_(heads.classify[0].weight)
    torch.nn.init.normal_(heads.classify[0].bias)
    embeddings = torch.randn(4, 6)
    top = heads.top()
    by_hand = embeddings.numpy() @ top.weight.T + top.bias
    assert np.allclose(by_hand, heads.logits(embeddings)[0].detach().numpy(), atol=1e-4)


def test_a_text_tower_gives_unit_vectors_that_padding_does_not_change(weights):
    tower = TextTower(Bert(weights.bert(), heads=weights.heads), categories=[3]).eval()
    alone, together = (tower(*pad(texts, padding=0, device="cpu"))
                       for texts in ([text(5, 6)], [text(5, 6), text(7, 8, 9, 10)]))  # fmt: skip
    assert alone.shape == (1, 24)
    assert torch.allclose(together.norm(dim=1), torch.ones(2), atol=1e-5)
    assert torch.allclose(alone[0], together[0], atol=1e-5)


@pytest.mark.parametrize("frozen", [0, 2])
def test_frozen_blocks_do_not_change_in_a_step(weights, frozen):
    tower = PhotoTower(EfficientNetLite(weights.lite()), size=16, frozen=frozen, categories=[2]).train()
    before = {name: value.clone() for name, value in tower.network.state_dict().items()}
    optimiser = torch.optim.AdamW([each for each in tower.parameters() if each.requires_grad], lr=0.01)
    pixels = torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (4, 3, 16, 16)).astype(np.float32))
    tower(pixels).pow(2)[:, ::2].sum().backward()
    optimiser.step()
    changed = {name for name, value in tower.network.state_dict().items() if not torch.equal(value, before[name])}
    assert not [name for name in changed if "running" in name or "num_batches" in name]
    still = {"_conv_stem", "_bn0", *(f"_blocks.{number}" for number in range(frozen))} if frozen else set()
    assert not [name for name in changed if any(name.startswith(f"{part}.") for part in still)]
    trained = {name for name, value in tower.network.named_parameters() if value.requires_grad}
    assert changed == trained
    assert {f"_blocks.{frozen}._project_conv.weight", "_conv_head.weight"} <= changed


def test_freezing_changes_no_embedding(weights):
    pixels = torch.from_numpy(np.random.default_rng(0).uniform(0, 255, (2, 3, 16, 16)).astype(np.float32))
    free, frozen = (PhotoTower(EfficientNetLite(weights.lite()), size=16, frozen=count, categories=[2]).eval()
                    for count in (0, 3))  # fmt: skip
    assert torch.allclose(free(pixels), frozen(pixels), atol=1e-6)
    assert free(pixels).shape == (2, 24)
