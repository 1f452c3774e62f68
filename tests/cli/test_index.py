"""``aisle index``: built from a table, searched, and near-duplicates listed; through the command a user types."""

import json

import pytest

ROWS = ["red silk scarf", "blue silk scarf", "steel cooking pot", "steel cooking pan", "red silk scarf", "desk lamp"]


@pytest.fixture
def engine(tiny_networks, tmp_path, monkeypatch):
    """Train an engine with tiny networks and write it."""
    from aisle.engine.artifact_writer import write_artifact
    from aisle.product import Product
    from aisle.settings import Settings
    from aisle.train import engine_folder, train_engine

    tiny_networks(monkeypatch)
    products = [
        Product(id=str(n), title=f"{ROWS[n % 6]} {n}", category=(("Soft",) if "silk" in ROWS[n % 6] else ("Hard",)))
        for n in range(36)
    ]
    made = engine_folder(
        train_engine(products, settings=Settings(cache_dir=tmp_path / "cache", offline=True, threads=1))
    )
    write_artifact(tmp_path / "engine", made.files, about=made.about)
    return tmp_path / "engine"


def test_an_index_is_built_searched_and_looked_through(aisle, engine, tmp_path):
    table = tmp_path / "shop.csv"
    table.write_text("\n".join(["id,title", *(f"s{n},{title}" for n, title in enumerate(ROWS))]) + "\n")
    built = aisle("index", "build", engine, table, "--out", tmp_path / "index")
    assert built.exit_code == 0, built.stderr
    found = aisle("index", "search", tmp_path / "index", engine, table, "-k", "2")
    assert found.exit_code == 0, found.stderr
    lines = [json.loads(line) for line in found.stdout.splitlines()]
    assert [line["id"] for line in lines] == [f"s{n}" for n in range(6)]
    assert {near["id"] for near in lines[0]["nearest"]} == {"s0", "s4"}
    assert all(len(line["nearest"]) == 2 for line in lines)
    doubled = aisle("index", "duplicates", tmp_path / "index", "--at-least", "0.999")
    groups = [{each["id"] for each in json.loads(line)["products"]} for line in doubled.stdout.splitlines()]
    assert {"s0", "s4"} in groups


def test_a_damaged_index_is_refused(aisle, engine, tmp_path):
    table = tmp_path / "shop.csv"
    table.write_text("id,title\n1,red silk scarf\n")
    assert aisle("index", "build", engine, table, "--out", tmp_path / "index").exit_code == 0
    vectors = next((tmp_path / "index").glob("vectors-*"))
    vectors.write_bytes(vectors.read_bytes()[:-2])
    done = aisle("index", "search", tmp_path / "index", engine, table)
    assert done.exit_code == 1
    assert "Traceback" not in done.stderr
    assert "index" in done.stderr
