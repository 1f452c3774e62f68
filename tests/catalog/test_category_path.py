"""Category paths as shops write them."""

import pytest

from aisle.catalog import read_catalog
from aisle.catalog.category_path import parse_category


@pytest.mark.parametrize(
    ("cell", "path"),
    [
        # what the Flipkart export holds, whole, cut off, and with a quote inside that makes it no JSON
        ('["Watches >> Wrist Watches >> Acme"]', ("Watches", "Wrist Watches", "Acme")),
        ('["Home >> Curtains >> Elegance Eyelet Do..."]', ("Home", "Curtains", "Elegance Eyelet Do...")),
        ('["Computers >> Racks >> 19" Rack"]', ("Computers", "Racks", '19" Rack')),
        ('["Computers >> Racks', ("Computers", "Racks")),
        ('["883 Police Full Sleeve Jackets"]', ("883 Police Full Sleeve Jackets",)),
        ('["Watches >> Wrist Watches", "Gifts >> For Men"]', ("Watches", "Wrist Watches")),
        # Google and Shopify
        ("Bags, Wallets & Belts > Belts", ("Bags, Wallets & Belts", "Belts")),
        ("A>B>C", ("A", "B", "C")),
        ("A >B", ("A >B",)),
        ("Shoes > Size >10", ("Shoes", "Size >10")),
        ("Size >10", ("Size >10",)),
        ("Shoes >> Size > 10", ("Shoes", "Size > 10")),
        ("Food &gt; Tea &amp; Coffee", ("Food", "Tea &amp; Coffee")),
        ("TV/Video > DVD/Blu-ray", ("TV/Video", "DVD/Blu-ray")),
        ("Apparel |Men| > Shirts", ("Apparel |Men|", "Shirts")),
        # any script
        ("服装 > 女装 > 连衣裙", ("服装", "女装", "连衣裙")),
        ("العناية > الشعر", ("العناية", "الشعر")),
        ("Дом > Посуда", ("Дом", "Посуда")),
        ("Maison\u00a0 >\u00a0Thé", ("Maison", "Thé")),
        # nothing in between, nothing at all
        ("A > > C", ("A", "C")),
        ("A >> >> C", ("A", "C")),
        ("> A > B >", ("A", "B")),
        ("  A \n >  B ", ("A", "B")),
        ("", ()),
        ("   ", ()),
        (">", ()),
        ("[]", ()),
        ('[""]', ()),
        # lists of names, as data frames print them
        ("['Home', 'Garden']", ("Home", "Garden")),
        ('["Home", null, "Garden"]', ("Home", "Garden")),
        ('[["Home", "Garden"], ["Gifts"]]', ("Home", "Garden")),
        ("[Sale] Mugs > Blue", ("[Sale] Mugs", "Blue")),
        ("[Sale]", ("[Sale]",)),
        ("[7, 8]", ("7", "8")),
    ],
)
def test_paths(cell, path):
    assert parse_category(cell) == path


def test_lists():
    assert parse_category(["Home", "Tea & Coffee"]) == ("Home", "Tea & Coffee")
    assert parse_category(("Mugs > Cups", "Blue")) == ("Mugs", "Cups")
    assert parse_category([]) == ()
    assert parse_category([["Home", "Mugs"], ["Gifts"]]) == ("Home", "Mugs")


@pytest.mark.parametrize(
    ("cell", "separator", "path"),
    [
        ("A/B > C/D", "/", ("A", "B > C", "D")),
        ("A / B", "/", ("A", "B")),
        ("A|B", "|", ("A", "B")),
        ("A::B", "::", ("A", "B")),
        ('["A|B"]', "|", ("A", "B")),
        ("A\tB", "/", ("A B",)),
    ],
)
def test_a_separator_of_ones_own(cell, separator, path):
    assert parse_category(cell, separator=separator) == path


@pytest.mark.parametrize("cell", ["[" * 100_000, "[" * 5000 + "]" * 5000, "a" + " " * 100_000 + ">" * 9, "(" * 10_000])
def test_hostile_cells_take_no_time(cell):
    assert isinstance(parse_category(cell), tuple)


def test_a_path_in_several_columns_stops_at_the_first_gap():
    rows = [
        {"title": "a", "shelf": "Home", "sub": "Tea & Coffee"},
        {"title": "b", "shelf": "Home > Kitchen", "sub": ""},
        {"title": "c", "shelf": None, "sub": "Mugs"},
    ]
    catalog = read_catalog(rows, columns={"category": "shelf,sub"})
    assert [p.category for p in catalog.products] == [("Home", "Tea & Coffee"), ("Home", "Kitchen"), ()]


def test_a_path_too_long_to_be_one_is_set_aside():
    catalog = read_catalog([{"title": "a", "category": "x>" * 6000}, {"title": "b", "category": "Home"}])
    assert [(bad.row, bad.code, bad.field) for bad in catalog.bad_rows] == [(1, "bad_value", "category")]
