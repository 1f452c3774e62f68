"""The model card: what it says is what was measured, and it is inert whatever a catalogue holds."""

import json
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest

from aisle.heads.tree import CategoryTree
from aisle.train import engine_folder
from aisle.train.card import model_card
from aisle.train.card.words import markdown
from aisle.train.folder import taxonomy_version


@pytest.fixture(scope="module")
def folder(trained):
    return engine_folder(trained)


@pytest.fixture(scope="module")
def card(folder):
    return folder.files["README.md"].decode()


def test_it_is_the_same_every_time_and_names_no_time(folder, trained):
    again = engine_folder(trained)
    assert again.files == folder.files
    assert again.about == folder.about
    assert not re.search(rb"20\d\d-\d\d|\d\d:\d\d", folder.files["README.md"])


def test_its_figures_are_those_of_the_evaluation(folder, card):
    evaluation = json.loads(folder.files["evaluation.json"])
    for row in evaluation["subsets"]:
        share = row["figures"]["accuracy"]["level_1"]["share"]
        line = next(line for line in card.splitlines() if line.startswith(f"| {' + '.join(row['fields'])} |"))
        assert f"{100 * share:.1f} %" in line
    for heading in ("How good it is", "Answers at a precision", "Category by category", "Limits", "Made with"):
        assert f"\n## {heading}" in card
    assert "Apache-2.0" in card


def test_its_plots_are_drawings_that_need_nothing_else(folder, card):
    names = re.findall(r"\((plots/[a-z]+\.svg)\)", card)
    assert sorted(names) == ["plots/coverage.svg", "plots/reliability.svg", "plots/subsets.svg"]
    for name in names:
        root = ElementTree.fromstring(folder.files[name])  # noqa: S314 - our own
        assert root.tag.endswith("svg")
        assert b"href" not in folder.files[name]
        assert b"url(" not in folder.files[name]


def test_it_holds_no_text_of_a_product(card, trained):
    assert not any(product.title in card for product in trained.products)


def test_names_of_categories_are_inert():
    for text in ("a|b", "<img src=x>", "[x](http://y)", "*b*", "`c`", "&lt;", "line\nbreak\x1b[0m"):
        shown = markdown(text)
        assert "\n" not in shown
        assert "\x1b" not in shown
        assert not re.search(r"(?<!\\)[|<\[*`]|(?<!\\)&lt;", shown)
    assert markdown("Home Decor & Festive Needs > Mugs") == "Home Decor & Festive Needs > Mugs"


def test_a_hostile_taxonomy_keeps_the_tables_whole(folder):
    evaluation = json.loads(json.dumps(folder.knowledge.evaluation))
    for row in evaluation["subsets"]:
        row["figures"]["categories"][0]["category"] = ["A | B\n# <script>"]
    shown = model_card(replace(folder.knowledge, evaluation=evaluation))
    assert "\n# <script" not in shown
    line = next(line for line in shown.splitlines() if "script>" in line)
    assert len(re.findall(r"(?<!\\)\|", line)) == 8


def test_without_figures_it_says_so(folder):
    shown = model_card(replace(folder.knowledge, evaluation={}))
    assert "nothing is known of its accuracy" in shown


def test_the_version_of_a_taxonomy_changes_with_its_names_alone():
    tree = CategoryTree.grow([("A", "B")] * 5 + [("C",)] * 5)
    same = CategoryTree.grow([("C",)] * 9 + [("A", "B")] * 7)
    other = CategoryTree.grow([("A", "D")] * 5 + [("C",)] * 5)
    assert re.fullmatch(r"[0-9a-f]{12}", taxonomy_version(tree.paths))
    assert taxonomy_version(tree.paths) == taxonomy_version(same.paths) != taxonomy_version(other.paths)


def test_the_manifest_says_what_made_it(folder):
    assert set(folder.about) == {"taxonomy", "decode", "encoders", "aisle"}
    assert set(folder.about["encoders"]) == {"text", "photo"}
