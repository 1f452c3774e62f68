"""What `aisle check` finds, from catalogues whose truth is known."""

import json

import pytest

from aisle.catalog import read_catalog
from aisle.catalog.inspection import inspect_catalog


def inspect(rows, *, level=1, **options):
    return inspect_catalog(read_catalog(rows, **options), level=level)


def codes(found):
    return [concern.code for concern in found.concerns]


def shop(count=20, **columns):
    """Make a catalogue without anything to worry about; a column may be a function of the row's number."""
    base = {
        "id": lambda n: f"p{n}",
        "title": lambda n: f"{['blue', 'red', 'tall', 'flat'][n % 4]} mug number {n} x{n * 7919}",
        "category": lambda n: ("Home > Mugs", "Garden > Pots")[n % 2],
        "photo": lambda n: f"{n}.jpg",
    }
    return [{name: make(n) for name, make in (base | columns).items()} for n in range(count)]


def test_the_sample_against_its_truth(sample_shop):
    truth = json.loads((sample_shop / "truth.json").read_text(encoding="utf-8"))
    found = inspect_catalog(read_catalog(sample_shop), threads=2)
    assert (found.products, found.rows) == (truth["products"], truth["rows"])
    broken = {"truncated", "not_an_image", "empty"}
    assert {photo.id for photo in found.photos.broken if photo.code in broken} == {
        product for kind in broken for product in truth["photos"][kind]
    }
    assert {photo.id for photo in found.photos.broken} - set(truth["photos"]["bomb"]) == {
        product for kind in broken for product in truth["photos"][kind]
    }
    assert found.photos.missing == len(truth["photos"]["missing"]) + len(truth["without_photo"])
    assert found.photos.named == truth["products"] - len(truth["without_photo"])
    assert sum(found.categories.values()) == truth["products"]
    assert found.depths == {2: truth["products"]}
    assert found.alike_text.products >= sum(map(len, truth["near_duplicates"]))
    json.dumps(found.summary(), allow_nan=False)


def test_figures_of_a_small_shop():
    rows = [
        {"id": 1, "title": "Mug", "description": "Blue", "category": "A > B"},
        {"id": 2, "title": "mug", "description": "blue", "category": "A > C"},
        {"id": 3, "title": "Longer title", "category": "A"},
        {"id": 4, "title": "", "description": "Only this", "category": ""},
        {"id": 4, "title": "twice"},
    ]
    found = inspect(rows, level=2)
    summary = found.summary()
    assert summary["rows"] == 5
    assert summary["quarantined_by_code"] == {"duplicate_id": 1}
    assert summary["titles"] == {"present": 3, "shortest": 3, "median": 3, "long": 12, "longest": 12}
    assert summary["descriptions"]["present"] == 3
    assert summary["categories"] == {"A": 1, "A > B": 1, "A > C": 1}
    assert (summary["categories_below_10"], summary["categories_below_2"]) == (3, 3)
    assert summary["depths"] == {"1": 1, "2": 2}
    assert summary["unlabelled"] == 1
    assert summary["exact_duplicates"] == {"groups": 1, "products": 2, "largest": 2, "mixed": 1}


def test_photos_need_not_be_opened(tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"not a photo")
    (tmp_path / "shop.csv").write_text("id,title,photo\n1,Mug,1.jpg\n2,Pot,\n")
    catalog = read_catalog(tmp_path)
    assert [p.code for p in inspect_catalog(catalog).photos.broken] == ["not_an_image"]
    closed = inspect_catalog(catalog, photos=False)
    assert (closed.photos.decoded, closed.photos.broken, closed.photos.present) == (False, (), 1)


