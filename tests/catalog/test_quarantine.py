"""The file of rows set aside opens in a spreadsheet and runs nothing there."""

import csv

import pytest

from aisle.catalog import BadRow
from aisle.catalog.quarantine import quote_formula, write_quarantine


def test_rows_come_back_as_they_were(tmp_path):
    rows = [
        BadRow(3, "bad_json", "title", 'a "quoted", message\nof two lines — ünïcode 名'),
        BadRow(12, "unreadable", "", "x"),
    ]
    path = tmp_path / "new folder" / "bad.csv"
    write_quarantine(path, rows)
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [
            ["row", "code", "field", "message"],
            ["3", "bad_json", "title", 'a "quoted", message\nof two lines — ünïcode 名'],
            ["12", "unreadable", "", "x"],
        ]


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_what_a_spreadsheet_would_run_is_quoted(tmp_path, start):
    write_quarantine(tmp_path / "bad.csv", [BadRow(1, "x", f"{start}cmd|' /C calc'!A0", f"{start}1")])
    with (tmp_path / "bad.csv").open(encoding="utf-8", newline="") as file:
        cells = list(csv.reader(file))[1]
    assert cells[2:] == [f"'{start}cmd|' /C calc'!A0", f"'{start}1"]


def test_other_cells_are_left_alone():
    assert [quote_formula(cell) for cell in ("", "a=b", "1", " ")] == ["", "a=b", "1", " "]


def test_text_that_no_file_can_hold_is_escaped(tmp_path):
    write_quarantine(tmp_path / "bad.csv", [BadRow(1, "bad_encoding", "a\ud800", "b\udce9")])
    assert "a\\ud800,b\\udce9" in (tmp_path / "bad.csv").read_text(encoding="utf-8")
