"""`ProductClassifier` as scikit-learn's users use it: their checks, their tools, their kinds of X and y."""

from functools import partial

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks, get_tags

import aisle
from aisle.catalog import read_catalog
from aisle.errors import AisleError, CatalogError, TrainingError
from aisle.product import Product
from aisle.train import ProductClassifier

GOODS = {"mugs": "ceramic coffee mug", "pots": "steel cooking pot", "lamps": "desk reading lamp"}
COLOURS = ["red", "blue", "green", "white", "black", "amber", "grey", "pink", "gold", "teal"]


@pytest.fixture(autouse=True)
def tiny(tiny_networks, monkeypatch, settings_of_nobody):
    tiny_networks(monkeypatch)
    monkeypatch.setenv("AISLE_OFFLINE", "1")
    monkeypatch.setenv("AISLE_THREADS", "1")


def shelf(per_class=10, *, seed=0):
    """Return titles and labels, shuffled: the classes do not come in the order of their names."""
    rng = np.random.default_rng(seed)
    rows = [
        (f"{COLOURS[number % 10]} {words} {rng.integers(100)}", label)
        for label, words in GOODS.items()
        for number in range(per_class)
    ]
    order = rng.permutation(len(rows))
    return [rows[place][0] for place in order], [rows[place][1] for place in order]


@pytest.fixture
def fitted():
    return ProductClassifier().fit(*shelf())


# --- What scikit-learn asks of an estimator ------------------------------------------------------------------------

NEED_NO_DATA = (
    "check_estimator_cloneable",
    "check_estimator_tags_renamed",
    "check_valid_tag_types",
    "check_estimator_repr",
    "check_no_attributes_set_in_init",
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_mixin_order",
    "check_parameters_default_constructible",
    "check_get_params_invariance",
    "check_set_params",
)
"""Checks that run on the classifier as it is."""

NEED_NUMBERS = (
    "check_fit_score_takes_y",
    "check_estimators_overwrite_params",
    "check_dont_overwrite_parameters",
    "check_estimators_fit_returns_self",
    "check_readonly_memmap_input",
    "check_estimators_unfitted",
    "check_estimators_dtypes",
    "check_pipeline_consistency",
    "check_classifiers_one_label",
    "check_classifiers_classes",
    "check_classifiers_regression_target",
    "check_supervised_y_2d",
    "check_methods_sample_order_invariance",
    "check_dict_unchanged",
    "check_fit_idempotent",
    "check_fit_check_is_fitted",
)
"""Checks that make a matrix of numbers; they run with each row written as a title. Left out are those that are about
the matrix itself: what scikit-learn's name says of its width, its names, its type, NaN, sparse or complex numbers
(check_n_features_in*, check_dataframe_column_names_consistency, check_estimators_nan_inf, check_complex_data,
check_estimator_sparse_*, check_fit1d, check_fit2d_*, check_dtype_object, check_positive_only_tag_during_fit,
check_array_api_input, check_estimators_empty_data_messages, check_classifier_data_not_an_array,
check_supervised_y_no_nan); sample weights and partial fits, which do not exist; check_classifiers_train, whose blobs
are apart in numbers and not in words; check_estimators_pickle, because a fitted one is saved without a pickle; and
check_methods_subset_invariance, which asks for 1e-7 where vectors are float32: a test below asks for 1e-5."""


class OfNumbers(ProductClassifier):
    """Writes each row of a matrix as a title, so that checks with numbers say something."""

    def fit(self, X, y=None):
        return super().fit(in_words(X), y)

    def predict_proba(self, X):
        return super().predict_proba(in_words(X))

    def score(self, X, y=None, sample_weight=None):
        return super().score(in_words(X), y, sample_weight)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.one_d_array = False
        return tags


def in_words(X):
    """Return titles; what is not a matrix stays as it is."""
    matrix = np.asarray(X, dtype=object)
    if matrix.ndim != 2:
        return X
    return [" ".join(f"c{place}v{float(value):.0f}" for place, value in enumerate(row)) for row in matrix]


