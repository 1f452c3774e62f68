"""The better clustering of each category, counted by hand."""

import numpy as np
import pytest

from aisle.study.per_category import best_per_category
from aisle.study.subject import choose_subject


@pytest.fixture
def subject(make_catalog):
    return choose_subject(make_catalog(*[("A",)] * 10, *[("B",)] * 20, *[("C",)] * 5), level=1)


def pair(modality, *recalls, title="X", pca=False):
    return {"modality": modality, "title": title, "variant": "raw", "pca": pca}, np.array(recalls)


def test_each_category_takes_its_better_clustering(subject):
    found = best_per_category(
        subject,
        [
            pair("text", 0.9, 0.5, 0.2, title="Bag"),
            pair("text", 0.8, 0.6, 0.2, title="TF-IDF", pca=True),
            pair("photo", 0.4, 0.75, 0.2),
        ],
    )
    assert found["products"] == 25  # 9 of 10, 15 of 20, 1 of 5
    assert found["of"] == 35
    assert found["accuracy"] == pytest.approx(25 / 35)
    assert (found["low"], found["high"]) == pytest.approx((0.5495, 0.8367), abs=1e-3)  # Wilson, by hand
    rows = {row["category"]: row for row in found["categories"]}
    assert [row["modality"] for row in rows.values()] == ["text", "photo", "text"]
    assert (rows["A"]["text"], rows["B"]["text"]) == ("Bag, raw", "TF-IDF, raw, PCA")
    assert (rows["B"]["text_recall"], rows["B"]["photo_recall"]) == (0.6, 0.75)
    assert (rows["A"]["correct"], rows["A"]["size"]) == (9.0, 10)


@pytest.mark.parametrize("modality", ["text", "photo"])
def test_one_modality_has_nothing_to_choose_from(subject, modality):
    assert best_per_category(subject, [pair(modality, 1, 1, 1)]) is None
    assert best_per_category(subject, []) is None


def test_a_category_without_photos(subject):
    found = best_per_category(subject, [pair("text", 0.5, 0.5, 0.4), pair("photo", 0.9, np.nan, 0.6)])
    b = found["categories"][1]
    assert (b["modality"], b["photo"], b["photo_recall"]) == ("text", None, None)
    assert found["products"] == 22


def test_a_category_in_no_clustering(subject):
    found = best_per_category(subject, [pair("text", 0.5, np.nan, 0.4), pair("photo", 0.9, np.nan, 0.6)])
    assert (found["categories"][1]["modality"], found["categories"][1]["correct"]) == (None, 0.0)
