"""Predictions in files, as other readers find them there."""

import csv
import datetime
import decimal
import io
import json

import pytest

from aisle.engine.output import open_writer
from aisle.product import Evidence, Neighbour, Prediction

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

NEAR = Neighbour(id="n1", title="=cmd()", category=("Home", "Mugs"), similarity=0.91234567)
ACCEPTED = Prediction(
    id="7", path=("Home", "Mugs"), probability=0.98123456789, decision="accept", leaf=("Home", "Mugs"),
    alternatives=((("Home", "Mugs"), 0.9312), (("Garden",), 0.0488)), modalities=("title", "photo"),
    evidence=Evidence(shares={"title": 0.75, "photo": 0.25}, terms=(("mug", 1.5), ("blue", 0.25)), nearest=(NEAR,)),
    engine="0123456789ab",
)  # fmt: skip
REVIEW = Prediction(
    id="8", path=(), probability=0.4, decision="review", leaf=("Home", "Pots"), alternatives=(), modalities=(),
    evidence=Evidence(), reason="the photo cannot be read", engine="0123456789ab",
)  # fmt: skip


def written(form, predictions=(ACCEPTED, REVIEW), *, columns=(), extra=None):
    file = io.BytesIO()
    with open_writer(file, form=form, columns=columns) as writer:
        writer.write(list(predictions), extra=extra or [{} for _ in predictions])
    return file.getvalue()


def strict(line):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    return json.loads(line, parse_constant=refuse)


def test_json_lines():
    first, second, end = written("jsonl", extra=[{"price": 3.5}, {}]).decode().split("\n")
    assert end == ""
    assert strict(first) == {
        "id": "7",
        "path": "Home > Mugs",
        "probability": 0.981235,
        "decision": "accept",
        "leaf": "Home > Mugs",
        "alternatives": [{"path": "Home > Mugs", "probability": 0.9312}, {"path": "Garden", "probability": 0.0488}],
        "modalities": ["title", "photo"],
        "evidence": {
            "shares": {"title": 0.75, "photo": 0.25},
            "terms": [["mug", 1.5], ["blue", 0.25]],
            "nearest": [{"id": "n1", "title": "=cmd()", "category": "Home > Mugs", "similarity": 0.912346}],
            "reason": "",
        },
        "engine": "0123456789ab",
        "extra": {"price": 3.5},
    }
    second = strict(second)
    assert (second["path"], second["leaf"], second["decision"]) == (None, "Home > Pots", "review")
    assert second["evidence"]["reason"] == "the photo cannot be read"


def test_csv():
    rows = list(csv.DictReader(io.StringIO(written("csv").decode(), newline="")))
    assert rows[0] == {
        "id": "7",
        "path": "Home > Mugs",
        "probability": "0.981235",
        "decision": "accept",
        "leaf": "Home > Mugs",
        "alternatives": "Home > Mugs (0.93) | Garden (0.05)",
        "modalities": "title | photo",
        "reason": "",
        "shares": "title (0.75) | photo (0.25)",
        "terms": "mug (1.50) | blue (0.25)",
        "nearest": "n1: =cmd() (Home > Mugs, 0.91)",
        "engine": "0123456789ab",
    }
    assert (rows[1]["path"], rows[1]["decision"], rows[1]["alternatives"]) == ("", "review", "")


def test_parquet():
    first, second = pq.read_table(io.BytesIO(written("parquet"))).to_pylist()
    assert first["alternatives"] == [
        {"path": "Home > Mugs", "probability": 0.9312},
        {"path": "Garden", "probability": 0.0488},
    ]
    assert first["modalities"] == ["title", "photo"]
    assert first["evidence"] == {
        "shares": [("title", 0.75), ("photo", 0.25)],
        "terms": [{"term": "mug", "weight": 1.5}, {"term": "blue", "weight": 0.25}],
        "nearest": [{"id": "n1", "title": "=cmd()", "category": "Home > Mugs", "similarity": 0.912346}],
        "reason": "",
    }
    assert (first["probability"], second["path"], second["decision"]) == (0.981235, None, "review")
    assert second["evidence"]["nearest"] == []


def test_parquet_has_row_groups_and_the_same_columns_whatever_is_written():
    many = written("parquet", [ACCEPTED] * 9000, columns=["price"], extra=[{"price": n} for n in range(9000)])
    file = pq.ParquetFile(io.BytesIO(many))
    assert file.metadata.num_rows == 9000
    assert file.metadata.num_row_groups > 1
    assert file.read(["price"]).column("price").to_pylist() == [str(n) for n in range(9000)]
    assert pq.ParquetFile(io.BytesIO(written("parquet", [], columns=["price"]))).schema_arrow == file.schema_arrow


def test_long_texts_make_smaller_row_groups():
    extra = [{"note": "x" * 10_000_000} for _ in range(20)]
    file = pq.ParquetFile(io.BytesIO(written("parquet", [REVIEW] * 20, columns=["note"], extra=extra)))
    assert file.metadata.num_row_groups >= 2