def test_photos_that_look_the_same(tmp_path):
    from PIL import Image, ImageDraw

    for name, quality, side in (("a", 95, 300), ("b", 60, 200), ("c", 95, 300)):
        picture = Image.new("RGB", (300, 300), "white")
        draw = ImageDraw.Draw(picture)
        if name == "c":
            draw.rectangle((20, 150, 130, 280), fill="black")
            draw.ellipse((200, 20, 280, 60), fill="grey")
        else:
            draw.polygon([(20, 20), (280, 90), (60, 250)], fill="navy")
            draw.ellipse((150, 150, 290, 290), fill="orange")
        picture.resize((side, side)).save(tmp_path / f"{name}.jpg", quality=quality)
    (tmp_path / "shop.csv").write_text(
        "id,title,category,photo\n1,Mug,A,a.jpg\n2,Lamp,B,b.jpg\n3,Pot,A,c.jpg\n4,Pan,A,\n"
    )
    found = inspect_catalog(read_catalog(tmp_path))
    assert (found.alike_photo.groups, found.alike_photo.products, found.alike_photo.mixed) == (1, 2, 1)
    assert found.same.groups == 0


def test_a_good_shop_raises_no_concern(tmp_path):
    for n in range(20):
        (tmp_path / f"{n}.jpg").write_bytes(b"x")
    lines = [",".join(row.values()) for row in shop()]
    (tmp_path / "shop.csv").write_text("\n".join(["id,title,category,photo", *lines]))
    assert codes(inspect_catalog(read_catalog(tmp_path), photos=False)) == []


@pytest.mark.parametrize(
    ("columns", "concern"),
    [
        ({"category": lambda n: ""}, "no_labels"),
        ({"category": lambda n: "Home"}, "one_category"),
        ({"category": lambda n: "" if n < 3 else ("A", "B")[n % 2]}, "unlabelled"),
        ({"category": lambda n: f"Brand {n}" if n < 5 else "Home"}, "singletons"),
        ({"category": lambda n: ("Home Decor", "home  decor")[n % 2]}, "spellings"),
        ({"category": lambda n: ("Fancy thing for a very long na...", "Home")[n % 2]}, "cut_names"),
        ({"category": lambda n: ("Home|Mugs", "Home|Pots")[n % 2]}, "separator"),
        ({"category": lambda n: ("Home/Mugs", "Home/Pots")[n % 2]}, "separator"),
        ({"title": lambda n: "Great offer"}, "same_titles"),
        ({"title": lambda n: f"IMG_{n}.JPG"}, "file_name_titles"),
        ({"title": lambda n: f"https://shop.example/p/{n}"}, "file_name_titles"),
        ({"title": lambda n: f"C:\\photos\\{n}.png"}, "file_name_titles"),
        ({"title": lambda n: f"images/mugs/{n}"}, "file_name_titles"),
        ({"title": lambda n: ""}, "no_text"),
        ({"photo": lambda n: ""}, "no_photos"),
        ({}, "photos_missing"),
        ({"id": lambda n: f"p{n % 17}"}, "many_bad_rows"),
    ],
)
def test_concerns(columns, concern):
    assert concern in codes(inspect(shop(**columns)))


@pytest.mark.parametrize(
    "title",
    ["Mug and/or cup", "T-shirt S/M/L", "Tea 4.5 g", "Lamp w/ shade", "AC/DC adapter 12V/2A/24W", "photo.jpg frame"],
)
def test_titles_that_only_resemble_file_names(title):
    assert "file_name_titles" not in codes(inspect(shop(title=lambda n: f"{title} {n}")))


def test_few_products_and_no_category_column():
    assert codes(inspect([{"title": "Mug"}])) == ["few_products", "no_photos", "no_labels"]
    assert "--map category=COLUMN" in inspect([{"title": "Mug"}]).concerns[-1].message


def test_mixed_depth_matters_only_where_paths_are_cut_deeper():
    rows = shop(category=lambda n: ("Home", "Home > Mugs", "Garden > Pots")[n % 3])
    assert "mixed_depth" not in codes(inspect(rows))
    assert "mixed_depth" in codes(inspect(rows, level=2))


@pytest.mark.real
def test_the_flipkart_catalogue(real_data):
    found = inspect_catalog(read_catalog(real_data / "flipkart-1050"), threads=2)
    assert (found.photos.present, found.photos.missing, found.photos.broken) == (1047, 3, ())
    assert found.alike_text.products == 273  # STUDY.md, measured beside it
    assert found.alike_text.largest == 21
    assert found.alike_text.mixed == 0
    assert set(found.depths) == {2, 3, 4, 5, 6, 7}
    assert not found.concerns
