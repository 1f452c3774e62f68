"""Kinds of X and y that `ProductClassifier` takes, and what is said of those that it refuses."""

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from aisle.catalog import read_catalog
from aisle.errors import AisleError, CatalogError, TrainingError
from aisle.product import Product
from aisle.train import ProductClassifier

from .title_shelf import GOODS, shelf

pytestmark = pytest.mark.usefixtures("offline")


def test_every_kind_of_x_says_the_same(tmp_path):
    pandas = pytest.importorskip("pandas")
    titles, labels = shelf()
    records = [{"title": title, "category": label} for title, label in zip(titles, labels, strict=True)]
    frame = pandas.DataFrame(records)
    frame.to_csv(tmp_path / "shop.csv", index_label="id")
    with_labels = {
        "products": [Product(title=row["title"], category=(row["category"],)) for row in records],
        "dictionaries": records,
        "frame": frame,
        "path": tmp_path / "shop.csv",
        "text path": str(tmp_path / "shop.csv"),
        "catalogue": read_catalog(frame),
    }
    without = {"list": titles, "tuple": tuple(titles), "array": np.array(titles), "series": frame["title"]}
    expected = ProductClassifier().fit(titles, labels).predict_proba(titles)
    for name, X in with_labels.items():
        model = ProductClassifier().fit(X)
        assert model.classes_.tolist() == sorted(GOODS), name
        np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-6, err_msg=name)
        assert model.score(X) == 1, name
    for name, X in (with_labels | without).items():
        model = ProductClassifier().fit(X, pandas.Series(labels) if name == "series" else labels)
        np.testing.assert_allclose(model.predict_proba(X), expected, atol=1e-6, err_msg=name)


def test_a_polars_frame_is_read():
    polars = pytest.importorskip("polars")
    titles, labels = shelf()
    assert ProductClassifier().fit(polars.DataFrame({"name": titles}), labels).score(titles, labels) == 1


def test_no_row_of_a_frame_is_lost():
    """A catalogue sets rows aside; beside labels every row counts, the empty and the double ones too."""
    titles, labels = shelf()
    records = [{"id": "same", "title": title} for title in titles]
    model = ProductClassifier().fit(records, labels)
    shares = model.predict_proba([records[0], {"id": "x", "title": ""}, {"id": "y", "title": None}, records[1]])
    assert shares.shape == (4, 3)
    np.testing.assert_allclose(shares[1], [1 / 3] * 3, atol=1e-6)  # as many of each class
    assert (model.predict_proba(["", None, float("nan")]).round(6) == shares[1].round(6)).all()


def test_labels_beside_products_win_over_their_own():
    titles, labels = shelf()
    products = [Product(title=title, category=("wrong",)) for title in titles]
    assert ProductClassifier().fit(products, labels).classes_.tolist() == sorted(GOODS)


def test_few_products_are_enough_where_all_have_a_title():
    titles, labels = shelf(4)
    model = ProductClassifier().fit(titles, labels)
    assert model.score(titles, labels) == 1
    with pytest.raises(TrainingError, match="at least 10"):
        ProductClassifier().fit(titles[:9], labels[:9])


@pytest.mark.parametrize(
    ("X", "y", "kind", "says"),
    [
        (["a cup"] * 12, ["one"] * 12, TrainingError, "at least two classes"),
        (["a cup"] * 12, None, TrainingError, "no label"),
        ([], [], ValueError, "at least one product"),
        (["a cup"] * 12, ["one"] * 11, ValueError, "12 products and 11 labels"),
        (["a cup"] * 2, ["one", None], ValueError, r"y\[1\] is None.*leave such products out"),
        (["a cup"] * 2, ["one", float("nan")], ValueError, r"y\[1\] is .*nan"),
        (["a cup"] * 2, ["one", " > "], ValueError, r"y\[1\]"),
        (["a cup"] * 2, ["one", 2], ValueError, "mixes text with numbers"),
        (["a cup"] * 2, [0.5, 1.5], ValueError, "continuous"),
        (["a cup"] * 2, "mugs", TypeError, "one label per product"),
        (["a cup"] * 2, [("a", "b"), ()], ValueError, r"y\[1\]"),
        (["a cup"] * 12, ["A>B", "A > B"] * 6, ValueError, "write it in one way"),
        (["a cup"] * 12, [("A > B",), ("A", "B")] * 6, TrainingError, "both written 'A > B'; rename"),
        (np.ones((3, 2)), [1, 2, 1], TypeError, r"shape \(3, 2\).*a list of titles"),
        (np.array([["cup"], ["pot"]]), [1, 2], TypeError, r"X\[:, 0\]"),
        ([1.5, 2.5], [1, 2], TypeError, r"X\[0\] is 1.5"),
        ([Product(title="a"), "b"], [1, 2], TypeError, "of type Product; products are"),
        (b"titles", [1, 2], TypeError, "bytes"),
        (42, [1, 2], TypeError, "int"),
        ([{"price": 3}], [1], CatalogError, "rename one to `title`"),
        ([{"title": "a" * 200_000}, {"title": "b"}], [1, 2], CatalogError, "row 1 of X, column title"),
        ("no/such/shop.csv", None, CatalogError, "no catalogue at"),
    ],
)
def test_a_refusal_names_the_remedy(X, y, kind, says):
    with pytest.raises(kind, match=says):
        ProductClassifier().fit(X, y)


@pytest.mark.parametrize("wrong", [{"level": 0}, {"precision": 1.0}, {"precision": 0}])
def test_parameters_are_checked_when_fitting(wrong):
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        ProductClassifier(**wrong).fit(*shelf())


def test_before_fitting_and_with_nothing(fitted, tmp_path):
    for call in (ProductClassifier().predict, ProductClassifier().score, ProductClassifier().predict_proba):
        with pytest.raises(NotFittedError):
            call(["a cup"])
    with pytest.raises(NotFittedError):
        ProductClassifier().save(tmp_path / "engine")
    with pytest.raises(ValueError, match="at least one product"):
        fitted.predict([])
    with pytest.raises(ValueError, match="no category to compare with"):
        fitted.score(["a cup"])
    with pytest.raises(ValueError, match="2 products and 1 labels"):
        fitted.score(["a cup", "a pot"], ["mugs"])


def test_every_refusal_of_a_catalogue_is_of_aisle():
    assert issubclass(TrainingError, AisleError)
    assert issubclass(CatalogError, (AisleError, ValueError))