def test_columns_of_the_input_keep_their_names_unless_taken():
    columns = ["price", "path", "path_input", "=1+1"]
    extra = [{"price": "3", "path": "a", "path_input": "b", "=1+1": "c"}]
    [row] = csv.DictReader(io.StringIO(written("csv", [ACCEPTED], columns=columns, extra=extra).decode(), newline=""))
    assert (row["price"], row["path"], row["path_input"], row["'=1+1"]) == ("3", "Home > Mugs", "b", "c")
    assert [value for name, value in row.items() if name.startswith("path_input")] == ["a", "b"]
    table = pq.read_table(
        io.BytesIO(written("parquet", [ACCEPTED], columns=["evidence"], extra=[{"evidence": "mine"}]))
    )
    assert table.column("evidence_input").to_pylist() == ["mine"]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_keys_without_a_column_are_told(form):
    with open_writer(io.BytesIO(), form=form, columns=["price"]) as writer:
        writer.write([ACCEPTED], extra=[{"price": 1, "late": 2}])
        for n in range(1000):
            writer.write([ACCEPTED], extra=[{f"key {n}": 1}])
    assert "late" in writer.left_out
    assert len(writer.left_out) < 50


circle = []
circle.append(circle)
deep = json.loads("[" * 900 + "]" * 900)


class Rude:
    def __str__(self):
        raise RuntimeError("no")


VALUES = [
    ("plain", "plain", "plain"),
    ("", "", ""),
    (None, None, ""),
    (float("nan"), None, ""),
    ([1, float("inf")], [1, None], "[1, null]"),
    (3.5, 3.5, "3.5"),
    (10**400, 10**400, str(10**400)),
    (True, True, "true"),
    ({"a": {"b": "é"}}, {"a": {"b": "é"}}, '{"a": {"b": "é"}}'),
    ("half \ud83d", "half \ufffd", "half \ufffd"),
    (["\udc80"], ["\ufffd"], '["\ufffd"]'),
    ("a\0b", "a\0b", "a b"),
    ("=1+1", "=1+1", "'=1+1"),
    ("@x", "@x", "'@x"),
    ("-1+cmd()", "-1+cmd()", "'-1+cmd()"),
    ("-3.5", "-3.5", "-3.5"),
    (-3.5, -3.5, "-3.5"),
    ('two\nlines, "quoted"\r', 'two\nlines, "quoted"\r', 'two\nlines, "quoted"\r'),
    (b"caf\xc3\xa9", "café", "café"),
    (b"\xff\xd8", "/9g=", "/9g="),
    (datetime.date(2024, 2, 29), "2024-02-29", "2024-02-29"),
    (decimal.Decimal("1.50"), "1.50", "1.50"),
]


@pytest.mark.parametrize(("value", "as_json", "as_text"), VALUES, ids=lambda value: repr(value)[:20])
def test_cells_of_any_kind(value, as_json, as_text):
    extra = [{"cell": value}]
    assert strict(written("jsonl", [ACCEPTED], extra=extra).decode())["extra"] == {"cell": as_json}
    text = written("csv", [ACCEPTED], columns=["cell"], extra=extra).decode()
    assert next(csv.DictReader(io.StringIO(text, newline="")))["cell"] == as_text
    [row] = pq.read_table(io.BytesIO(written("parquet", [ACCEPTED], columns=["cell"], extra=extra))).to_pylist()
    unquoted = as_text.removeprefix("'") if isinstance(value, str) else as_text
    assert (row["cell"] or "").replace("\0", " ") == unquoted


@pytest.mark.parametrize(
    "value", [circle, deep, Rude(), {b"key": 1}, {(1, 2): float("nan")}], ids=lambda v: type(v).__name__
)
@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_cells_that_cannot_be_written_cost_themselves_alone(form, value):
    content = written(form, columns=["cell", "price"], extra=[{"cell": value, "price": "3"}, {"price": "4"}])
    if form == "parquet":
        assert pq.read_table(io.BytesIO(content)).column("price").to_pylist() == ["3", "4"]
    elif form == "csv":
        assert [row["price"] for row in csv.DictReader(io.StringIO(content.decode(), newline=""))] == ["3", "4"]
    else:
        assert [strict(line)["extra"]["price"] for line in content.decode().splitlines()] == ["3", "4"]


def test_numbers_of_numpy_are_numbers():
    np = pytest.importorskip("numpy")
    found = Prediction(
        id="1", path=("A",), probability=np.float32(0.5), decision="accept", leaf=("A",),
        alternatives=((("A",), np.float32(0.5)),), modalities=(), evidence=Evidence(), engine="e",
    )  # fmt: skip
    line = strict(written("jsonl", [found], extra=[{"n": np.int64(3), "v": np.arange(2)}]).decode())
    assert (line["probability"], line["alternatives"][0]["probability"], line["extra"]) == (
        0.5,
        0.5,
        {"n": 3, "v": [0, 1]},
    )


def test_a_failure_leaves_no_complaint_behind():
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    for form in ("jsonl", "csv", "parquet"):
        with pytest.raises(OSError, match="No space left"), open_writer(Full(), form=form) as writer:
            writer.write([ACCEPTED] * 5000, extra=[{}] * 5000)


def test_no_other_formats():
    with pytest.raises(ValueError, match="'xml' is no format"), open_writer(io.BytesIO(), form="xml"):
        pass
