"""An engine answers: in order, within its taxonomy, with what a product has, and never with a crash."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as rules
from hypothesis import strategies as st

import aisle
from aisle.engine import Engine
from aisle.errors import EngineError
from aisle.heads.thresholds import NotCertified, Threshold, items_needed
from aisle.product import Evidence, Product
from aisle.settings import Settings

ODD = [
    "",
    " ",
    "\0",
    "\ud800",
    "skin\0skin",
    "\u202eملصق",
    "جلد آيفون",
    "腕時計",
    "\U0001f45c" * 40,
    "\n\t",
    "> > >",
    "A > B",
    "=1+1",
]
odd_texts = (
    st.text(max_size=60) | st.sampled_from(ODD) | st.sampled_from(["skin", "filter", "tv stand", "gel iphone skin"])
)


def answer(engine, **options):
    (found,) = engine.predict([Product(**options)])
    return found


def check_answer(found, engine):
    """What must hold of any answer."""
    taxonomy = set(engine.taxonomy)
    leaves = {engine.tree.paths[node] for node in engine.tree.terminals}
    assert found.path == () if found.decision == "review" else found.path in taxonomy
    assert found.leaf in leaves
    assert all(path in leaves for path, _ in found.alternatives)
    shares = [share for _, share in found.alternatives]
    assert shares == sorted(shares, reverse=True)
    assert found.alternatives[0][0] == found.leaf
    assert sum(shares) <= 1 + 1e-9
    assert 0 <= found.probability <= 1
    assert (found.reason == "") == (found.decision == "accept")
    assert found.engine == engine.fingerprint
    if found.evidence.shares:
        assert sum(found.evidence.shares.values()) == pytest.approx(1)
        assert set(found.evidence.shares) <= set(found.modalities)
    assert all(near.category in leaves for near in found.evidence.nearest)


@rules(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(title=odd_texts, description=odd_texts, attributes=st.dictionaries(odd_texts, odd_texts, max_size=3))
def test_no_answer_lies_outside_the_taxonomy(engine, title, description, attributes):
    product = Product(id="odd", title=title, description=description, attributes=attributes)
    (found,) = engine.predict([product])
    check_answer(found, engine)
    assert found.id == "odd"
    shares = engine.probabilities([product])
    assert np.isfinite(shares).all()
    np.testing.assert_allclose(shares[:, engine.tree.terminals].sum(axis=1), 1, atol=1e-9)


@pytest.mark.parametrize("text", ["a" * 100_000, "skin " * 20_000, "\U0001f45c" * 50_000, "é" * 99_999 + " skin"])
def test_texts_of_a_hundred_thousand_characters(engine, text):
    check_answer(answer(engine, title=text, description=text), engine)


def test_probabilities_of_children_sum_to_their_parent(engine, shop):
    shares, tree = engine.probabilities(shop), engine.tree
    for parent, run in tree.siblings():
        whole = 1.0 if parent < 0 else shares[:, parent]
        np.testing.assert_allclose(shares[:, run].sum(axis=1), whole, atol=1e-9)


def test_products_are_put_where_they_belong(engine, made):
    """Other products of the same shop: what it was trained on says little."""
    products = made.make_shop(per_category=6, seed=99)
    found = engine.predict(products)
    right = [one.leaf == product.category for one, product in zip(found, products, strict=True)]
    assert np.mean(right) > 0.95
    given = [(one, product) for one, product in zip(found, products, strict=True) if one.path]
    assert np.mean([one.path == product.category[: len(one.path)] for one, product in given]) > 0.95


def test_order_and_ids_are_kept_and_nobody_changes_his_neighbour(engine, shop):
    rng = np.random.default_rng(0)
    order = rng.permutation(len(shop))
    whole = engine.predict(shop)
    mixed = engine.predict([shop[place] for place in order])
    assert [one.id for one in whole] == [product.id for product in shop]
    for place, one in zip(order, mixed, strict=True):
        other = whole[place]
        assert (one.id, one.path, one.decision, one.leaf, one.modalities) == (
            other.id, other.path, other.decision, other.leaf, other.modalities
        )  # fmt: skip
        assert one.probability == pytest.approx(other.probability, abs=1e-4)
    alone = [engine.predict([product])[0].leaf for product in shop[::10]]
    assert alone == [one.leaf for one in whole[::10]]


def test_ids_may_be_missing_or_double(engine):
    found = engine.predict(
        [Product(title="gel skin"), Product(id="x", title="oil filter"), Product(id="x", title="mug")]
    )
    assert [one.id for one in found] == ["", "x", "x"]


def test_no_products_no_answers(engine):
    assert engine.predict([]) == []
    assert engine.probabilities([]).shape == (0, len(engine.tree))


def test_a_product_without_anything_goes_to_review_and_says_why(engine, shop):
    found = answer(engine, id="e", title="  ", attributes={})
    assert (found.path, found.decision, found.modalities) == ((), "review", ())
    assert "no title, description or photo" in found.reason
    assert found.evidence == Evidence()
    # What is known of it is how often each category occurs.
    sizes = {product.category: 0 for product in shop}
    for product in shop:
        sizes[product.category] += 1
    assert dict(found.alternatives) == pytest.approx({path: sizes[path] / len(shop) for path, _ in found.alternatives})


@pytest.mark.parametrize("photo", [b"", b"not a photo", Path("no/such/photo.jpg"), Path(".")])
def test_a_photo_that_cannot_be_read_counts_as_none(engine, photo):
    text = {"title": "gel iphone skin", "description": "silicone cover"}
    with_photo, without = answer(engine, photo=photo, **text), answer(engine, **text)
    assert with_photo == without
    assert "photo" not in with_photo.modalities
    alone = answer(engine, photo=photo)
    assert (alone.decision, alone.path) == ("review", ())
    assert "photo" in alone.reason or str(photo) in alone.reason


def test_one_broken_photo_does_not_harm_the_others(engine, shop):
    products = [product for product in shop if product.photo][:6]
    broken = [replace(products[0], photo=b"\x89PNG broken"), *products[1:]]
    whole, found = engine.predict(products), engine.predict(broken)
    assert [one.leaf for one in found[1:]] == [one.leaf for one in whole[1:]]
    assert "photo" not in found[0].modalities
    assert all("photo" in one.modalities for one in found[1:])


def test_what_is_used_is_what_a_product_has(engine, shop):
    product = next(one for one in shop if one.photo and one.description and one.attributes)
    bare = {"title": "", "description": "", "attributes": {}, "photo": None}
    for name in bare:
        alone = Product(**(bare | {name: getattr(product, name)}))
        (found,) = engine.predict([alone])
        assert found.modalities == (name,)
        check_answer(found, engine)
    assert engine.predict([product])[0].modalities == ("title", "description", "attributes", "photo")


def test_the_category_that_a_product_claims_is_not_read(engine, shop):
    claims = [replace(product, category=("Beauty",)) for product in shop[:20]]
    bare = [replace(product, category=()) for product in shop[:20]]
    assert engine.predict(claims) == engine.predict(bare)


def test_a_shop_whose_photos_are_all_broken_learns_from_its_texts(train, shop):
    broken = [replace(product, photo=b"broken") for product in shop]
    trained = train(broken, precision=0.8)
    engine = Engine(trained.knowledge, fingerprint="0" * 12)
    assert "photo" not in engine.modalities
    assert "photo" not in trained.knowledge.encoders
    assert len(trained.gathered.photo_problems) == len(shop)
    found = engine.predict(shop)  # whose photos are sound
    assert np.mean([one.leaf == product.category for one, product in zip(found, shop, strict=True)]) > 0.95
    assert all("photo" not in one.modalities for one in found)
    assert engine.predict([Product(photo=shop[1].photo)])[0].decision == "review"


# --- Stopping ------------------------------------------------------------------------------------------------------


def test_a_precision_that_cannot_be_certified_sends_everything_to_review_and_says_what_is_missing(engine, shop):
    asked = 0.9999
    found = engine.predict(shop[:20], precision=asked)
    assert {one.decision for one in found} == {"review"}
    for one in found:
        assert one.path == ()
        assert "99.99 %" in one.reason
        assert one.leaf == shop[int(one.id[1:])].category
    assert items_needed(asked) > len(shop)


@pytest.mark.parametrize("precision", [0.5, 0.7, 0.8])
def test_answers_keep_the_threshold_of_their_fields(engine, shop, precision):
    tree = engine.tree
    shares = engine.probabilities(shop)
    for one, row in zip(engine.predict(shop, precision=precision), shares, strict=True):
        rule = engine.certificate(one.modalities, precision=precision)
        chain = tree.chain(int(tree.most_probable(np.log(row[None]))[0]))
        if isinstance(rule, NotCertified):
            assert one.decision == "review"
            continue
        assert isinstance(rule, Threshold)
        enough = [tree.paths[node] for node in chain if row[node] >= rule.threshold]
        assert one.path == (enough[-1] if enough else ())
        expected = "review" if not enough else "accept" if len(enough) == len(chain) else "partial"
        assert one.decision == expected


def test_asking_for_more_never_answers_more(engine, made):
    products = made.make_shop(per_category=4, seed=5)
    depths = [[len(one.path) for one in engine.predict(products, precision=asked)] for asked in (0.5, 0.7, 0.9, 0.99)]
    for less, more in pairwise(depths):
        assert all(deep >= shallow for deep, shallow in zip(less, more, strict=True))


def test_a_partial_answer_names_where_it_stopped(train, shop):
    """Siblings that nothing tells apart, in a parent that is plain to see."""
    rng = np.random.default_rng(0)
    doubtful = [
        replace(product, category=("Kitchen", "Mugs" if rng.random() < 0.5 else "Cups"), description="", attributes={})
        for product in shop
        if product.category == ("Kitchen", "Mugs")
        for _ in range(6)
    ]
    doubtful = [
        replace(one, id=f"d{place}", title=f"{one.title} {place * 37}", photo=None)
        for place, one in enumerate(doubtful)
    ]
    clear = [
        replace(one, id=f"c{place}", title=f"{one.title} {place * 41}", photo=None, description="", attributes={})
        for place, one in enumerate(product for product in shop if product.category[0] == "Cars" for _ in range(8))
    ]
    engine = Engine(train([*doubtful, *clear], precision=0.8).knowledge, fingerprint="0" * 12)
    found = [one for one in engine.predict(doubtful) if one.decision == "partial"]
    assert found, "nothing stopped at Kitchen"
    for one in found:
        assert one.path == ("Kitchen",)
        assert one.leaf in {("Kitchen", "Mugs"), ("Kitchen", "Cups")}
        assert "Kitchen > " in one.reason
        assert "80 %" in one.reason
        check_answer(one, engine)


@pytest.mark.parametrize("precision", [0, 1, -0.1, 1.5, float("nan")])
def test_a_precision_that_is_none_is_refused(engine, shop, precision):
    with pytest.raises(ValueError, match="between 0 and 1"):
        engine.predict(shop[:1], precision=precision)


def test_evidence_may_be_left_out(engine, shop):
    with_it, without = engine.predict(shop[:5]), engine.predict(shop[:5], evidence=False)
    assert all(one.evidence == Evidence() for one in without)
    assert [replace(one, evidence=Evidence()) for one in with_it] == without


# --- Opening -------------------------------------------------------------------------------------------------------


def test_loading_is_at_the_root(engine, engine_folder):
    found = aisle.load(str(engine_folder))
    assert isinstance(found, aisle.Engine)
    assert found.fingerprint == engine.fingerprint
    assert len(found.fingerprint) == 12
    assert found.fingerprint in repr(found)
    assert found.knowledge.facts["products"] == 126
    with pytest.raises(EngineError, match="no engine at"):
        aisle.load(engine_folder.parent / "other")


def test_threads_change_nothing(engine_folder, shop):
    one, two = (aisle.load(engine_folder, settings=Settings(threads=threads)) for threads in (1, 2))
    for left, right in zip(one.predict(shop), two.predict(shop), strict=True):
        assert left.leaf == right.leaf
        assert left.probability == pytest.approx(right.probability, abs=1e-5)
