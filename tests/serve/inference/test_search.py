"""The taxonomy, searched as people type."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aisle.serve.inference.search import TaxonomySearch, fold

PATHS = [
    ("Watches",),
    ("Watches", "Wrist Watches"),
    ("Watches", "Wall Clocks"),
    ("Bijoux, Montres & Co", "Montres"),
    ("Bijoux, Montres & Co", "Montres", "Étuis à montres"),
    ("Bags & Wallets", "Men's Bags"),
    ("Bags & Wallets", "Belts"),
    ("Maison", "Œuvres d'art"),
    ("手表", "男士手表"),
    ("कपड़े", "साड़ी"),
    ("Straße", "Schilder"),
    ("Electronics", "TV/Video", "50-inch (OLED)"),
]


@pytest.fixture(scope="module")
def search():
    return TaxonomySearch(PATHS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wrist", [PATHS[1]]),
        ("WRIST WATCHES", [PATHS[1]]),
        ("wat wri", [PATHS[1]]),
        ("etuis", [PATHS[4]]),
        ("étui MONTRE", [PATHS[4]]),
        ("e\u0301tui", [PATHS[4]]),  # the accent as a letter of its own
        ("oeuvre", [PATHS[7]]),
        ("œuvre", [PATHS[7]]),
        ("bags belt", [PATHS[6]]),
        ("bags & belts", [PATHS[6]]),
        ("men's", [PATHS[5]]),
        ("表", [PATHS[8]]),
        ("男士", [PATHS[8]]),
        ("साड़ी", [PATHS[9]]),
        ("strasse", [PATHS[10]]),
        ("tv oled", [PATHS[11]]),
        ("50 inch", [PATHS[11]]),
        ("ontres", []),  # no beginning of a word
        ("wrist nothing", []),
        ("&", []),
        ("%_*\\[(", []),
    ],
)
def test_words_are_found_in_any_order_without_accents_or_case(search, text, expected):
    assert search.find(text) == expected


def test_the_name_itself_comes_first_then_names_with_the_words_then_what_lies_under_one(search):
    assert search.find("montres") == [PATHS[3], PATHS[4]]
    assert search.find("watches") == [PATHS[0], PATHS[1], PATHS[2]]


def test_an_empty_text_finds_the_first_categories_the_shallow_ones_before_others(search):
    assert search.find("", 3) == [PATHS[0], PATHS[1], PATHS[2]]
    assert TaxonomySearch([("a", "b"), ("a",)]).find(" ") == [("a",), ("a", "b")]


def test_no_more_are_returned_than_asked_for(search):
    assert len(search.find("w", 2)) == 2
    assert search.find("w", 0) == []
    assert search.find("w", -1) == []


def test_categories_that_come_twice_are_found_once():
    assert TaxonomySearch([("a",), ("a",), ()]).find("a") == [("a",)]


def test_the_end_of_a_very_long_text_is_passed_over(search):
    assert search.find("wrist " * 10_000) == [PATHS[1]]


@given(st.lists(st.lists(st.text(min_size=1), min_size=1, max_size=3).map(tuple), max_size=5), st.text())
def test_no_text_fails_and_whatever_is_found_is_a_category(paths, text):
    assert set(TaxonomySearch(paths).find(text)) <= set(paths)


@given(st.text(max_size=30))
def test_a_name_is_found_by_itself(name):
    if fold(name):
        assert TaxonomySearch([("top", name)]).find(name) == [("top", name)]
