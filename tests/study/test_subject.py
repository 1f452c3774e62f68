"""What can be studied, and what is said where it cannot."""

import numpy as np
import pytest

from aisle.errors import StudyError
from aisle.study import subject
from aisle.study.subject import choose_subject


def paths(**sizes):
    return [(name,) for name, size in sizes.items() for _ in range(size)]


def test_products_keep_their_order_and_categories_are_sorted(make_catalog):
    found = choose_subject(make_catalog(*[("B",), ("A",)] * 6), level=1)
    assert found.categories == ("A", "B")
    assert found.labels.tolist() == [1, 0] * 6
    assert [product.id for product in found.products] == [str(n) for n in range(12)]
    assert (found.unlabelled, found.small, found.sampled_from) == (0, {}, 0)


def test_unlabelled_products_and_small_categories_are_left_out_and_said(make_catalog):
    found = choose_subject(make_catalog((), *paths(A=6, B=4, C=6), ()), level=1)
    assert found.unlabelled == 2
    assert found.small == {"B": 4}
    assert found.categories == ("A", "C")
    assert len(found.products) == len(found.groups) == 12


def test_levels(make_catalog):
    deep = [("A", "x")] * 5 + [("A", "y")] * 5 + [("A",)] * 5
    assert choose_subject(make_catalog(*deep), level=2).categories == ("A", "A > x", "A > y")


def test_near_duplicates_share_a_group(make_catalog):
    titles = [f"word{n} other{n} third{n}" for n in range(12)]
    titles[7] = titles[2]
    groups = choose_subject(make_catalog(*paths(A=6, B=6), titles=titles), level=1).groups
    assert groups[7] == groups[2]
    assert len(np.unique(groups)) == 11


def fails(catalog, *, level=1):
    with pytest.raises(StudyError) as caught:
        choose_subject(catalog, level=level)
    return str(caught.value)


def test_no_labels(make_catalog):
    message = fails(make_catalog(*[()] * 20))
    assert "no product of shop.csv has a category" in message
    assert "--map category=COLUMN" in message
    assert "was not recognised" not in message  # there is such a column; it is empty


def test_no_category_column():
    from aisle.catalog import read_catalog

    assert "the category column was not recognised" in fails(read_catalog([{"title": f"t{n}"} for n in range(20)]))


def test_one_category_with_levels_below(make_catalog):
    message = fails(make_catalog(*[("A", "x")] * 6, *[("A", "y")] * 6))
    assert "in one category, 'A', at level 1" in message
    assert message.endswith("Try --level 2")


def test_one_category_with_nothing_below(make_catalog):
    assert "--level" not in fails(make_catalog(*paths(A=12)))


def test_one_category_of_size_beside_small_ones(make_catalog):
    assert "in one category, 'A'" in fails(make_catalog(*paths(A=12, B=2)))


def test_too_few_products(make_catalog):
    message = fails(make_catalog(*paths(A=5, B=4)))
    assert "has 9 labelled products, 5 of them in categories of 5 or more; a study needs at least 10" in message
    assert "needs at least 10" in fails(make_catalog(*paths(A=3)))


@pytest.mark.parametrize("level", [0, -1])
def test_a_level_that_is_none(make_catalog, level):
    assert f"--level {level}: levels count from 1" in fails(make_catalog(*paths(A=6, B=6)), level=level)


def test_all_categories_tiny(make_catalog):
    message = fails(make_catalog(*[(f"c{n}",) for n in range(30)]))
    assert "has 30 labelled products, 0 of them in categories of 5 or more" in message
    assert "--level" not in message


def test_all_categories_tiny_below_a_level_that_would_do(make_catalog):
    assert fails(make_catalog(*[("A", f"c{n}") for n in range(30)]), level=2).endswith("Try --level 1")


def test_a_sample_keeps_every_category(make_catalog, monkeypatch):
    monkeypatch.setattr(subject, "MAX_PRODUCTS", 60)
    catalog = make_catalog(*paths(A=400, B=100, C=6, D=5))
    found = choose_subject(catalog, level=1)
    assert found.sampled_from == 511
    sizes = np.bincount(found.labels)
    assert sizes.tolist() == [47, 12, 5, 5]  # 60 / 511 of each, and five at least
    ids = [int(product.id) for product in found.products]
    assert ids == sorted(ids)
    assert ids == [int(product.id) for product in choose_subject(catalog, level=1).products]


def test_texts(make_catalog):
    from dataclasses import replace

    catalog = make_catalog(*paths(A=6, B=6))
    first = replace(catalog.products[0], description="of clay")
    found = choose_subject(replace(catalog, products=(first, *catalog.products[1:])), level=1)
    assert found.texts("title")[0] == "thing 0"
    assert found.texts("title + description")[:2] == ["thing 0. of clay", "thing 1"]
