"""`ProductClassifier` as scikit-learn's users use it: their checks and their tools."""

from functools import partial

import numpy as np
import pytest
from sklearn.base import clone, is_classifier
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks, get_tags

from aisle.product import Product
from aisle.train import ProductClassifier

from .title_shelf import GOODS, shelf

pytestmark = pytest.mark.usefixtures("offline")

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
