"""``aisle engines`` and ``aisle retrain`` from end to end, with tiny networks."""

import csv
import json

import numpy as np
import pytest

CATEGORIES = ("Lamps", "Cups", "Toys")


@pytest.fixture
def shop(tmp_path):
    """A catalogue of words that say the category."""
    rng = np.random.default_rng(0)
    file = tmp_path / "shop.csv"
    with file.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "title", "category"])
        for number in range(150):
            kind = number % 3
            words = [f"{'lct'[kind]}word{n}" for n in rng.choice(20, 3, replace=False)]
            writer.writerow([number, f"{' '.join(words)} n{number}", CATEGORIES[kind]])
    return file


@pytest.fixture
def service(aisle, shop, tiny_networks, monkeypatch, tmp_path):
    """A trained engine, live in a new database."""
    tiny_networks(monkeypatch)
    database, engine = str(tmp_path / "a.db"), tmp_path / "engine"
    assert aisle("train", str(shop), "--out", str(engine)).exit_code == 0
    assert aisle("db", "upgrade", "--db", database).exit_code == 0
    done = aisle("engines", "promote", str(engine), "--db", database, "--by", "Ada")
    assert done.exit_code == 0, done.stderr
    return database, engine


def test_engines_are_listed_and_rolled_back(aisle, service, shop, tmp_path):
    database, engine = service
    (first,) = json.loads(aisle("engines", "list", "--json", "--db", database).stdout)
    assert (first["role"], first["registered_by"], first["folder"]) == ("live", "Ada", str(engine))
    other = tmp_path / "other"
    assert aisle("train", str(shop), "--out", str(other), "--seed", "1").exit_code == 0
    assert aisle("engines", "promote", str(other), "--db", database).exit_code == 0
    roles = {
        each["folder"]: each["role"] for each in json.loads(aisle("engines", "list", "--json", "--db", database).stdout)
    }
    assert roles == {str(engine): "previous", str(other): "live"}
    done = aisle("engines", "rollback", "--db", database)
    assert first["id"] in done.stderr
    assert "live" in aisle("engines", "list", "--db", database).stdout.splitlines()[1]


def test_a_damaged_engine_is_not_promoted(aisle, service, tmp_path):
    database, engine = service
    before = aisle("engines", "list", "--json", "--db", database).stdout
    manifest = engine / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"sha256"', '"sha255"', 1))
    done = aisle("engines", "promote", str(engine), "--db", database)
    assert done.exit_code == 1
    assert "manifest.json" in done.stderr
    assert aisle("engines", "list", "--json", "--db", database).stdout == before


def test_without_new_decisions_nothing_is_promoted(aisle, service, shop, tmp_path):
    database, engine = service
    done = aisle("retrain", str(shop), "--out", str(tmp_path / "next"), "--db", database)
    assert done.exit_code == 0, done.stderr
    assert "not promoted" in done.stdout
    assert (tmp_path / "next" / "manifest.json").is_file()
    page = (tmp_path / "next.retraining.html").read_text()
    assert "Not promoted" in page
    assert "stands in" in page  # the live engine has learned from the whole catalogue
    (only,) = json.loads(aisle("engines", "list", "--json", "--db", database).stdout)
    assert only["folder"] == str(engine)


def test_the_summary_for_programs(aisle, service, shop, tmp_path):
    database, _ = service
    done = aisle("retrain", str(shop), "--out", str(tmp_path / "next"), "--db", database, "--json")
    summary = json.loads(done.stdout)
    assert summary["promoted"] is False
    assert summary["decisions"] == 0
    assert summary["gold"]["products"] + summary["catalogue"] == 150


def test_no_engine_is_live(aisle, shop, tmp_path):
    database = str(tmp_path / "new.db")
    aisle("db", "upgrade", "--db", database)
    done = aisle("retrain", str(shop), "--out", str(tmp_path / "next"), "--db", database)
    assert done.exit_code == 1
    assert "aisle engines promote" in done.stderr


def test_the_live_engine_is_never_written_over(aisle, service, shop):
    database, engine = service
    done = aisle("retrain", str(shop), "--out", str(engine), "--db", database)
    assert done.exit_code == 2
    assert "holds an engine" in " ".join(done.stderr.replace("│", " ").split())


def test_a_copy_of_the_live_engine_changes_nothing(aisle, service, tmp_path):
    import shutil

    database, engine = service
    copy = tmp_path / "copy"
    shutil.copytree(engine, copy)
    assert aisle("engines", "promote", str(copy), "--db", database).exit_code == 0
    (only,) = json.loads(aisle("engines", "list", "--json", "--db", database).stdout)
    assert only["folder"] == str(engine)


def test_nobody_goes_back_to_a_damaged_engine(aisle, service, shop, tmp_path):
    database, engine = service
    other = tmp_path / "other"
    aisle("train", str(shop), "--out", str(other), "--seed", "1")
    aisle("engines", "promote", str(other), "--db", database)
    (engine / "manifest.json").write_text("{}")
    done = aisle("engines", "rollback", "--db", database)
    assert done.exit_code == 1
    live = [
        each
        for each in json.loads(aisle("engines", "list", "--json", "--db", database).stdout)
        if each["role"] == "live"
    ]
    assert live[0]["folder"] == str(other)
