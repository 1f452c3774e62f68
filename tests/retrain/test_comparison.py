import pytest
from scipy import stats

from aisle.product import Evidence, Prediction, Product
from aisle.retrain.comparison import NOBODY, Pairs, compare, judge


class Parrot:
    """An engine that says what it is told, by the product's id."""

    def __init__(self, answers):
        self.answers = answers

    def predict(self, products, *, evidence):
        return [self._say(product.id) for product in products]

    def _say(self, name):
        leaf, decision = self.answers[name]
        path = leaf if decision == "accept" else ()
        return Prediction(id=name, path=path, probability=0.9, decision=decision, leaf=leaf, alternatives=(),
                          modalities=("title",), evidence=Evidence())  # fmt: skip


def pairs(gained, lost, *, both=100, live_wrong=0, candidate_wrong=0, neither=0):
    total = both + gained + lost + neither
    return Pairs(total, both + lost, both + gained, gained, lost, live_wrong, candidate_wrong)


def test_products_are_counted_in_pairs():
    a, b = ("A", "x"), ("B",)
    products = [Product(id=str(row), title="t", category=truth) for row, truth in enumerate([a, a, a, b, b])]
    live = Parrot({"0": (a, "accept"), "1": (a, "accept"), "2": (b, "accept"), "3": (a, "accept"), "4": (b, "review")})
    other = Parrot({"0": (a, "accept"), "1": (b, "accept"), "2": (a, "review"), "3": (b, "accept"), "4": (b, "accept")})
    found = compare(live, other, products, level=None)
    # right: live 0, 1, 4; other 0, 2, 3, 4. Answered wrongly: live 2, 3; other 1.
    assert found == Pairs(5, 3, 4, 2, 1, 2, 1)


def test_categories_are_cut_at_the_level():
    product = Product(id="0", title="t", category=("A", "x", "deep"))
    says = Parrot({"0": (("A", "x"), "accept")})
    assert compare(says, says, [product], level=2) == Pairs(1, 1, 1, 0, 0, 0, 0)
    assert compare(says, says, [product], level=None).live == 0


def test_a_truth_above_the_leaves_is_met_by_what_lies_below_it():
    product = Product(id="0", title="t", category=("A",))
    below, beside = Parrot({"0": (("A", "x"), "accept")}), Parrot({"0": (("B", "x"), "accept")})
    assert compare(below, beside, [product], level=None) == Pairs(1, 1, 0, 0, 1, 0, 1)


def test_nothing_to_compare_on():
    assert compare(Parrot({}), Parrot({}), [], level=None) == NOBODY
    assert not judge(NOBODY, NOBODY).promote


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (5, 0), (4, 0), (3, 9), (12, 3)])
def test_chance_is_that_of_a_sign_test(gained, lost):
    found = pairs(gained, lost)
    if gained + lost:
        assert found.better == pytest.approx(stats.binomtest(gained, gained + lost, alternative="greater").pvalue)
        assert found.worse == pytest.approx(stats.binomtest(lost, gained + lost, alternative="greater").pvalue)
    else:
        assert found.better == found.worse == 1.0


def test_interval_of_the_difference():
    # By hand: 25 / 1146 for the middle, 1.96 * sqrt(240 - 25 * 25 / 1146) / 1146 for the half.
    found = Pairs(1144, 0, 0, 132, 107, 0, 0).difference
    assert found["mean"] == pytest.approx(0.0219, abs=1e-4)
    assert (found["low"], found["high"]) == (pytest.approx(-0.0047, abs=5e-4), pytest.approx(0.0483, abs=5e-4))


@pytest.mark.parametrize(
    ("gold", "audited", "promoted", "word"),
    [
        (pairs(5, 0), NOBODY, True, "better"),
        (pairs(4, 0), NOBODY, False, "beyond chance"),
        (pairs(4, 0), pairs(4, 0), True, "better"),
        (pairs(30, 0), pairs(0, 6), False, "worse on audited"),
        (pairs(0, 6), pairs(30, 0), False, "worse on the gold"),
        (pairs(6, 0, both=10), NOBODY, False, "at least 30"),
        (pairs(9, 0, live_wrong=0, candidate_wrong=6), NOBODY, False, "wrongly by itself"),
        (pairs(0, 0), NOBODY, False, "beyond chance"),
    ],
)
def test_only_what_is_better_and_nowhere_worse_goes_live(gold, audited, promoted, word):
    verdict = judge(gold, audited)
    assert verdict.promote is promoted
    assert word in verdict.reason
