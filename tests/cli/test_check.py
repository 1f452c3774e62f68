"""``aisle check``: the report, the quarantine file, the exit code."""

import csv
import json
import shutil
from pathlib import Path

import pytest


def section(text, title):
    """Return the lines below a heading."""
    return text.split(f"\n{title}", 1)[1].split("\n\n", 1)[0]


def test_a_report(aisle, shop):
    done = aisle("check", shop)
    assert done.exit_code == 3
    assert done.stderr == ""
    assert "24 products in 25 rows, 1 set aside" in done.stdout
    assert "row 25: 2 cells where the header has 4" in section(done.stdout, "Rows set aside")
    assert "not used       price" in section(done.stdout, "Columns")
    bars = section(done.stdout, "Categories at level 1: 2")
    assert "Home " in bars
    assert " 12 ██" in bars
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_good_catalogue_is_0_and_leaves_no_file(aisle, shop):
    table = shop / "products.csv"
    table.write_text(table.read_text().removesuffix("24,cut\n"))
    done = aisle("check", shop)
    assert done.exit_code == 0
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("inside", "name"), [("", "my shop.quarantine.csv"), ("products.csv", "products.quarantine.csv")]
)
def test_rows_set_aside_are_written_to_the_working_folder(aisle, shop, inside, name):
    done = aisle("check", shop / inside)
    assert f"All of them are listed in {name}" in done.stdout
    with Path(name).open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == [
            {"row": "25", "code": "missing_cells", "field": "", "message": "2 cells where the header has 4"}
        ]
    assert [path.name for path in shop.iterdir()] == ["products.csv"]


def test_the_quarantine_file_may_be_named(aisle, shop, tmp_path):
    place = tmp_path / "new" / "bad.csv"
    done = aisle("check", shop, "--quarantine", place, "--json")
    assert json.loads(done.stdout)["quarantine"] == str(place)
    assert place.is_file()


def test_a_quarantine_file_of_an_earlier_run_is_no_part_of_the_catalogue(aisle, shop, monkeypatch):
    monkeypatch.chdir(shop)
    assert aisle("check", ".").exit_code == 3
    assert (shop / "my shop.quarantine.csv").is_file()
    assert "24 products in 25 rows" in aisle("check", ".").stdout


def test_json_is_all_there_is_on_stdout(shell, shop):
    done = shell("check", shop, "--json")
    assert done.returncode == 3
    summary = json.loads(done.stdout)
    assert (summary["rows"], summary["products"], summary["quarantined"]) == (25, 24, 1)
    assert summary["categories"] == {"Garden": 12, "Home": 12}
    assert [concern["code"] for concern in summary["concerns"]] == ["no_photos"]
    assert done.stderr == ""


def test_level_separator_and_map(aisle, shop):
    done = aisle("check", shop, "--json", "--level", "2", "--map", "title=category", "--map", "category=title",
                 "--separator", " thing")  # fmt: skip
    summary = json.loads(done.stdout)
    assert summary["columns"] == {"title": ["category"], "category": ["title"], "id": ["id"]}
    assert summary["depths"] == {"2": 24}
    assert "blue > 0" in summary["categories"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--map", "title"], "not ROLE=COLUMN"),
        (["--map", "=x"], "not ROLE=COLUMN"),
        (["--map", "colour=x"], "no role; the roles are id, title"),
        (["--map", "title=id", "--map", "title=price"], "mapped twice"),
        (["--separator", ""], "at least one character"),
    ],
)
def test_options_typed_wrong(aisle, shop, words, message):
    done = aisle("check", shop, *words)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())


def test_a_column_that_is_not_there(aisle, shop):
    done = aisle("check", shop, "--map", "title=Titel")
    assert done.exit_code == 1
    assert "there is no column 'Titel'; there are id, title, category, price" in done.stderr


def test_many_categories_are_capped(aisle, tmp_path):
    rows = [f"{n},Mug {n},Shelf {n % 50}" for n in range(200)]
    (tmp_path / "shop.csv").write_text("\n".join(["id,title,category", *rows]))
    text = aisle("check", tmp_path / "shop.csv").stdout
    assert "and 30 more with 120 products" in text
    assert text.count("█ ") + text.count("█\n") == 20


