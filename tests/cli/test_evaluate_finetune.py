"""``aisle evaluate --finetune``: what is handed on, printed, counted and refused."""

import json

import pytest
from tests.tiny_tuning import make_shop, put_networks, write_shop

needs_torch = pytest.mark.torch
QUICK = ("--finetune", "--folds", 2, "--modality", "text", "--epochs", 1, "--batch", 8)


@pytest.fixture
def catalog(tmp_path):
    return write_shop(tmp_path / "my shop", make_shop(count=60, photos=False))


@pytest.fixture
def networks(monkeypatch, tmp_path):
    put_networks(monkeypatch, tmp_path / "networks")


@pytest.mark.parametrize(
    "words",
    [
        ["--modality", "text"],
        ["--joint"],
        ["--epochs", "2"],
        ["--validation", "0.3"],
        ["--batch", "8"],
        ["--device", "cpu"],
        ["--pretune", "others"],
    ],
)
def test_options_of_tuning_need_tuning(aisle, catalog, words):
    done = aisle("evaluate", catalog, "--cross-validate", *words)
    assert done.exit_code == 2
    assert "only with --finetune" in done.stderr
    assert words[0] in done.stderr


@needs_torch
def test_what_tuning_adds_is_told_by_cross_validation(aisle, catalog, networks, tmp_path):
    done = aisle("evaluate", catalog, *QUICK, "--out", "found", AISLE_THREADS="1")
    assert done.exit_code == 0, done.stderr
    assert "gained, paired by fold" in done.stdout
    assert "frozen   tuned" in done.stdout
    assert "fold 1 of 2: " in done.stderr
    assert "Set aside" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    found = json.loads((tmp_path / "work/found/evaluation.json").read_text())
    rows = [line for line in done.stdout.splitlines() if line.endswith("points")]
    assert len(rows) == len(found["differences"])
    for row, gain in zip(rows, found["differences"], strict=True):
        assert f"{100 * gain['level_1']['mean']:+.1f} [" in row
    assert found["how"]["repeats"] == 1


@needs_torch
def test_the_depth_is_that_of_the_tuning_too(aisle, catalog, networks):
    done = aisle("evaluate", catalog, *QUICK, "--level", 1, "--json", AISLE_THREADS="1")
    found = json.loads(done.stdout)
    assert found["how"]["level"] == found["tuning"]["options"]["level"] == 1


@needs_torch
def test_what_was_set_aside_is_counted_and_told(aisle, catalog, networks, tmp_path):
    places = {"pretune": tmp_path / "others", "extra": tmp_path / "more"}
    write_shop(places["pretune"], make_shop(count=40, seed=4, photos=False))
    write_shop(places["extra"], make_shop(count=30, seed=5, photos=False))
    rows = (catalog / "products.jsonl").read_text().splitlines()
    with (places["pretune"] / "products.jsonl").open("a") as file:
        file.write(f'{rows[0].replace("p0", "own")}\n{{"id": "cut"\n{{"id": "cut"\n')
    with (places["extra"] / "products.jsonl").open("a") as file:
        file.write('{"id": "cut"\n')
    with (catalog / "products.jsonl").open("a") as file:
        file.write("\n".join(row.replace('"id": "p', '"id": "twin') for row in rows[:6]) + "\n")
    words = [*QUICK, "--pretune", places["pretune"], "--extra", places["extra"], "--seed", 1, "--out", "found"]
    done = aisle("evaluate", catalog, *words, AISLE_THREADS="1")
    assert done.exit_code == 3, done.stderr
    for name, count in (("pretune", 2), ("extra", 1)):
        assert f"{count} rows of {places[name]} were set aside; `aisle check {places[name]}` says why" in done.stderr
    found = json.loads((tmp_path / "work/found/evaluation.json").read_text())
    assert found["bad_rows"] == {"catalog": 0, "extra": 1, "pretune": 2}
    assert found["tuning"]["pretune"] == {"given": 41, "used": 40, "learned_from": 36}
    assert 0 < found["copies"] <= 12
    said = " ".join(done.stdout.split())
    assert "texts first on 40 of 41 products of --pretune" in said
    assert "Set aside: rows that no product can be made of (1 of --extra, 2 of --pretune); " in said
    assert f"; {found['copies']} test products, over all folds, with the very words of a training product." in said
    assert max(map(len, done.stdout.splitlines())) <= 80


@needs_torch
def test_photos_alone_are_tuned_to_no_other_catalogue(aisle, catalog, monkeypatch):
    monkeypatch.setattr("aisle.catalog.read_catalog", None)
    done = aisle("evaluate", catalog, "--finetune", "--modality", "photo", "--pretune", "x")
    assert done.exit_code == 2
    assert "only texts are tuned to other catalogues" in " ".join(done.stderr.replace("│", " ").split())


@pytest.mark.parametrize(
    ("went_on", "said"),
    [
        ([False, False], "6 s a fold."),
        ([False, True], "4 s a fold, not counting 1 that went on from a run that was stopped."),
        ([True, True], "every fold went on from a run that was stopped, so nothing is known of their time."),
    ],
)
def test_seconds_are_of_folds_that_were_tuned_in_one_go(capsys, went_on, said):
    from aisle.cli.evaluate_report import _print_gains

    tuning = {"seconds": [4.0, 8.0], "went_on": went_on, "pretune": None}
    _print_gains({"tuning": tuning, "subsets": [], "frozen": [], "differences": []})
    assert said in " ".join(capsys.readouterr().out.split())