@pytest.mark.parametrize("check", NEED_NO_DATA)
def test_checks_of_scikit_learn(check):
    getattr(estimator_checks, check)("ProductClassifier", ProductClassifier())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("check", NEED_NUMBERS)
def test_checks_of_scikit_learn_with_numbers_as_words(check):
    getattr(estimator_checks, check)("OfNumbers", OfNumbers())


def test_the_tags_say_what_it_takes():
    tags = get_tags(ProductClassifier())
    assert is_classifier(ProductClassifier())
    assert (tags.input_tags.two_d_array, tags.input_tags.string, tags.input_tags.dict) == (False, True, True)


# --- Classes and probabilities -------------------------------------------------------------------------------------


def test_each_column_of_probabilities_is_the_class_that_classes_names(fitted):
    """Other classifiers' columns came in another order than their labels."""
    titles, labels = shelf(seed=5)
    assert fitted.classes_.tolist() == sorted(GOODS)
    shares = fitted.predict_proba(titles)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-9)
    assert fitted.classes_[shares.argmax(axis=1)].tolist() == fitted.predict(titles).tolist() == labels
    for title, row in zip(titles, shares, strict=True):
        by_name = {path[0]: share for path, share in fitted.engine_.predict([Product(title=title)])[0].alternatives}
        assert dict(zip(fitted.classes_.tolist(), row.tolist(), strict=True)) == pytest.approx(by_name, abs=1e-5)
    np.testing.assert_allclose(fitted.predict_log_proba(titles), np.log(shares))
    assert log_loss(labels, shares, labels=fitted.classes_) < np.log(3)


def test_a_product_is_classified_alone_as_among_others(fitted):
    titles, _ = shelf(seed=5)
    alone = np.concatenate([fitted.predict_proba([title]) for title in titles])
    np.testing.assert_allclose(alone, fitted.predict_proba(titles), atol=1e-5)


@pytest.mark.parametrize("names", [[3, 20, 1], [True, False], ["10", "9", "ü"], [("a", "b"), ("a", "c"), ("d",)]])
def test_labels_come_back_as_they_were_given(names):
    titles, labels = shelf()
    kinds = sorted(GOODS)[: len(names)]
    rows = [(title, names[kinds.index(label)]) for title, label in zip(titles, labels, strict=True) if label in kinds]
    X, y = [title for title, _ in rows], [label for _, label in rows]
    model = ProductClassifier().fit(X, y)
    expected = sorted(" > ".join(name) if isinstance(name, tuple) else name for name in names)
    assert model.classes_.tolist() == expected
    assert model.score(X, y) == 1
    if not isinstance(names[0], tuple):
        assert accuracy_score(y, model.predict(X)) == 1


def test_paths_are_read_from_text_and_keep_their_spelling():
    titles, labels = shelf(12)
    home = {"mugs": "Home>Mugs", "pots": "Home > Pots", "lamps": "Light, lamps & more"}
    y = [home[label] for label in labels]
    model = ProductClassifier().fit(titles, y)
    assert set(model.classes_) == set(home.values())
    assert set(model.engine_.taxonomy) == {("Home",), ("Home", "Mugs"), ("Home", "Pots"), ("Light, lamps & more",)}
    assert accuracy_score(y, model.predict(titles)) == 1
    top = ProductClassifier(level=1).fit(titles, y)
    assert top.classes_.tolist() == ["Home", "Light, lamps & more"]
    assert top.score(titles, y) == 1


def test_a_rare_category_counts_as_its_parent():
    titles, labels = shelf()
    y = [f"Home > {label}" if label != "lamps" else "Light" for label in labels]
    rare = [place for place, label in enumerate(y) if label == "Home > pots"][:8]
    y = ["Home > pots > tiny" if place in rare[:1] else label for place, label in enumerate(y)]
    model = ProductClassifier().fit(titles, y)
    assert "Home > pots" in model.classes_
    assert "Home > pots > tiny" not in model.classes_


# --- Kinds of X ----------------------------------------------------------------------------------------------------


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


