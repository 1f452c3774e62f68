"""``aisle evaluate``: what is judged, what is said, and what cannot be meant."""

import json
import shutil

import pytest


@pytest.fixture(autouse=True)
def tiny(tiny_networks, monkeypatch):
    tiny_networks(monkeypatch)


@pytest.fixture
def engine(aisle, shop, tmp_path):
    assert aisle("train", shop, "--out", "engine").exit_code == 3
    return tmp_path / "work/engine"


@pytest.fixture
def others(tmp_path):
    """Twelve products of the shop's categories that it does not have, four that it has, and two of another."""
    rows = [
        f"n{n},new {['blue', 'red'][n % 2]} object {n},{'Home > Mugs' if n % 2 else 'Garden > Pots'}" for n in range(12)
    ]
    rows += [f"{n},{['blue', 'red', 'tall', 'flat'][n % 4]} thing {n},{'Home > Mugs' if n % 2 else 'Garden > Pots'}"
             for n in range(4)]  # fmt: skip
    rows += ["m1,violin bow,Music > Strings", "m2,drum stick,Music"]
    path = tmp_path / "others.csv"
    path.write_text("\n".join(["id,title,category", *rows]))
    return path


def test_products_of_the_training_are_left_out(aisle, engine, others):
    done = aisle("evaluate", engine, others, "--json")
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert (found["products"], found["seen"], found["judged"]) == (18, 4, 14)
    assert found["unknown"]["top"] == [{"category": "Music", "products": 2}]
    shown = aisle("evaluate", engine, others)
    assert "4 of 18 products were in the training data: figures on the other 14" in " ".join(shown.stdout.split())
    assert "Music (2)" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


def test_where_all_were_seen_it_says_so_plainly(aisle, engine, shop, tmp_path):
    done = aisle("evaluate", engine, shop)
    assert done.exit_code == 3  # the row that is no product
    assert "All 24 products were in the training data" in done.stdout
    assert "NOT held out" in done.stdout
    assert (tmp_path / "work/my shop.quarantine.csv").exists()
    (shop / "products.csv").write_text("\n".join((shop / "products.csv").read_text().splitlines()[:-1]))
    assert aisle("evaluate", engine, shop).exit_code == 0


def test_out_holds_figures_and_plots(aisle, engine, others, tmp_path):
    done = aisle("evaluate", engine, others, "--out", "found", "--precision", "0.8")
    assert done.exit_code == 0
    found = tmp_path / "work/found"
    assert json.loads((found / "evaluation.json").read_text())["precision"] == 0.8
    assert (found / "coverage.svg").read_text().startswith("<svg")
    assert (found / "reliability.svg").exists()


def test_a_catalogue_alone_can_be_cross_validated(aisle, shop, tmp_path):
    done = aisle("evaluate", shop, "--cross-validate", "--folds", 3, "--repeats", 1, "--level", 1, "--out", "found",
                 AISLE_THREADS="1")  # fmt: skip
    assert done.exit_code == 3
    assert "3-fold" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "By --tier" in done.stdout
    found = json.loads((tmp_path / "work/found/evaluation.json").read_text())
    assert found["products"] == 24
    assert found["how"]["level"] == 1
    assert (tmp_path / "work/found/accuracy.svg").exists()
    assert (tmp_path / "work/found/my shop.quarantine.csv").exists()


def test_others_that_join_are_reported_apart(aisle, shop, tmp_path):
    rows = [f"{'Home' if n % 2 else 'Garden'},{'teacup' if n % 2 else 'spade'} number{n}" for n in range(30)]
    (tmp_path / "more.csv").write_text("\n".join(["category,title", *rows]))
    done = aisle("evaluate", shop, "--cross-validate", "--folds", 2, "--repeats", 1, "--level", 1,
                 "--extra", tmp_path / "more.csv", AISLE_THREADS="1")  # fmt: skip
    assert "The same with 30 of 30 products of --extra joining the training" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["CATALOG"], "aisle evaluate CATALOG --cross-validate"),
        (["ENGINE"], "aisle evaluate ENGINE CATALOG"),
        (["CATALOG", "ENGINE"], "the engine comes first: aisle evaluate ENGINE CATALOG"),
        (["ENGINE", "--cross-validate"], "needs a catalogue alone"),
        (["ENGINE", "CATALOG", "--cross-validate"], "needs a catalogue alone"),
        (["CATALOG", "--cross-validate", "--precision", "0.9"], "not with --cross-validate"),
        (["CATALOG", "--cross-validate", "--level", "1", "--leaf"], "not together with --level"),
        (["ENGINE", "CATALOG", "--folds", "3"], "only with --cross-validate"),
        (["ENGINE", "CATALOG", "--grouped"], "only with --cross-validate"),
        (["ENGINE", "CATALOG", "--precision", "1.5"], "between 0 and 1"),
        (["ENGINE", "CATALOG", "--out", "CATALOG"], "catalogue's own folder"),
    ],
)
def test_what_cannot_be_meant_is_told_with_what_to_type(aisle, shop, tmp_path, words, said):
    engine = tmp_path / "an engine"
    engine.mkdir()
    (engine / "manifest.json").write_text("{}")
    named = {"ENGINE": str(engine), "CATALOG": str(shop)}
    done = aisle("evaluate", *(named.get(word, word) for word in words))
    assert done.exit_code == 2
    shown = " ".join(done.stderr.replace(str(engine), "ENGINE").replace(str(shop), "CATALOG").split())
    assert said in shown


def test_a_folder_that_is_no_engine_gives_one_line(aisle, engine, others):
    shutil.rmtree(engine / "plots")
    done = aisle("evaluate", engine, others)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")
    assert aisle("evaluate", "nowhere", others).exit_code == 1
