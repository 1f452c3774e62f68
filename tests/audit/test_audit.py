"""What an audit of a shop with known faults finds."""

import json

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from aisle.audit import audit_catalog
from aisle.audit.second_look import deal
from aisle.catalog import Catalog, read_catalog
from aisle.catalog.columns import recognise_columns
from aisle.catalog.sample import draw_sample
from aisle.errors import AuditError
from aisle.product import Product


def test_the_wrong_labels_lead_the_list_with_the_right_suggestion(found, wrong):
    first = found.suspects[: len(wrong)]
    assert {suspect.id for suspect in first} == set(wrong)
    for suspect in first:
        assert suspect.kind == "wrong label"
        assert suspect.given == wrong[suspect.id][:1]
        assert suspect.suggested[0] == suspect.id.split("-")[0]
        assert "text" in suspect.against
        assert suspect.reason


def test_ranks_and_scores_fall_together(found):
    assert [suspect.rank for suspect in found.suspects] == list(range(1, len(found.suspects) + 1))
    scores = [suspect.score for suspect in found.suspects]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_a_near_duplicate_elsewhere_is_evidence(found):
    suspect = next(suspect for suspect in found.suspects if suspect.id == "Kitchen-Mugs-5")
    assert [twin.id for twin in suspect.twins] == ["twin"]
    assert "near-duplicate twin is filed under Kitchen" in suspect.reason
    group = found.duplicates[suspect.duplicate_group - 1]
    assert group.number == suspect.duplicate_group
    assert {member.id for member in group.members} >= {"Kitchen-Mugs-5", "twin"}
    assert group.conflicting
    assert "text" in group.alike


def test_groups_with_conflicting_labels_come_first(found):
    conflicting = [group.conflicting for group in found.duplicates]
    assert conflicting == sorted(conflicting, reverse=True)


def test_a_product_is_not_its_own_neighbour(found):
    for suspect in found.suspects:
        assert suspect.id not in {near.id for near in suspect.nearest}
        assert len(suspect.nearest) == 3


def test_modalities_are_those_that_the_product_has(found, shop):
    photos = {product.id: product.photo is not None for product in shop}
    for suspect in found.suspects:
        assert [opinion.modality for opinion in suspect.opinions] == ["text", "photo"][: 1 + photos[suspect.id]]


def test_everything_is_counted(found, shop):
    assert found.products == len(shop) - 1
    assert found.unlabelled == 1
    assert found.unjudged == 0
    assert sum(found.categories.values()) == found.products


def test_at_a_deeper_level_labels_inside_a_category_are_told_apart(audited, shop):
    found = audited(shop, level=2)
    mug = next(suspect for suspect in found.suspects if suspect.id == "Garden-9")
    assert mug.given == ("Kitchen", "Pots")
    assert {suspect.id for suspect in found.suspects[:3]} == {"Kitchen-Mugs-5", "Watches-7", "Garden-9"}


def test_the_same_seed_finds_the_same(audited, found, shop):
    assert audited(shop).summary() == found.summary()


def test_products_of_which_nothing_is_known_are_counted_and_not_judged(audited, shop):
    found = audited([*shop, Product(id="blank", category=("Garden",))])
    assert found.unjudged == 1
    assert "blank" not in {suspect.id for suspect in found.suspects}


@pytest.mark.parametrize(
    ("products", "message"),
    [
        ([], "0 products have a category"),
        ([Product(id=str(n), title=f"t {n}", category=("A",)) for n in range(30)], "all products are in one category"),
        ([Product(id=str(n), category=("AB"[n % 2],)) for n in range(30)], "fewer than 20 labelled products"),
    ],
)
def test_what_cannot_be_audited_says_why(audited, products, message):
    with pytest.raises(AuditError, match=message):
        audited(products)


@pytest.mark.parametrize("folds", [3, 5])
def test_each_product_is_judged_once_by_classifiers_that_saw_none_of_its_group(folds):
    rng = np.random.default_rng(folds)
    terminals, groups = rng.integers(4, size=200), rng.integers(90, size=200)
    parts = deal(terminals, groups, seed=[1], folds=folds)
    assert np.sort(np.concatenate([test for _, test in parts])).tolist() == list(range(200))
    for train, test in parts:
        assert not set(groups[train]) & set(groups[test])
        assert len(train) + len(test) == 200


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    """Return the products of a sample, and where those that are filed wrongly belong."""
    folder = draw_sample(tmp_path_factory.mktemp("drawn") / "sample", products=280, seed=2).folder
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    wrong = {row["id"]: row["true"].split(" > ")[0] for row in truth["wrong_labels"]}
    return read_catalog(folder).products, wrong


def average_precision(found, products, wrong):
    """Score the list of suspects; products that are not on it come last, in no order."""
    rank = {suspect.id: -suspect.rank for suspect in found.suspects}
    last = -len(products)
    marks = [product.id in wrong for product in products]
    return average_precision_score(marks, [rank.get(product.id, last) for product in products])


@pytest.mark.slow
def test_wrong_labels_of_the_sample_are_found_better_than_by_the_textbook(audited, sample):
    """The textbook: TF-IDF, logistic regression, out-of-fold self-confidence."""
    products, wrong = sample
    texts = [f"{product.title} {product.description}" for product in products]
    labels = np.unique([product.category[0] for product in products], return_inverse=True)[1]
    model = make_pipeline(TfidfVectorizer(sublinear_tf=True), LogisticRegression(C=10, max_iter=500))
    shares = cross_val_predict(model, texts, labels, cv=5, method="predict_proba")
    marks = [product.id in wrong for product in products]
    textbook = average_precision_score(marks, -shares[np.arange(len(labels)), labels])
    assert average_precision(audited(products), products, wrong) > textbook


@pytest.mark.slow
@pytest.mark.network
def test_with_published_networks_nine_of_ten_are_found_before_the_first_false_alarms(sample):
    products, wrong = sample
    catalog = Catalog(source="sample", products=products, bad_rows=(), columns=recognise_columns(["id", "title"]))
    found = audit_catalog(catalog)
    assert average_precision(found, products, wrong) >= 0.9
    suggested = {suspect.id: suspect.suggested[0] for suspect in found.suspects}
    assert sum(suggested.get(name) == true for name, true in wrong.items()) >= 0.9 * len(wrong)


def test_of_many_products_two_deals_have_to_do(audited, shop, wrong, monkeypatch):
    monkeypatch.setattr("aisle.audit.second_look.MANY_PRODUCTS", 50)
    assert {suspect.id for suspect in audited(shop).suspects[: len(wrong)]} == set(wrong)
