"""Which products from elsewhere may join a training."""

from aisle.product import Product
from aisle.train.extra import choose_extra

OWN = [
    Product(title="Acme ceramic coffee mug with handle", description="long words", category=("Home", "Mugs")),
    Product(title="Nova garden spade with wooden handle", category=("Garden",)),
]


def test_products_of_known_categories_join():
    other = Product(title="Zenith porcelain teacup and saucer", category=("Home", "Cups"))
    assert choose_extra(OWN, [other]) == [other]


def test_those_that_would_give_an_answer_away_do_not():
    twin = Product(title="Acme ceramic coffee mug with handle", category=("Home", "Mugs"))
    near = Product(title="ACME Ceramic Coffee Mug, with handle", category=("Home", "Mugs"))
    assert choose_extra(OWN, [twin, near]) == []


def test_other_categories_and_none_do_not_join():
    assert choose_extra(OWN, [Product(title="Violin bow", category=("Music",)), Product(title="Something else")]) == []
