"""Data frames of any make, and Parquet files."""

import datetime
import decimal

import pytest

from aisle.catalog import read_catalog
from aisle.errors import CatalogError

pd = pytest.importorskip("pandas")
pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


class PolarsLike:
    """What Polars data frames have in common with this."""

    def __init__(self, rows):
        self._rows = rows
        self.columns = list(rows[0])

    def to_dicts(self):
        return self._rows


ROWS = [
    {"id": 1, "title": "Mug", "category": "Home > Mugs"},
    {"id": 2, "title": "Lamp", "category": None},
    {"id": None, "title": "Pot", "category": "Home"},
]


@pytest.mark.parametrize(
    "frame",
    [
        ROWS,
        pd.DataFrame(ROWS),
        pd.DataFrame(ROWS).convert_dtypes(),
        PolarsLike(ROWS),
        pa.Table.from_pylist(ROWS),
        pa.RecordBatch.from_pylist(ROWS),
    ],
    ids=["list", "pandas", "pandas nullable", "polars", "arrow table", "arrow batch"],
)
def test_every_kind_of_frame_reads_the_same(frame):
    catalog = read_catalog(frame)
    assert [(p.id, p.title, p.category) for p in catalog.products] == [
        ("1", "Mug", ("Home", "Mugs")),  # not "1.0", although a gap has turned the ids of pandas into floats
        ("2", "Lamp", ()),
    ]
    assert [(bad.row, bad.code) for bad in catalog.bad_rows] == [(3, "missing_id")]
    assert catalog.source == type(frame).__name__


def test_missing_values_of_every_kind_are_nothing():
    rows = [{"title": "x", "description": value} for value in (None, float("nan"), pd.NA, pd.NaT, "NaN", "")]
    assert {product.description for product in read_catalog(rows).products} == {""}


def test_values_of_every_type_become_text():
    values = [5, 5.5, True, decimal.Decimal("1.50"), datetime.date(2024, 2, 29), 1e300, b"caf\xc3\xa9"]
    products = read_catalog([{"title": value} for value in values]).products
    assert [p.title for p in products] == ["5", "5.5", "True", "1.50", "2024-02-29", "1e+300", "café"]


def test_objects_that_cannot_be_text_fail_alone():
    class Rude:
        def __str__(self):
            raise RuntimeError("no")

    circle = []
    circle.append(circle)
    rows = [{"title": Rude()}, {"title": circle}, {"title": b"\xe9"}, {"title": "Mug"}]
    catalog = read_catalog(rows)
    assert [bad.code for bad in catalog.bad_rows] == ["bad_value", "bad_value", "bad_encoding"]
    assert [p.title for p in catalog.products] == ["Mug"]


def test_columns_without_names():
    frame = pd.DataFrame([["a", "Mug"], ["b", "Lamp"]])
    catalog = read_catalog(frame, columns={"id": "0", "title": "1"})
    assert [(p.id, p.title) for p in catalog.products] == [("a", "Mug"), ("b", "Lamp")]


@pytest.mark.parametrize("kind", ["pandas", "arrow"])
def test_a_column_twice_is_refused(kind):
    names = ["title", "title"]
    frame = pd.DataFrame([["a", "b"]], columns=names) if kind == "pandas" else pa.table([["a"], ["b"]], names=names)
    with pytest.raises(CatalogError, match="column 'title' is there twice"):
        read_catalog(frame)


def test_a_column_that_only_later_rows_have():
    catalog = read_catalog([{"title": "Mug"}, {"title": "Lamp", "category": "Home"}])
    assert [p.category for p in catalog.products] == [(), ("Home",)]


@pytest.mark.parametrize("source", [42, None, [1, 2], {"title": ["Mug"]}, b"x", (row for row in ROWS)])
def test_other_objects_are_refused(source):
    with pytest.raises(CatalogError):
        read_catalog(source)


@pytest.mark.parametrize("frame", [[], pd.DataFrame({"title": []}), pa.table({"title": pa.array([], "string")})])
def test_no_rows(frame):
    with pytest.raises(CatalogError):
        read_catalog(frame)


def test_row_numbers_are_no_ids_of_photos(tmp_path, monkeypatch):
    (tmp_path / "1.jpg").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    without, named = read_catalog([{"title": "Mug"}, {"title": "Pot", "photo": "1.jpg"}][:1]), None
    assert without.products[0].photo is None
    named = read_catalog([{"title": "Mug"}, {"title": "Pot", "photo": "1.jpg"}])
    assert named.products[1].photo.name == "1.jpg"


# --- Parquet


def write(tmp_path, table, **options):
    path = tmp_path / "shop.parquet"
    pq.write_table(table, path, **options)
    return path


def test_parquet_of_many_types(tmp_path):
    table = pa.table(
        {
            "id": pa.array([1, 2, 3], pa.int64()),
            "title": pa.array(["Mug", "Lamp", None]).dictionary_encode(),
            "description": ["a", None, "c"],
            "category": pa.array([["Home", "Mugs"], ["Home >> Lamps"], []], pa.list_(pa.string())),
            "attributes": pa.array([{"colour": "red"}, None, {"colour": None}]),
            "seen": pa.array([0, 10**17, None], pa.timestamp("ms")),  # the second is beyond Python's years
        }
    )
    catalog = read_catalog(write(tmp_path, table))
    assert [(p.title, p.description, p.category) for p in catalog.products] == [
        ("Mug", "a", ("Home", "Mugs")),
        ("Lamp", "", ("Home", "Lamps")),
        ("", "c", ()),
    ]
    assert dict(catalog.products[0].attributes) == {"colour": "red"}
    assert catalog.columns.unused == ("seen",)


def test_photos_inside_a_parquet_file(tmp_path):
    table = pa.table(
        {
            "title": ["a", "b", "c"],
            "image": [{"bytes": b"one", "path": "1.jpg"}, {"bytes": None, "path": "2.jpg"}, None],
        }
    )
    (tmp_path / "2.jpg").write_bytes(b"two")
    catalog = read_catalog(write(tmp_path, table))
    assert [p.photo for p in catalog.products] == [b"one", tmp_path / "2.jpg", None]
    assert catalog.photos_missing == ("3",)


def test_parquet_without_rows(tmp_path):
    with pytest.raises(CatalogError, match="no rows"):
        read_catalog(write(tmp_path, pa.table({"title": pa.array([], "string")})))


def test_parquet_cut_short(tmp_path):
    path = write(tmp_path, pa.table({"title": [f"Mug {n}" for n in range(5000)]}))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CatalogError, match="not a readable Parquet file"):
        read_catalog(path)


def test_parquet_damaged_inside(tmp_path):
    path = write(tmp_path, pa.table({"title": [f"Mug {n}" for n in range(50_000)]}), compression="gzip")
    content = bytearray(path.read_bytes())
    content[500 : len(content) // 2] = b"\xff" * (len(content) // 2 - 500)
    path.write_bytes(content)
    with pytest.raises(CatalogError, match="is damaged behind row"):
        read_catalog(path)


def test_parquet_that_is_something_else(tmp_path):
    (tmp_path / "shop.parquet").write_text("id,title\n1,Mug\n")
    with pytest.raises(CatalogError, match="not a readable Parquet file"):
        read_catalog(tmp_path / "shop.parquet")
