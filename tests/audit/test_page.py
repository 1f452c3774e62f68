"""The page, the table and the data of an audit: what they say, and what a hostile title cannot do."""

import base64
import csv
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from aisle.audit.report import render_audit

VOID = {"meta", "img", "br", "link", "hr", "input"}


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.words, self.open, self.scripts = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["script"]:
            self.scripts.append(data)
        elif self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))

    def all(self, tag):
        return [values for name, values in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(found):
    return Page(render_audit(found))


def test_it_shows_every_suspect_with_label_suggestion_and_reason(page, found):
    for suspect in found.suspects:
        assert " ".join(suspect.reason.split()) in page.text
    assert len([values for values in page.all("li") if values.get("class") == "suspect"]) == len(found.suspects)
    assert "labels among 97 look wrong" in page.text
    assert "1 product without a category played no part" in page.text


def test_photos_travel_inside(page, found):
    with_photo = sum(suspect.photo is not None for suspect in found.suspects)
    large = [values for values in page.all("img") if values["width"] == "144"]
    assert len(large) == with_photo > 0
    for values in page.all("img"):
        assert base64.b64decode(values["src"].removeprefix("data:image/webp;base64,"))[:4] == b"RIFF"


def test_nothing_foreign_runs_and_nothing_is_fetched(page):
    assert len(page.scripts) == 1
    digest = base64.b64encode(hashlib.sha256(page.scripts[0].encode()).digest()).decode()
    policy = next(v["content"] for v in page.all("meta") if v.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none';")
    assert re.findall(r"script-src ([^;]*)", policy) == [f"'sha256-{digest}'"]
    for tag, values in page.elements:
        assert not [name for name in values if name.startswith("on")], (tag, values)
        assert tag not in {"iframe", "object", "embed", "link", "base", "form", "a"}
        assert values.get("src", "data:").startswith("data:")
    assert "<script>alert(1)</script>" in page.text  # shown, not run


def test_the_filters_count_what_they_show(page, found):
    suspects = [values["data-keys"].split() for values in page.all("li") if values.get("class") == "suspect"]
    keys = [values["data-key"] for values in page.all("button")]
    assert keys[0] == ""
    for key in keys[1:]:
        count = sum(key in own for own in suspects)
        assert count > 0
        assert re.search(rf" {count} ", page.text)


def test_an_audit_without_findings_is_a_page_too(found):
    from dataclasses import replace

    calm = replace(found, suspects=(), overlaps=(), duplicates=(), unlabelled=0)
    assert "No label among 97 looks wrong" in Page(render_audit(calm)).text


def test_files_say_the_same(found, tmp_path):
    written = found.save(tmp_path / "out", top=2)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["audit.csv", "audit.html", "audit.json"]
    data = json.loads(written["data"].read_text(encoding="utf-8"))
    with written["table"].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == [row["id"] for row in data["suspects"]]
    assert len(rows) == 2
    assert data["suspects_found"] == len(found.suspects) > 2
    assert rows[0]["score"] == str(data["suspects"][0]["score"])
    assert sum(data["kinds"].values()) == len(found.suspects)


def test_no_cell_of_the_table_is_a_formula(found, tmp_path):
    table = found.save(tmp_path, top=None)["table"]
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    cells = [cell for row in rows for cell in row]
    assert any("=HYPERLINK" in cell for cell in cells)
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]


def test_rows_make_a_data_frame(found):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(found.to_rows())
    assert frame["id"].tolist() == [suspect.id for suspect in found.suspects]
    assert {"given", "suggested", "score", "kind", "against", "reason"} <= set(frame.columns)
