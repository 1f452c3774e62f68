"""From rows to products; nothing is lost, and nothing but AisleError ever comes out."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from aisle.catalog import read_catalog
from aisle.catalog.rows import parse_specifications
from aisle.errors import AisleError, CatalogError


def bad(rows, **options):
    catalog = read_catalog([*rows, {"id": "good", "title": "Mug"}], **options)
    return [(row.row, row.code, row.field) for row in catalog.bad_rows]


def test_ids():
    rows = [
        {"id": 7, "title": "a"},
        {"id": "7", "title": "b"},
        {"id": 7.0, "title": "c"},
        {"id": " ", "title": "d"},
        {"id": float("nan"), "title": "e"},
        {"title": "f"},
        {"id": "x" * 1001, "title": "g"},
        {"id": 7.5, "title": "h"},
    ]
    assert bad(rows) == [
        (2, "duplicate_id", "id"),
        (3, "duplicate_id", "id"),
        (4, "missing_id", "id"),
        (5, "missing_id", "id"),
        (6, "missing_id", "id"),
        (7, "bad_value", "id"),
    ]


def test_a_bad_row_does_not_take_the_id_of_a_good_one():
    assert bad([{"id": "1", "title": "x" * 100_001}, {"id": "1", "title": "fine"}]) == [(1, "bad_value", "title")]


def test_without_an_id_column_rows_are_numbered():
    catalog = read_catalog([{"title": "a"}, {"title": ""}, {"title": "a"}])
    assert [p.id for p in catalog.products] == ["1", "3"]
    assert catalog.bad_rows[0].code == "empty_product"


@pytest.mark.parametrize("role", ["title", "description", "brand", "category", "photo", "specifications"])
def test_text_that_no_file_can_hold_is_set_aside(role):
    assert bad([{"id": 1, "title": "x", role: "a\ud83db"}]) == [(1, "bad_encoding", role)]


@pytest.mark.parametrize("role", ["title", "description", "brand", "category", "photo", "specifications"])
def test_values_too_long_are_set_aside(role):
    assert bad([{"id": 1, "title": "x", role: "y" * 100_001}]) == [(1, "bad_value", role)]


def test_a_product_needs_a_title_a_description_or_a_photo():
    rows = [{"id": 1}, {"id": 2, "brand": "Acme"}, {"id": 3, "description": "d"}, {"id": 4, "photo": "x.jpg"}]
    assert bad(rows) == [(1, "empty_product", ""), (2, "empty_product", "")]


def test_photos_that_are_not_there_are_told():
    catalog = read_catalog([{"id": 1, "title": "a", "photo": "gone.jpg"}, {"id": 2, "title": "b"}])
    assert catalog.photos_missing == ("1", "2")
    assert catalog.photos_named == 1


def test_attributes():
    rows = [{"title": "a", "brand": "Acme", "attributes": "Colour: Red; Size: 4: 5; nothing;"}]
    assert dict(read_catalog(rows).products[0].attributes) == {
        "brand": "Acme",
        "Colour": "Red",
        "Size": "4: 5",
    }


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (
            '{"product_specification"=>[{"key"=>"Brand", "value"=>"A \\"x\\""}, {"key"=>"Type", "value"=>"B"}]}',
            {"Brand": 'A \\"x\\"', "Type": "B"},
        ),
        ('{"Colour": "Red", "Sizes": [1, 2], "None": null}', {"Colour": "Red", "Sizes": "[1, 2]"}),
        ({"Colour": "Red", "n": float("nan")}, {"Colour": "Red"}),
        ('{"cut": ', {}),
        ('{"a":' * 50_000, {}),
        ("", {}),
        (None, {}),
    ],
)
def test_specifications(value, found):
    assert parse_specifications(value) == found


def test_categories_are_counted_at_a_level():
    rows = [{"title": "x", "category": path} for path in ("B > b", "A > a", "B", "", "A > a", "C > c")]
    catalog = read_catalog(rows)
    assert list(catalog.categories().items()) == [("A", 2), ("B", 2), ("C", 1)]
    assert list(catalog.categories(level=2).items()) == [("A > a", 2), ("B", 1), ("B > b", 1), ("C > c", 1)]


def test_the_sample_is_quarantined_as_its_truth_says(sample_shop):
    truth = json.loads((sample_shop / "truth.json").read_text(encoding="utf-8"))
    catalog = read_catalog(sample_shop)
    assert [{"row": b.row, "code": b.code, "field": b.field} for b in catalog.bad_rows] == truth["bad_rows"]
    assert len(catalog.products) == truth["products"]
    assert sorted(catalog.photos_missing) == sorted([*truth["photos"]["missing"], *truth["without_photo"]])
    assert not catalog.notes


@pytest.mark.real
def test_the_flipkart_catalogue(real_data):
    catalog = read_catalog(real_data / "flipkart-1050")
    assert (len(catalog.products), catalog.bad_rows) == (1050, ())
    assert set(catalog.categories().values()) == {150}
    assert len(catalog.categories()) == 7
    assert sorted(name[:8] for name in catalog.photos_missing) == ["22ac36ba", "994f1d8a", "c4ac93e1"]
    assert read_catalog(real_data / "flipkart-1050/flipkart_com-ecommerce_sample_1050.csv").products == (
        catalog.products
    )


def independent_rows(content: bytes, suffix: str) -> int | None:
    """Count rows where that needs no CSV rules: JSON lines are the lines that are not blank."""
    return sum(bool(line.strip()) for line in content.split(b"\n")) if suffix == ".jsonl" else None


def check_nothing_is_lost(content: bytes, suffix: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"shop{suffix}"
        path.write_bytes(content)
        try:
            catalog = read_catalog(path)
        except AisleError:
            return
    numbers = [row.row for row in catalog.bad_rows]
    assert numbers == sorted(set(numbers))
    assert all(0 < number <= catalog.rows for number in numbers)
    assert len({product.id for product in catalog.products}) == len(catalog.products)
    for product in catalog.products:
        json.dumps(product.title + product.description).encode()
        (product.title + product.description + "".join(product.category)).encode()
    expected = independent_rows(content, suffix)
    assert expected is None or catalog.rows == expected


CELLS = st.text(st.sampled_from('ab ,;"\n\r\t|>[]{}\0é\ufeff='), max_size=8)
LINES = st.lists(CELLS, max_size=5).map(",".join)
HOSTILE = st.one_of(st.binary(max_size=200), st.lists(LINES, max_size=8).map(lambda x: "\n".join(x).encode()))


@effort(max_examples=150, deadline=None)
@given(HOSTILE)
def test_any_bytes_as_csv(content):
    check_nothing_is_lost(content, ".csv")


@effort(max_examples=200, deadline=None)
@given(HOSTILE)
def test_any_bytes_behind_a_good_header(content):
    check_nothing_is_lost(b"id,title,category\n1,Mug,Home\n" + content, ".csv")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "title", "x"]), inner),
    max_leaves=6,
)
JSON_LINE = st.one_of(
    st.dictionaries(st.sampled_from(["id", "title", "category", "photo", "brand", "specs"]), JSON)
    .map(json.dumps)
    .map(str.encode),
    st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"")),
)


@effort(max_examples=80, deadline=None)
@given(st.lists(JSON_LINE, max_size=6))
def test_any_json_lines(lines):
    check_nothing_is_lost(b"\n".join(lines), ".jsonl")


@effort(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=30), st.text(max_size=30)), min_size=1, max_size=8))
def test_well_written_csv_comes_back_whole(pairs):
    """What Python's own csv module writes is read as it was, whatever the text."""
    import csv
    import io

    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(["title", "description"])
    clean = [tuple("".join(c for c in text if c not in "\0") for text in pair) for pair in pairs]
    writer.writerows(clean)
    try:
        content = buffer.getvalue().encode()
    except UnicodeEncodeError:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "shop.csv"
        path.write_bytes(content)
        try:
            catalog = read_catalog(path)
        except CatalogError:
            catalog = None
    nothing = {"", "nan", "none", "null", "n/a", "<na>", "nat"}
    kept = [pair for pair in clean if {text.strip().lower() for text in pair} - nothing]
    if not kept:
        assert catalog is None
        return
    written = [tuple("" if t.strip().lower() in nothing else t.strip() for t in pair) for pair in kept]
    assert catalog is not None
    assert [(p.title, p.description) for p in catalog.products] == written
