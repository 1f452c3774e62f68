"""Cross-validation must not flatter: what is to be learned is learned inside the folds."""

from dataclasses import replace

import numpy as np
import pytest

from aisle.errors import TrainingError
from aisle.product import Product
from aisle.train import TrainingOptions, cross_validate

from .conftest import make_shop


@pytest.fixture
def judge(tiny, tiny_settings):
    def run(products, *, level=1, **options):
        chosen = TrainingOptions(level=level)
        return cross_validate(products, options=chosen, settings=tiny_settings, **({"repeats": 1} | options))

    return run


def mean(found, *fields, name="level_1", where="subsets"):
    return next(row for row in found[where] if row["fields"] == list(fields))["figures"][name]["mean"]


def test_words_that_tell_are_found_in_products_not_seen(judge):
    found = judge(make_shop(photos=False), level=None)
    assert found["categories"] == {"level_1": 3, "leaf": 5}
    assert [row["fields"] for row in found["subsets"]] == [["title"]]
    assert mean(found, "title") > 0.7
    assert mean(found, "title", name="leaf") <= mean(found, "title")
    assert found["subsets"][0]["products"] == 80


def test_labels_that_mean_nothing_give_chance(judge):
    # Anything learned from a test row would show here: every title is unique, and labels are drawn by lot.
    shop = make_shop(photos=False, per_category=24)
    lots = np.random.default_rng(5).permutation(np.arange(len(shop)) % 4)
    found = judge([replace(item, category=(f"C{lot}",)) for item, lot in zip(shop, lots, strict=True)], repeats=2)
    assert abs(mean(found, "title") - 0.25) < 0.12
    for row in found["subsets"][0]["certified"]:
        assert row["folds_certified"] == 0


def test_near_duplicates_flatter_unless_they_are_kept_together(judge):
    rng = np.random.default_rng(6)
    labels = [f"C{number}" for number in rng.permutation(np.arange(30) % 3)]
    pairs = [
        Product(title=f"{' '.join(f'{word}{group}' for word in ('red', 'tall', 'soft', 'late'))}", category=(label,))
        for group, label in enumerate(labels)
        for _ in range(3)
    ]
    items = [replace(item, id=str(place)) for place, item in enumerate(pairs)]
    assert mean(judge(items), "title") > 0.9
    assert mean(judge(items, grouped=True), "title") < 0.75


def test_a_category_that_only_test_rows_have_counts_as_wrong(judge):
    shop = [*make_shop(photos=False), Product(title="flute music", category=("Music",))]
    found = judge(shop)
    row = found["subsets"][0]
    assert row["products"] == 81
    assert mean(found, "title", name="level_1_supported") > mean(found, "title")
    assert row["figures"]["macro_f1"]["mean"] < mean(found, "title")


def test_rows_with_titles_alone_help_titles_and_never_give_an_answer_away(judge):
    shop = make_shop(per_category=10)
    others = [replace(item, id=f"x{item.id}") for item in make_shop(per_category=30, seed=9, photos=False, start=500)]
    found = judge(shop, extra=[*others, *[replace(item, photo=None) for item in shop]])
    assert found["extra"] == {"given": 200, "joined": 150}  # the shop's own titles stay out
    assert mean(found, "title", where="with_extra") > mean(found, "title")
    assert mean(found, "photo", where="with_extra") == pytest.approx(mean(found, "photo"), abs=0.05)


def test_the_same_seed_gives_the_same_figures_and_chosen_fields_alone(judge):
    shop = make_shop()
    first = judge(shop, subsets=[("photo", "title"), ("photo",)])
    assert [row["fields"] for row in first["subsets"]] == [["title", "photo"], ["photo"]]
    assert judge(shop, subsets=[("photo", "title"), ("photo",)]) == first


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 1}, "at least two folds"),
        ({"repeats": 0}, "one repeat"),
        ({"subsets": [("smell",)]}, "smell: the products have title"),
    ],
)
def test_what_cannot_be_is_refused(judge, options, message):
    with pytest.raises(ValueError, match=message):
        judge(make_shop(photos=False), **options)


def test_too_few_products_and_a_single_category_are_refused(judge):
    with pytest.raises(TrainingError, match="at least 10"):
        judge(make_shop(photos=False)[:3])
    with pytest.raises(TrainingError, match="one category"):
        judge([item for item in make_shop(photos=False) if item.category == ("Toys",)])


@pytest.mark.slow
def test_processes_side_by_side_give_the_same_figures(judge):
    shop = make_shop(photos=False)
    assert judge(shop, processes=2) == judge(shop)
