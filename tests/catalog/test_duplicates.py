"""Near-duplicates are those that comparing everything with everything finds, and nothing else is joined."""

import csv
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from sklearn.feature_extraction.text import TfidfVectorizer

from aisle.catalog import duplicates
from aisle.catalog.duplicates import MAX_DISTANCE, exact_duplicates, near_duplicate_groups
from aisle.catalog.photo_hash import HASH_SHAPE, perceptual_hash
from aisle.catalog.photos import decode_photo

DATA = Path(os.environ.get("AISLE_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
WORDS = [
    "red",
    "blue",
    "mug",
    "ceramic",
    "watch",
    "analog",
    "men",
    "women",
    "steel",
    "cotton",
    "towel",
    "bath",
]


def partition(groups):
    """Return groups as a set of sets of rows."""
    return {frozenset(np.flatnonzero(groups == group).tolist()) for group in set(groups.tolist())}


def components(count, alike):
    """Join rows by a plain flood fill."""
    left, found = set(range(count)), set()
    while left:
        group, edge = set(), [min(left)]
        while edge:
            row = edge.pop()
            if row not in group:
                group.add(row)
                edge += [other for other in range(count) if alike(row, other)]
        left -= group
        found.add(frozenset(group))
    return found


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), min_size=1, max_size=40),
    threshold=st.sampled_from([0.3, 0.5, 0.7, 0.9]),
    block=st.sampled_from([1, 50, 4_000_000]),
)
def test_text_groups_equal_brute_force(texts, threshold, block):
    if any(texts):
        vectors = TfidfVectorizer(sublinear_tf=True).fit_transform(texts).toarray()
        cosines = vectors @ vectors.T
    else:
        cosines = np.zeros((len(texts),) * 2)
    if np.any(np.abs(cosines - threshold) < 1e-5):
        return  # too close to call in single precision
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "_BLOCK_PRODUCTS", block)
        patch.setattr(duplicates, "_BLOCK_PAIRS", max(1, block // 10))
        groups = near_duplicate_groups(texts, threshold=threshold)
    assert partition(groups) == components(len(texts), lambda one, other: cosines[one, other] > threshold)


@settings(max_examples=60, deadline=None)
@given(
    base=st.integers(0, 2**64 - 1),
    flips=st.lists(st.lists(st.integers(0, 63), max_size=14), min_size=1, max_size=30),
    distance=st.integers(0, 12),
)
def test_photo_groups_equal_brute_force(base, flips, distance):
    hashes = [base ^ sum(1 << bit for bit in set(bits)) for bits in flips] + [None]

    def alike(one, other):
        if one == other:
            return True
        pair = hashes[one], hashes[other]
        if any(value is None or not 8 <= bin(value).count("1") <= 56 for value in pair):
            return False
        return bin(pair[0] ^ pair[1]).count("1") <= distance

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "_BLOCK_HASHES", 4)
        texts = [""] * len(hashes)
        groups = near_duplicate_groups(texts, photo_hashes=hashes, max_distance=distance)
    assert partition(groups) == components(len(hashes), alike)


def test_groups_are_numbered_in_order_and_join_text_and_photo():
    texts = ["king size bed", "steel watch for men", "king size bed", "cotton bath towel", "", ""]
    hashes = [None, 0x0F0F0F0F0F0F0F0F, None, 0x0F0F0F0F0F0F0F0E, None, None]
    assert near_duplicate_groups(texts).tolist() == [0, 1, 0, 2, 3, 4]
    assert near_duplicate_groups(texts, photo_hashes=hashes).tolist() == [0, 1, 0, 1, 2, 3]
    assert near_duplicate_groups([]).tolist() == []


def test_photos_without_structure_join_nothing():
    white = perceptual_hash(np.full((50, 50, 3), 255, np.uint8))
    noise = np.random.default_rng(0).integers(250, 256, (50, 50, 3)).astype(np.uint8)
    texts = ["red mug", "blue towel", "steel watch"]
    hashes = [white, white, perceptual_hash(noise)]
    assert near_duplicate_groups(texts, photo_hashes=hashes).tolist() == [0, 1, 2]


def test_arguments_that_make_no_sense():
    with pytest.raises(ValueError, match="threshold"):
        near_duplicate_groups(["a"], threshold=1.0)
    with pytest.raises(ValueError, match="2 photo hashes for 1 texts"):
        near_duplicate_groups(["a"], photo_hashes=[1, 2])
    with pytest.raises(ValueError, match="0 photos for 1 texts"):
        exact_duplicates(["a"], [])


def test_exact_duplicates(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"one")
    (tmp_path / "b.jpg").write_bytes(b"one")
    texts = ["Red  Mug", "red mug ", "red mug", "red mug", "", "", "\uff32ed mug", "", ""]
    photos = [
        tmp_path / "a.jpg",
        b"one",
        b"two",
        tmp_path / "gone.jpg",
        None,
        None,
        tmp_path / "b.jpg",
        b"x",
        b"x",
    ]
    assert exact_duplicates(texts, photos).tolist() == [0, 0, 1, 2, 3, 4, 0, 5, 5]
    assert exact_duplicates(texts).tolist() == [0, 0, 0, 0, 1, 2, 0, 3, 4]


def scene(seed):
    rng = np.random.default_rng(seed)
    coarse = rng.integers(40, 200, (10, 10, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC)


def jpeg(image, **options):
    stream = io.BytesIO()
    image.save(stream, "JPEG", **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda image: jpeg(image, quality=30),
        lambda image: jpeg(image.resize((150, 110))),
        lambda image: jpeg(ImageEnhance.Brightness(image).enhance(1.2)),
        lambda image: jpeg(ImageEnhance.Contrast(image).enhance(0.7)),
        lambda image: jpeg(image.crop((2, 2, 318, 238))),
    ],
)
def test_a_photo_saved_again_keeps_its_hash(change):
    for seed in range(8):
        image = scene(seed)
        before, after = perceptual_hash(np.asarray(image)), perceptual_hash(change(image))
        assert (before ^ after).bit_count() <= MAX_DISTANCE


def test_other_photos_have_other_hashes():
    hashes = [perceptual_hash(np.asarray(scene(seed))) for seed in range(40)]
    apart = [(one ^ other).bit_count() for at, one in enumerate(hashes) for other in hashes[:at]]
    assert min(apart) > MAX_DISTANCE
    assert abs(np.mean(apart) - 32) < 2


def test_the_hash_is_the_sign_of_known_waves():
    # One cosine of horizontal frequency 3 and vertical frequency 1: its own coefficient stands out alone.
    point = (2 * np.arange(32) + 1) * np.pi / 64
    wave = np.cos(1 * point)[:, None] * np.cos(3 * point)[None, :]
    value = perceptual_hash(np.round(128 + 100 * wave).astype(np.uint8))
    opposite = perceptual_hash(np.round(128 - 100 * wave).astype(np.uint8))
    bit = 1 << (8 * (1 - 1) + (3 - 1))
    assert value & bit
    assert not opposite & bit


def test_the_hash_of_a_file_is_that_of_its_pixels():
    photo = jpeg(scene(1))
    assert perceptual_hash(photo) == perceptual_hash(decode_photo(photo, shape=HASH_SHAPE))


@pytest.mark.real
@pytest.mark.skipif(not DATA.is_dir(), reason=f"no real data at {DATA}: set AISLE_REAL_DATA")
def test_the_study_found_273_products_in_near_duplicate_groups():
    (export,) = (DATA / "flipkart-1050").glob("*.csv")
    with export.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    groups = near_duplicate_groups([f"{row['product_name']} {row['description']}" for row in rows])
    sizes = np.bincount(groups)
    assert int(sizes[sizes > 1].sum()) == 273
    assert int(sizes.max()) == 21
    labels = [json.loads(row["product_category_tree"])[0].split(" >> ")[0] for row in rows]
    assert len({(group, label) for group, label in zip(groups.tolist(), labels, strict=True)}) == sizes.size
