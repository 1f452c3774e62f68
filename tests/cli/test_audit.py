"""``aisle audit``: what is printed, what is written, and every way to type it wrong."""

import csv
import json
from pathlib import Path

import pytest

WORDS = {
    "Home > Mugs": "mug ceramic coffee tea handle glazed",
    "Garden > Pots": "pot clay plant soil outdoor terrace",
}


@pytest.fixture
def market(tmp_path, tiny_networks, monkeypatch):
    """Make a table of 60 products in two categories; number 7 is filed under the wrong one, the last row is cut."""
    tiny_networks(monkeypatch)
    lines = ["id,title,category,price"]
    for number in range(60):
        category = list(WORDS)[number % 2]
        words = WORDS[category].split()
        turned = words[number // 2 % 6 :] + words[: number // 2 % 6]
        shown = next(iter(WORDS)) if number == 7 else category
        lines.append(f"{number},{' '.join(turned[:4])} {number},{shown},{number}")
    place = tmp_path / "market.csv"
    place.write_text("\n".join([*lines, "60,cut", ""]))
    return place


def test_an_audit(aisle, market):
    done = aisle("audit", market, "--out", "out")
    assert done.exit_code == 3  # one row was set aside
    assert "60 labelled products" in done.stdout
    assert "Most suspicious" in done.stdout
    assert "[7]" in done.stdout.split("Most suspicious")[1].split("\n   2  ")[0]
    assert "Home  ->  Garden" in done.stdout
    assert "1 rows quarantined" in done.stdout
    assert max(map(len, done.stdout.split("Written in")[0].splitlines())) <= 80
    for name in ("audit.html", "audit.csv", "audit.json", "quarantine.csv"):
        assert str(Path("out") / name) in done.stdout
        assert (Path("out") / name).stat().st_size > 0
    with (Path("out") / "audit.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.DictReader(file))["id"] == "7"


def test_a_good_table_is_0_and_json_is_all_there_is_on_stdout(aisle, market):
    market.write_text(market.read_text().removesuffix("60,cut\n"))
    done = aisle("audit", market, "--out", "out", "--json", "--top", "all")
    assert done.exit_code == 0
    shown = json.loads(done.stdout)
    assert shown == json.loads(Path("out/audit.json").read_text(encoding="utf-8"))
    assert shown["suspects"][0]["id"] == "7"
    assert "Written in" in done.stderr
    assert not Path("out/quarantine.csv").exists()


def test_top_is_how_many_are_written(aisle, market):
    done = aisle("audit", market, "--out", "out", "--top", "1")
    with Path("out/audit.csv").open(encoding="utf-8", newline="") as file:
        assert len(list(csv.DictReader(file))) == 1
    assert done.exit_code == 3


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--top", "0"], 2, "neither a number from 1 nor 'all'"),
        (["--top", "-3"], 2, "neither a number from 1 nor 'all'"),
        (["--top", "some"], 2, "neither a number from 1 nor 'all'"),
        (["--level", "0"], 2, "--level"),
        (["--seed", "-1"], 2, "--seed"),
        (["--map", "titel=name"], 2, "is no role"),
        (["--map", "title=name"], 1, "there is no column 'name'"),
    ],
)
def test_typed_wrong(aisle, market, words, code, message):
    done = aisle("audit", market, "--out", "out", *words)
    assert done.exit_code == code
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not Path("out").exists()


def test_out_is_needed_and_must_be_a_place_to_write_to(aisle, market, shop):
    assert aisle("audit", market).exit_code == 2
    own = aisle("audit", shop, "--out", shop)
    assert own.exit_code == 2
    assert "catalogue's own folder" in " ".join(own.stderr.split())
    file = aisle("audit", market, "--out", market)
    assert file.exit_code == 2
    assert "is a file" in " ".join(file.stderr.split())


def test_too_few_labels_is_one_line(aisle, tmp_path):
    table = tmp_path / "few.csv"
    table.write_text("id,title,category\n1,mug,A\n2,pot,B\n")
    done = aisle("audit", table, "--out", "out")
    assert done.exit_code == 1
    assert "2 products have a category; an audit needs at least 20" in " ".join(done.stderr.split())
    assert not Path("out").exists()


def test_no_catalogue(aisle):
    done = aisle("audit", "nowhere", "--out", "out")
    assert done.exit_code == 1
    assert "nowhere" in done.stderr


def test_nothing_is_written_into_an_engine(aisle, tmp_path):
    (tmp_path / "engine").mkdir()
    (tmp_path / "engine" / "manifest.json").write_text("{}")
    (tmp_path / "shop.csv").write_text("title,category\nwatch,Watches\nmug,Kitchen\n")
    done = aisle("audit", tmp_path / "shop.csv", "--out", tmp_path / "engine")
    assert done.exit_code == 2
    assert "holds an engine" in " ".join(done.stderr.split())
    assert [path.name for path in (tmp_path / "engine").iterdir()] == ["manifest.json"]


def test_the_only_product_of_a_category_is_not_judged(aisle, tmp_path, tiny_networks, monkeypatch):
    """Held out, nothing is left that could speak for its label: that is no suspicion."""
    tiny_networks(monkeypatch)
    rows = [f"{colour} {thing} {number},{shelf}" for number, colour in enumerate(["red", "blue", "green"] * 5)
            for thing, shelf in (("watch", "Watches"), ("mug", "Kitchen"))]  # fmt: skip
    (tmp_path / "shop.csv").write_text("\n".join(["title,category", *rows, "silk scarf,Scarves", ""]))
    done = aisle("audit", tmp_path / "shop.csv", "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["unjudged"] == 1
    assert all(row["given"] != "Scarves" for row in found["suspects"])
