"""``aisle train``: an engine, a summary, and nothing lost."""

import json

import pytest


@pytest.fixture(autouse=True)
def tiny(tiny_networks, monkeypatch):
    tiny_networks(monkeypatch)


@pytest.fixture
def train(aisle, shop):
    """Train on the shop of 24 products, one row of which is bad."""

    def run(*words):
        return aisle("train", shop, "--out", "engine", *words)

    return run


def test_it_writes_an_engine_that_can_be_loaded_and_says_so(train, nobody, tmp_path):
    from aisle.engine import load_engine

    done = train("--precision", "0.9")
    assert done.exit_code == 3  # one row was set aside
    engine = load_engine("engine")
    assert done.stdout.startswith(f"Engine {engine.fingerprint}: 2 categories")
    assert engine.precision == 0.9
    assert "Right on products held out" in done.stdout
    assert "Answered when right at least" in done.stdout
    assert "columns not used: price" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "engine/README.md" in done.stdout
    about = json.loads((tmp_path / "work/engine/manifest.json").read_text())["about"]
    assert set(about) == {"taxonomy", "decode", "encoders", "aisle"}


def test_rows_set_aside_lie_beside_the_engine(train, tmp_path):
    done = train()
    lines = (tmp_path / "work/engine.quarantine.csv").read_text().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("25,")
    assert "engine.quarantine.csv" in done.stdout


def test_json_is_the_evaluation_and_talk_goes_elsewhere(train, tmp_path):
    done = train("--json")
    assert json.loads(done.stdout) == json.loads((tmp_path / "work/engine/evaluation.json").read_text())
    assert "Written in" in done.stderr


def test_the_same_catalogue_gives_the_same_bytes(aisle, shop, tmp_path):
    for name in ("one", "two"):
        aisle("train", shop, "--out", name)
    files = [
        {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
        for folder in (tmp_path / "work/one", tmp_path / "work/two")
    ]
    assert files[0] == files[1]
    assert {"README.md", "plots/reliability.svg", "evaluation.json"} <= files[0].keys()


def test_other_products_join(train, tmp_path):
    rows = [f"{'Home' if n % 2 else 'Garden'},{'teacup' if n % 2 else 'spade'} number{n}" for n in range(30)]
    (tmp_path / "more.csv").write_text("\n".join(["category,title", *rows, "Music,flute"]))
    done = train("--extra", tmp_path / "more.csv", "--level", "1")
    said = " ".join(done.stdout.split())
    assert "trained on 54 products" in said
    assert "1 of 31 products of --extra" in said
    evaluation = json.loads((tmp_path / "work/engine/evaluation.json").read_text())
    assert evaluation["subsets"][0]["figures"]["products"] == 24  # those of the catalogue alone


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--precision", "1"], "between 0 and 1"),
        (["--precision", "98"], "0.98"),
        (["--level", "1", "--leaf"], "not together with --level"),
        (["--level", "0"], "--level"),
    ],
)
def test_wrong_use_is_told_before_the_work(train, tmp_path, words, said):
    done = train(*words)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
    assert not (tmp_path / "work/engine").exists()


def test_no_folder_is_overwritten_that_is_no_engine(train, tmp_path):
    folder = tmp_path / "work/engine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    done = train()
    assert done.exit_code == 1
    assert "Nothing was changed" in done.stderr
    assert (folder / "thesis.txt").read_text() == "years of work"


def test_an_engine_is_replaced(train):
    assert train().exit_code == train("--seed", "1").exit_code == 3


def test_the_catalogues_own_folder_is_refused(aisle, shop):
    done = aisle("train", shop, "--out", shop)
    assert done.exit_code == 2
    assert "catalogue" in done.stderr
    assert (shop / "products.csv").exists()


def test_a_catalogue_without_labels_says_what_to_do(aisle, tmp_path):
    (tmp_path / "plain.csv").write_text("id,title\n" + "\n".join(f"{n},thing {n}" for n in range(20)))
    done = aisle("train", tmp_path / "plain.csv", "--out", "engine")
    assert done.exit_code == 1
    assert "category" in done.stderr
