from aisle.product import Product
from aisle.retrain.gold import split_gold


def shop(count):
    return [
        Product(id=str(row), title=f"thing {row}", description=f"about {row * row}", category=("A",))
        for row in range(count)
    ]


def test_a_tenth_is_set_aside_and_stays_there_while_the_catalogue_grows():
    learn, gold = split_gold(shop(2000))
    assert 150 < len(gold) < 250
    assert {p.id for p in learn} | {p.id for p in gold} == {p.id for p in shop(2000)}
    assert not {p.id for p in learn} & {p.id for p in gold}
    larger = shop(3000)[::-1]
    again = {p.id for p in split_gold(larger)[1]}
    assert {p.id for p in gold} == {name for name in again if int(name) < 2000}


def test_spaces_and_capitals_change_nothing():
    _, gold = split_gold(shop(300))
    shouted = [Product(title=f"  {p.title.upper()} ", description=p.description, category=("A",)) for p in gold]
    assert len(split_gold(shouted)[1]) == len(gold)


def test_products_without_a_category_are_on_no_side():
    assert split_gold([Product(title="thing")]) == ([], [])


def test_a_product_with_a_photo_alone(tmp_path):
    photo = tmp_path / "a.png"
    photo.write_bytes(b"some bytes")
    learn, gold = split_gold([Product(photo=photo, category=("A",)), Product(category=("A",))])
    assert len(learn) + len(gold) == 2
