"""Fusion of views: planted groups come back, gaps and degenerate views do no harm."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from aisle.errors import AisleError
from aisle.study.fusion import concatenate, diffuse

GROUPS = 4
SIZE = 60
TRUTH = np.repeat(np.arange(GROUPS), SIZE)


def _view(classes: NDArray[np.int64], *, noise: float, seed: int, width: int = 40) -> NDArray[np.float32]:
    """Rows about one random unit centre per class; `noise` is the expected length of what is added."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes.max() + 1, width))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    noisy = centres[classes] + rng.normal(scale=noise / np.sqrt(width), size=(classes.size, width))
    return noisy.astype(np.float32)


def _all(views: list[NDArray[np.float32]]) -> list[NDArray[np.bool_]]:
    return [np.ones(view.shape[0], dtype=np.bool_) for view in views]


def _agreement(features: NDArray[np.float32]) -> float:
    scores = [
        adjusted_rand_score(TRUTH, KMeans(GROUPS, n_init=10, random_state=seed).fit_predict(features))
        for seed in range(5)
    ]
    return float(np.mean(scores))


@pytest.fixture
def halves() -> list[NDArray[np.float32]]:
    """Two views, of which each tells two pairs of groups apart and only both tell all four."""
    return [_view(TRUTH // 2, noise=1.0, seed=1), _view(TRUTH % 2, noise=1.0, seed=2, width=90)]


@pytest.mark.parametrize("fuse", [concatenate, diffuse])
def test_two_views_show_groups_that_neither_shows_alone(halves, fuse):
    alone = [_agreement(fuse([view], presence=_all([view]))) for view in halves]
    assert max(alone) < 0.6
    assert _agreement(fuse(halves, presence=_all(halves))) > 0.95


def test_diffusion_finds_elongated_groups_that_k_means_cuts_across():
    """Groups that vary more within (cheap to dear, plain to patterned) than they lie apart."""

    def strands(seed: int) -> NDArray[np.float32]:
        rng = np.random.default_rng(seed)
        axes = np.linalg.qr(rng.normal(size=(40, GROUPS + 1)))[0].T
        along = np.tile(np.linspace(-1.5, 1.5, SIZE), GROUPS)
        noise = rng.normal(scale=0.1, size=(TRUTH.size, 40))
        return (axes[TRUTH] + along[:, None] * axes[GROUPS] + noise).astype(np.float32)

    views = [strands(3), strands(4)]
    assert _agreement(concatenate(views, presence=_all(views))) < 0.5
    assert _agreement(diffuse(views, presence=_all(views))) > 0.9


@pytest.mark.parametrize("fuse", [concatenate, diffuse])
def test_the_scale_of_a_view_and_of_a_row_is_irrelevant(halves, fuse):
    row_scale = np.random.default_rng(5).uniform(0.1, 10, size=(TRUTH.size, 1)).astype(np.float32)
    scaled = [halves[0] * np.float32(1e6), halves[1] * row_scale]
    np.testing.assert_allclose(fuse(scaled, presence=_all(scaled)), fuse(halves, presence=_all(halves)), atol=1e-4)


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_extreme_units_neither_overflow_nor_vanish(halves, scale):
    scaled = [halves[0] * np.float32(scale)]
    lengths = np.linalg.norm(concatenate(scaled, presence=_all(scaled)), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)


def test_a_missing_row_takes_the_mean_of_its_view_and_is_not_read(halves):
    presence = _all(halves)
    presence[1][[3, 100]] = False
    halves[1][[3, 100]] = np.nan
    found = concatenate(halves, presence=presence)[:, halves[0].shape[1] :]
    rows = halves[1][presence[1]].astype(float)
    mean = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(found[[3, 100]], np.stack([mean, mean]), atol=1e-6)


def test_a_row_of_zeros_counts_as_missing(halves):
    absent, zero = _all(halves), [halves[0], halves[1].copy()]
    absent[1][7] = False
    zero[1][7] = 0
    np.testing.assert_array_equal(concatenate(zero, presence=_all(zero)), concatenate(halves, presence=absent))


def test_diffusion_fills_a_missing_photo_from_similar_products():
    text, photo = _view(TRUTH, noise=0.5, seed=6), _view(TRUTH, noise=0.5, seed=7)
    presence = _all([text, photo])
    presence[1][::10] = False
    filled = diffuse([text, photo], presence=presence)[:, text.shape[1] :]
    nearest = (filled[~presence[1]] @ filled[presence[1]].T).argmax(axis=1)
    np.testing.assert_array_equal(TRUTH[presence[1]][nearest], TRUTH[~presence[1]])


def test_a_product_without_any_view_stays_at_the_centre(halves):
    presence = _all(halves)
    for mask in presence:
        mask[11] = False
    found = diffuse(halves, presence=presence)
    assert not found[11].any()
    assert np.linalg.norm(np.delete(found, 11, axis=0), axis=1).min() > 0.9


@pytest.mark.parametrize("useless", [np.zeros((240, 5)), np.ones((240, 5)), np.empty((240, 0))])
def test_a_view_without_information_changes_nothing(halves, useless):
    views = [*halves, useless.astype(np.float32)]
    found = diffuse(views, presence=_all(views))
    assert found.shape == (240, 130 + useless.shape[1])
    np.testing.assert_allclose(found[:, :130], diffuse(halves, presence=_all(halves)), atol=1e-5)
    assert np.abs(found[:, 130:]).max(initial=0) < 1e-5
    assert _agreement(concatenate(views, presence=_all(views))) > 0.95


def test_a_view_that_no_product_has_is_zero(halves):
    presence = [*_all(halves), np.zeros(240, dtype=np.bool_)]
    views = [*halves, np.full((240, 5), np.nan, dtype=np.float32)]
    for fuse in (concatenate, diffuse):
        found = fuse(views, presence=presence)
        assert not found[:, 130:].any()
        assert np.isfinite(found).all()


@pytest.mark.parametrize("n", [1, 2, 5, 10, 11])
def test_catalogues_smaller_than_the_neighbourhood(halves, n):
    few = [view[:n] for view in halves]
    found = diffuse(few, presence=_all(few))
    assert found.shape == (n, 130)
    assert np.isfinite(found).all()


def test_no_restart_keeps_nothing_and_full_restart_keeps_all(halves):
    kept = diffuse(halves, presence=_all(halves), restart=1)
    alone = diffuse(halves, presence=_all(halves), steps=0)
    np.testing.assert_allclose(kept, alone, atol=1e-6)


def test_duplicates_of_one_product_come_out_alike():
    views = [np.repeat(view[::60], 60, axis=0) for view in (_view(TRUTH, noise=0.5, seed=8),)]
    assert _agreement(diffuse(views, presence=_all(views))) == pytest.approx(1)


def test_blocks_of_the_neighbour_search_do_not_show(halves, monkeypatch):
    whole = diffuse(halves, presence=_all(halves))
    monkeypatch.setattr("aisle.study.fusion._BLOCK_BYTES", 240 * 8 * 7)
    np.testing.assert_allclose(diffuse(halves, presence=_all(halves)), whole, atol=1e-5)


def test_same_views_same_features_and_inputs_untouched(halves):
    before = [view.copy() for view in halves]
    first, second = (diffuse(halves, presence=_all(halves)) for _ in range(2))
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, second)
    for view, copy in zip(halves, before, strict=True):
        np.testing.assert_array_equal(view, copy)


def test_the_order_of_products_does_not_matter(halves):
    order = np.random.default_rng(9).permutation(240)
    shuffled = [view[order] for view in halves]
    np.testing.assert_allclose(
        diffuse(shuffled, presence=_all(shuffled)), diffuse(halves, presence=_all(halves))[order], atol=1e-4
    )


@pytest.mark.parametrize("fuse", [concatenate, diffuse])
def test_views_that_do_not_fit_are_refused(halves, fuse):
    with pytest.raises(AisleError, match="no view"):
        fuse([], presence=[])
    with pytest.raises(ValueError, match="2 views came with 1"):
        fuse(halves, presence=_all(halves)[:1])
    with pytest.raises(ValueError, match="240, 239"):
        fuse([halves[0], halves[1][1:]], presence=_all(halves))
