"""``aisle sample``: what was drawn, and what to type next."""

import json
import re


def test_what_was_planted_is_told(aisle, tmp_path):
    folder = tmp_path / "my shop"
    done = aisle("sample", folder, "--products", "24", "--seed", "5")
    assert done.exit_code == 0
    truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    assert f"Drew 24 products in 7 categories, {truth['rows']} rows" in done.stdout
    told = {int(n): what for n, what in re.findall(r"^ +(\d+) (.*rows.*)$", done.stdout, re.MULTILINE)}
    assert told == {len(truth["bad_rows"]): "rows that no product can be made of"}
    assert done.stdout.rstrip().endswith(f"aisle check '{folder}'")


def test_too_small_a_sample_and_an_occupied_folder(aisle, tmp_path):
    assert "ask for 14 or more" in aisle("sample", tmp_path / "a", "--products", "3").stderr
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "thesis.txt").write_text("mine")
    done = aisle("sample", tmp_path / "b")
    assert done.exit_code == 1
    assert "is not empty" in done.stderr
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["thesis.txt"]
