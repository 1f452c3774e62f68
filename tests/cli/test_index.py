"""``aisle index``: built from a table, searched, and near-duplicates listed; through the command a user types."""

import fcntl
import json
import os

import pytest

ROWS = ["red silk scarf", "blue silk scarf", "steel cooking pot", "steel cooking pan", "red silk scarf", "desk lamp"]


@pytest.fixture
def make_engine(tiny_networks, tmp_path, monkeypatch):
    """Return a function that trains an engine with tiny networks and writes it."""
    from aisle.engine.artifact_writer import write_artifact
    from aisle.product import Product
    from aisle.settings import Settings
    from aisle.train import engine_folder, train_engine

    tiny_networks(monkeypatch)

    def make(name, *, count=36):
        products = [
            Product(id=str(n), title=f"{ROWS[n % 6]} {n}", category=(("Soft",) if "silk" in ROWS[n % 6] else ("Hard",)))
            for n in range(count)
        ]
        settings = Settings(cache_dir=tmp_path / "cache", offline=True, threads=1)
        made = engine_folder(train_engine(products, settings=settings))
        write_artifact(tmp_path / name, made.files, about=made.about)
        return tmp_path / name

    return make


@pytest.fixture
def engine(make_engine):
    return make_engine("engine")


@pytest.fixture
def shop(tmp_path):
    table = tmp_path / "shop.csv"
    table.write_text("\n".join(["id,title,category", *(f"s{n},{title},C{n}" for n, title in enumerate(ROWS))]) + "\n")
    return table


@pytest.fixture
def index(aisle, engine, shop, tmp_path):
    built = aisle("index", "build", engine, shop, "--out", tmp_path / "index")
    assert built.exit_code == 0, built.stderr
    return tmp_path / "index"


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


def test_what_is_found_bears_its_title_and_category(aisle, engine, index, shop):
    found = aisle("index", "search", index, engine, shop, "-k", "1")
    third = json.loads(found.stdout.splitlines()[2])
    assert third["nearest"] == [{"id": "s2", "title": "steel cooking pot", "category": "C2", "similarity": 1.0}]


def test_no_more_is_found_than_there_is(aisle, engine, index, shop):
    found = aisle("index", "search", index, engine, shop, "-k", "50")
    assert {len(json.loads(line)["nearest"]) for line in found.stdout.splitlines()} == {len(ROWS)}


def test_another_engine_is_refused_with_what_to_type(aisle, make_engine, index, shop):
    done = aisle("index", "search", index, make_engine("another", count=42), shop)
    assert done.exit_code == 1
    assert not done.stdout
    assert f"aisle index build ENGINE PRODUCTS --out {index}" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["search", "nowhere", "ENGINE", "SHOP"], 1, "there is no index at nowhere; `aisle index build"),
        (["search", "ENGINE", "ENGINE", "SHOP"], 1, "there is no index at"),
        (["search", "INDEX", "nowhere", "SHOP"], 1, "nowhere"),
        (["search", "INDEX", "ENGINE", "nowhere.csv"], 1, "nowhere.csv"),
        (["search", "INDEX", "ENGINE", "SHOP", "-k", "0"], 2, "-k"),
        (["duplicates", "INDEX", "--at-least", "0"], 2, "not above 0"),
        (["duplicates", "INDEX", "--at-least", "1.5"], 2, "at most 1"),
        (["duplicates", "INDEX", "--at-least", "nan"], 2, "not above 0"),
        (["build", "ENGINE", "SHOP", "--out", "SHOP"], 2, "is a file"),
        (["build", "ENGINE", "SHOP", "--out", "ENGINE"], 2, "holds an engine"),
        (["build", "ENGINE", "nowhere.csv", "--out", "new"], 1, "nowhere.csv"),
    ],
)
def test_what_cannot_be_is_told_in_a_line(aisle, engine, index, shop, words, code, said):
    before = {path.name: path.read_bytes() for path in index.iterdir()}
    names = {"ENGINE": engine, "INDEX": index, "SHOP": shop}
    done = aisle("index", *(names.get(word, word) for word in words))
    assert done.exit_code == code, done.stderr
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert {path.name: path.read_bytes() for path in index.iterdir()} == before


def test_while_one_is_built_there_nobody_else_builds(aisle, engine, index, shop):
    handle = os.open(index, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    done = aisle("index", "build", engine, shop, "--out", index)
    os.close(handle)
    assert done.exit_code == 1
    assert "another index is being built" in done.stderr
    assert aisle("index", "build", engine, shop, "--out", index).exit_code == 0


def test_what_a_kill_has_left_is_swept_and_the_index_stays(aisle, engine, index, shop):
    (index / ".vectors.0123456789abcdef.part").write_bytes(b"half")
    assert aisle("index", "search", index, engine, shop).exit_code == 0
    assert aisle("index", "build", engine, shop, "--out", index).exit_code == 0
    assert not list(index.glob(".*"))


def test_rows_that_are_no_products_are_set_aside(aisle, engine, tmp_path):
    (tmp_path / "odd.csv").write_text("id,title\n1,red silk scarf\n2,\n3,desk lamp,too,many\n")
    done = aisle("index", "build", engine, tmp_path / "odd.csv", "--out", tmp_path / "odd")
    assert done.exit_code == 3
    assert "rows quarantined" in done.stderr
    assert (tmp_path / "odd.quarantine.csv").exists()


def test_where_there_are_no_products_no_folder_is_left(aisle, engine, tmp_path):
    (tmp_path / "none.csv").write_text("id,title\n")
    done = aisle("index", "build", engine, tmp_path / "none.csv", "--out", tmp_path / "none")
    assert done.exit_code == 1
    assert "no products to index" in done.stderr
    assert not (tmp_path / "none").exists()
