"""What cross-validation says of cheaper answers has to be what engines of its folds answer."""

import numpy as np
import pytest

from aisle.engine import Engine
from aisle.product import Product
from aisle.train import TrainingOptions, cross_validate, train_engine
from aisle.train.cross_validation import deal, prepare

from .conftest import COLOURS, WORDS, picture

TIERS = ("fast", "balanced", "full")
NO_CERTIFICATE = 0.999999
"""A precision that nothing is certified for, so that exits alone decide where a product is answered."""
NEAR = 0.004
"""Three products of 720: those engines number their groups otherwise, and so deal their own folds otherwise."""


def clear_shop(count):
    """Return products whose words are their category's, but for one in twenty, and whose photos say nothing."""
    rng = np.random.default_rng(2)
    categories = list(WORDS)
    shop = []
    for number in range(count):
        category = categories[number % len(categories)]
        said = WORDS[category if rng.random() < 0.95 else categories[rng.integers(len(categories))]].split()
        words = [*rng.choice(said, 3, replace=False), f"w{rng.integers(60)}", f"n{number}"]
        photo = picture(COLOURS[rng.integers(len(COLOURS))], number) if number % 5 else None
        shop.append(Product(id=f"p{number}", title=" ".join(words), photo=photo, category=category))
    return shop


@pytest.fixture(scope="module")
def judged(tiny_networks, tiny_settings):
    """A shop, what cross-validation says of its tiers, and what engines trained on the same sides answer."""
    shop = clear_shop(1200)
    options = TrainingOptions()
    fields = ("title", "photo")
    with pytest.MonkeyPatch.context() as patch:
        tiny_networks(patch)
        found = cross_validate(
            shop, options=options, folds=2, repeats=1, subsets=[fields, ("photo",)], settings=tiny_settings
        )
        work, _ = prepare(shop, (), options=options, grouped=False, subsets=[fields], settings=tiny_settings)
        answers = []
        for train, test in deal(work, folds=2, repeats=1, grouped=False):
            trained = train_engine([shop[row] for row in train], options=options, settings=tiny_settings)
            engine = Engine(trained.knowledge, fingerprint="x", settings=tiny_settings)
            asked = [shop[row] for row in test if shop[row].photo]
            answers.append({tier: engine.predict(asked, precision=NO_CERTIFICATE, tier=tier) for tier in TIERS})
    return shop, found, answers


def test_each_tier_is_as_right_as_the_engines_of_the_folds(judged):
    shop, found, answers = judged
    truth = {product.id: product.category for product in shop}
    row = next(row for row in found["subsets"] if row["fields"] == ["title", "photo"])
    shares = {}
    for tier in TIERS:
        of_folds = [[each.leaf == truth[each.id] for each in fold[tier]] for fold in answers]
        shares[tier] = [np.mean(fold) for fold in of_folds]
        assert row["tiers"][tier]["leaf"]["mean"] == pytest.approx(np.mean(shares[tier]), abs=NEAR), tier
    lost = np.mean(np.subtract(shares["full"], shares["balanced"]))
    assert row["tiers"]["balanced"]["behind"]["mean"] == pytest.approx(lost, abs=NEAR)
    assert row["tiers"]["full"]["leaf"] == row["figures"]["leaf"]


def test_the_share_of_each_stage_is_where_those_engines_answered(judged):
    _, found, answers = judged
    row = next(row for row in found["subsets"] if row["fields"] == ["title", "photo"])
    for stage in ("terms", "texts", "all"):
        share = np.mean([np.mean([each.stage == stage for each in fold["balanced"]]) for fold in answers])
        assert row["tiers"]["balanced"]["stages"][stage] == pytest.approx(share, abs=0.02)
    assert row["tiers"]["balanced"]["stages"]["terms"] > 0.1
    assert row["tiers"]["full"]["stages"] == {"terms": 0, "texts": 0, "all": 1}


def test_photos_alone_have_no_cheaper_tier(judged):
    row = next(row for row in judged[1]["subsets"] if row["fields"] == ["photo"])
    assert row["tiers"] is None
