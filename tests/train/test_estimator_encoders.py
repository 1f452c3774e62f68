"""The scikit-learn estimator with encoders of one's own."""

import numpy as np
import pytest
from sklearn.base import clone

from aisle.encode.seen import training_keys
from aisle.errors import UnknownEncoderError
from aisle.train import ProductClassifier

from .conftest import make_shop


@pytest.fixture
def folder(own_encoder, tmp_path, settings_of_nobody):
    """One folder with both encoders, which have seen the first 30 products of the shop."""
    shop = make_shop()
    words = sorted({word for product in shop for word in product.title.split()})
    rng = np.random.default_rng(3)
    place = tmp_path / "tuned"
    own_encoder.text(place, {word: rng.standard_normal(8) for word in words})
    return own_encoder.photo(place, seen=training_keys(shop[:30]))


def test_it_learns_and_answers_with_them(folder, monkeypatch):
    monkeypatch.setenv("AISLE_THREADS", "1")
    shop = make_shop()
    model = clone(ProductClassifier(level=1, text_encoder=str(folder), photo_encoder=str(folder))).fit(shop)
    row = next(row for row in model.evaluation_["subsets"] if row["fields"] == ["title"])
    assert row["figures"]["products"] == 50  # those that the encoders have not seen
    # Embedded for the estimator and read by the engine: one and the same.
    nodes = [model.engine_.tree.paths.index((name,)) for name in model.classes_]
    np.testing.assert_allclose(
        model.predict_proba(shop[:10]), model.engine_.probabilities(shop[:10])[:, nodes], atol=1e-5
    )


def test_an_encoder_that_cannot_be_is_refused(settings_of_nobody):
    with pytest.raises(UnknownEncoderError, match="bow learns from the catalogue at hand"):
        ProductClassifier(text_encoder="bow").fit(make_shop())