# --- scikit-learn's tools ------------------------------------------------------------------------------------------


def test_cross_validation_grid_search_and_pipelines():
    titles, labels = shelf(9)
    scores = cross_val_score(ProductClassifier(), titles, labels, cv=StratifiedKFold(3))
    assert scores.tolist() == [1, 1, 1]
    products = [Product(title=title) for title in titles]
    guesses = cross_val_predict(ProductClassifier(), products, labels, cv=3)
    assert accuracy_score(labels, guesses) == 1
    shares = cross_val_predict(ProductClassifier(), titles, labels, cv=3, method="predict_proba")
    assert np.array(sorted(GOODS))[shares.argmax(axis=1)].tolist() == labels
    search = GridSearchCV(ProductClassifier(), {"level": [1, None], "seed": [0, 1]}, cv=2, scoring="neg_log_loss")
    assert search.fit(titles, labels).predict(titles[:2]).tolist() == labels[:2]
    line = Pipeline([
        ("strip", FunctionTransformer(partial(map_list, str.upper))),
        ("classify", ProductClassifier(precision=0.9)),
    ])  # fmt: skip
    assert line.fit(titles, labels).score(titles, labels) == 1
    assert line.classes_.tolist() == sorted(GOODS)


def map_list(function, values):
    return [function(value) for value in values]


def test_a_data_frame_goes_through_cross_validation():
    pandas = pytest.importorskip("pandas")
    titles, labels = shelf(9)
    frame = pandas.DataFrame({"title": titles, "price": range(len(titles))}).sample(frac=1, random_state=0)
    y = pandas.Series(labels)[frame.index]
    assert cross_val_score(ProductClassifier(), frame, y, cv=3).tolist() == [1, 1, 1]


def test_parameters_are_stored_and_copied():
    model = ProductClassifier(level=2, precision=0.9, seed=7)
    own = {"text_encoder": None, "photo_encoder": None}
    assert model.get_params() == {"level": 2, "precision": 0.9, "seed": 7} | own
    assert clone(model).set_params(seed=8).get_params() == {"level": 2, "precision": 0.9, "seed": 8} | own


def test_the_engine_is_usable_at_once_and_saving_changes_no_answer(fitted, tmp_path):
    titles, _ = shelf(seed=9)
    name = fitted.save(tmp_path / "engine")
    loaded = aisle.load(tmp_path / "engine")
    assert name == loaded.fingerprint == fitted.engine_.fingerprint
    products = [Product(id=str(place), title=title) for place, title in enumerate(titles)]
    assert loaded.predict(products) == fitted.engine_.predict(products)
    terminals = loaded.tree.terminals
    answers = [loaded.tree.paths[node][0] for node in terminals[loaded.probabilities(products)[:, terminals].argmax(1)]]
    assert fitted.predict(titles).tolist() == answers
    assert fitted.engine_.precision == 0.95
    assert loaded.knowledge.evaluation == fitted.evaluation_
    assert (tmp_path / "engine" / "README.md").is_file()


def test_the_evaluation_is_of_products_held_out():
    """Labels that nothing tells apart: on what it learned from it may be right, on what it has not seen it guesses."""
    rng = np.random.default_rng(0)
    titles = [f"word{rng.integers(10**6)} thing{rng.integers(10**6)}" for _ in range(80)]
    labels = rng.choice(["a", "b"], 80)
    model = ProductClassifier().fit(titles, labels)
    (found,) = [row["figures"] for row in model.evaluation_["subsets"] if row["fields"] == ["title"]]
    assert 0.2 < found["accuracy"]["leaf"]["share"] < 0.75


def test_the_same_seed_gives_the_same_engine():
    names = {ProductClassifier(seed=3).fit(*shelf()).engine_.fingerprint for _ in range(2)}
    assert len(names) == 1


# --- What is refused, and how --------------------------------------------------------------------------------------


def test_an_unseen_label_counts_as_missed(fitted):
    assert fitted.score(["red ceramic coffee mug", "blue sofa"], ["mugs", "sofas"]) == 0.5


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