def test_names_in_wide_scripts_and_names_that_try_to_steer_the_terminal(aisle, tmp_path):
    rows = ["1,Mug,\x1b[2J\x07evil", "2,Pot,连衣裙连衣裙连衣裙连衣裙连衣裙连衣裙连衣裙连衣裙连衣裙", "3,Pan,Plain"]
    (tmp_path / "shop.csv").write_text("\n".join(["id,title,category", *rows]))
    text = aisle("check", tmp_path / "shop.csv").stdout
    assert "\x1b" not in text
    assert "\x07" not in text
    assert "?[2J?evil" in text
    assert f"  {'连衣裙' * 5}连衣… " in text  # 36 columns


def test_a_terminal_without_unicode(shell, tmp_path):
    (tmp_path / "shop.csv").write_text("id,title,category\n1,Mug,Théières\n2,Pot,名\n", encoding="utf-8")
    done = shell("check", tmp_path / "shop.csv", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "####" in done.stdout
    assert "Th\\xe9i\\xe8res" in done.stdout


def test_photos_are_opened_unless_told_not_to(aisle, tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"no photo")
    (tmp_path / "shop.csv").write_text("id,title,photo\n1,Mug,1.jpg\n2,Pot,\n")
    text = aisle("check", tmp_path).stdout
    assert "1 of 2, 1 missing (2); 1 cannot be opened" in text
    assert "not_an_image 1 (1)" in text
    assert "1 of 2, 1 missing (2); not opened" in aisle("check", tmp_path, "--no-photos").stdout


def test_a_folder_that_cannot_be_written(aisle, shop, monkeypatch):
    def deny(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("aisle.catalog.quarantine.write_quarantine", deny)
    done = aisle("check", shop)
    assert done.exit_code == 1
    assert "name another place for the rows set aside with --quarantine FILE" in done.stderr


def test_the_sample(aisle, sample_shop):
    truth = json.loads((sample_shop / "truth.json").read_text(encoding="utf-8"))
    done = aisle("check", sample_shop, "--json")
    summary = json.loads(done.stdout)
    assert done.exit_code == 3
    assert (summary["rows"], summary["products"]) == (truth["rows"], truth["products"])


@pytest.mark.real
@pytest.mark.parametrize("inside", ["", "flipkart_com-ecommerce_sample_1050.csv"])
def test_the_flipkart_catalogue_with_no_options(aisle, real_data, inside):
    done = aisle("check", real_data / "flipkart-1050" / inside)
    assert done.exit_code == 0
    assert "1,050 products in 1,050 rows, 0 set aside" in done.stdout
    assert "1,047 of 1,050, 3 missing" in done.stdout
    assert "all can be opened" in " ".join(done.stdout.split())
    bars = section(done.stdout, "Categories at level 1: 7")
    assert bars.count(" 150 ") == 7
    assert "Look at this first" not in done.stdout


@pytest.mark.real
def test_flipkart_titles(aisle, real_data):
    summary = json.loads(aisle("check", real_data / "flipkart-titles" / "products.csv", "--json").stdout)
    assert summary["products"] == 11_950
    assert {concern["code"] for concern in summary["concerns"]} >= {"no_photos", "singletons"}


@pytest.mark.real
def test_a_folder_of_nothing_but_photos(aisle, real_data):
    done = aisle("check", real_data / "photos-original")
    assert done.exit_code == 0
    assert "51 products in 51 rows" in done.stdout
    assert "only photos can tell them apart" in " ".join(done.stdout.split())


def test_the_source_may_be_read_only(aisle, shop):
    copy = shop.with_name("locked")
    shutil.copytree(shop, copy)
    before = {path: path.stat().st_mtime_ns for path in [copy, *copy.iterdir()]}
    aisle("check", copy)
    assert {path: path.stat().st_mtime_ns for path in [copy, *copy.iterdir()]} == before
