"""What varying photos and texts may change, and what it may not."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from aisle.finetune.augment import PhotoVariation, vary_photos, vary_tokens  # noqa: E402

NONE = PhotoVariation(least_area=1.0, stretch=1.0, colour=0.0, border=0.0, erase=0.0)


def photos(count=6, side=20):
    return torch.from_numpy(np.random.default_rng(3).uniform(0, 255, (count, 3, side, side)).astype(np.float32))


def vary(pixels, variation, *, size=20, seed=0):
    return vary_photos(pixels, size=size, variation=variation, rng=np.random.default_rng(seed))


@pytest.mark.parametrize("size", [8, 20, 33])
def test_photos_come_out_in_size_and_in_range(size):
    varied = vary(photos(32), PhotoVariation(), size=size)
    assert varied.shape == (32, 3, size, size)
    assert varied.dtype == torch.float32
    assert varied.min() >= 0
    assert varied.max() <= 255


def test_the_same_seed_varies_alike_and_another_does_not():
    first, again, other = (vary(photos(), PhotoVariation(), seed=seed) for seed in (7, 7, 8))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_given_photos_stay_as_they_are():
    given = photos()
    kept = given.clone()
    vary(given, PhotoVariation(erase=1.0, border=1.0))
    assert torch.equal(given, kept)


def test_without_variation_a_photo_is_itself_or_its_mirror_image():
    given = photos(40)
    varied = vary(given, NONE)
    same = [torch.allclose(one, other, atol=1e-2) for one, other in zip(varied, given, strict=True)]
    mirrored = [torch.allclose(one, other.flip(2), atol=1e-2) for one, other in zip(varied, given, strict=True)]
    assert all(one or other for one, other in zip(same, mirrored, strict=True))
    assert 8 < sum(same) < 32  # a fair coin


def test_a_crop_keeps_at_least_its_share():
    # On a slope from left to right, the range of what is seen is the width of the crop.
    slope = torch.linspace(0, 255, 64).expand(100, 3, 64, 64).contiguous()
    seen = vary(slope, PhotoVariation(least_area=0.5, stretch=1.0, colour=0.0, border=0.0, erase=0.0), size=64)
    widths = (seen.amax((1, 2, 3)) - seen.amin((1, 2, 3))) / 255
    assert widths.min() > np.sqrt(0.5) - 0.05
    assert widths.min() < 0.8
    assert widths.max() > 0.9


def test_a_border_is_white_and_the_photo_is_whole_inside():
    black = torch.zeros(30, 3, 40, 40)
    framed = vary(black, PhotoVariation(least_area=1.0, stretch=1.0, colour=0.0, border=1.0, erase=0.0), size=40)
    dark = (framed < 128).float()
    sides = dark[:, 0].amax(1).sum(1), dark[:, 0].amax(2).sum(1)
    for side in sides:
        assert side.min() >= 40 / 1.4 - 2
        assert side.max() <= 40
    assert framed.max() == 255
    corners = framed[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners > 250).any(dim=2).all(dim=1).float().mean() > 0.8  # most are framed on some side


def test_an_erased_rectangle_is_plain_and_as_often_as_asked():
    given = photos(400, 16)
    variation = PhotoVariation(least_area=1.0, stretch=1.0, colour=0.0, border=0.0, erase=0.25)
    varied = vary(given, variation, size=16)
    plain = ((varied == 255) | (varied == 127)).all(dim=1)
    erased = plain.flatten(1).sum(1)
    assert 0.17 < (erased > 0).float().mean() < 0.33
    assert erased.max() <= (16 * 2 // 5) ** 2
    for mask in plain[erased > 0]:
        rows, columns = mask.any(1).nonzero().flatten(), mask.any(0).nonzero().flatten()
        inside = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert inside.float().mean() > 0.95  # a rectangle, up to a pixel that happens to be as plain


def test_colour_changes_keep_grey_grey():
    grey = torch.full((50, 3, 8, 8), 100.0)
    varied = vary(grey, PhotoVariation(least_area=1.0, stretch=1.0, colour=0.25, border=0.0, erase=0.0), size=8)
    assert torch.allclose(varied, varied[:, :1, :1, :1].expand_as(varied), atol=1e-3)
    assert varied.min() >= 75 - 1e-3
    assert varied.max() <= 125 + 1e-3
    assert varied.max() - varied.min() > 20


def tokens(*lengths):
    return [np.array([2, *range(10, 10 + length), 3]) for length in lengths]


def test_special_tokens_stay_and_what_is_left_keeps_its_order():
    given = tokens(40, 7, 1)
    for seed in range(20):
        for text, varied in zip(given, vary_tokens(given, drop=0.5, rng=np.random.default_rng(seed)),
                                strict=True):  # fmt: skip
            assert (varied[0], varied[-1]) == (2, 3)
            inner = varied[1:-1].tolist()
            assert inner == sorted(inner)
            assert set(inner) <= set(text[1:-1].tolist())
            assert inner


def test_about_the_share_is_left_out():
    varied = vary_tokens(tokens(*[50] * 200), drop=0.1, rng=np.random.default_rng(1))
    assert np.mean([len(text) - 2 for text in varied]) == pytest.approx(45, abs=0.7)


def test_a_text_that_would_lose_everything_stays():
    given = tokens(3, 0)
    varied = vary_tokens(given, drop=1.0, rng=np.random.default_rng(0))
    assert [text.tolist() for text in varied] == [text.tolist() for text in given]
