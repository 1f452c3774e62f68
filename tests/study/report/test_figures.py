"""Figures as SVG that stands alone."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from aisle.study.report.figures import figures
from aisle.study.report.maps import colour_categories, colour_clusters, sample_products
from aisle.study.report.matrix import make_matrix

SVG = "{http://www.w3.org/2000/svg}"


def points(drawing: str) -> list[ElementTree.Element]:
    return [element for element in ElementTree.fromstring(drawing).iter() if "data-p" in element.attrib]  # noqa: S314


def test_every_figure_is_well_formed_and_saves_itself(study, tmp_path):
    found = figures(*study(categories=("A & B", '<"x">', "C")))
    assert {"ari", "classifier", "confusion:1", "map:2:category", "map:2:cluster"} <= found.keys()
    for name, figure in found.items():
        path = figure.save(tmp_path / f"{name.replace(':', '-')}.svg")
        root = ElementTree.parse(path).getroot()  # noqa: S314
        assert root.tag == f"{SVG}svg"
        assert figure._repr_svg_() == figure.svg
    assert isinstance(path, Path)


def test_what_was_not_measured_is_not_drawn(study):
    summary, details = study()
    found = figures(summary | {"features": [], "fused": [], "classifier": []}, details | {"maps": []})
    assert list(found) == ["confusion:0", "confusion:1"]


def test_the_dot_stands_where_the_mean_is(study):
    summary, details = study(modalities=("text",), original=False, unreachable=())
    summary["features"] = [row | {"ari_mean": 0.5, "ari_std": 0.1} for row in summary["features"][:1]]
    root = ElementTree.fromstring(figures(summary, details)["ari"].svg)  # noqa: S314
    marks = {mark.get("class"): mark for mark in root.iter(f"{SVG}circle") if float(mark.get("cy", 0)) > 40}
    ends = next(
        mark for mark in root.iter(f"{SVG}line") if mark.get("class") == "span" and float(mark.get("y1", 0)) > 40
    )
    grid = sorted({float(mark.get("x1", 0)) for mark in root.iter(f"{SVG}line") if mark.get("class") == "grid"})
    ticks = [float(t.text or 0) for t in root.iter(f"{SVG}text") if re.fullmatch(r"\d(\.\d+)?", t.text or "")]
    at = grid[0] + (grid[-1] - grid[0]) * (0.5 - ticks[0]) / (ticks[-1] - ticks[0])
    dot = float(marks["dot"].get("cx", 0))
    assert dot == pytest.approx(at, abs=0.2)
    assert dot == pytest.approx((float(ends.get("x1", 0)) + float(ends.get("x2", 0))) / 2, abs=0.2)


def test_a_map_draws_each_product_once_and_leaves_out_those_without_place(study):
    found = figures(*study(products=70))
    assert len(points(found["map:0:category"].svg)) == 70
    assert len(points(found["map:1:cluster"].svg)) == 69
    assert {point.get("data-p") for point in points(found["map:0:cluster"].svg)} == {str(i) for i in range(70)}


def test_marks_differ_for_up_to_24_categories_and_the_rest_are_other():
    of = [index % 60 for index in range(600)] + [7] * 5
    colouring = colour_categories(of, [f"C{i}" for i in range(60)])
    slots = [key.slot for key in colouring.keys]
    assert len(slots) == len(set(slots)) == 24
    assert colouring.keys[0].name == "C7"
    assert colouring.keys[-1].name == "other (37)"
    assert sum(key.count for key in colouring.keys) == len(of)


def test_a_second_cluster_of_a_category_keeps_the_colour_and_changes_the_shape():
    colouring = colour_clusters([0, 1, 1, 2], ["Toys", "Toys (2)", "Books"], {"Books": 0, "Toys": 1})
    slots = {key.name: key.slot for key in colouring.keys}
    assert slots["Toys"] == 1
    assert slots["Books"] == 0
    assert slots["Toys (2)"] % 8 == 1
    assert slots["Toys (2)"] != 1


def test_a_sample_keeps_the_shares_of_the_categories():
    of = [0] * 900 + [1] * 90 + [2] * 10
    drawn = sample_products(of, most=100)
    assert [sum(of[index] == category for index in drawn) for category in range(3)] == [90, 9, 1]


def test_columns_follow_the_rows_they_match_and_no_count_is_lost():
    matrix = make_matrix(["a", "b"], ["b*", "a*"], [[1, 8], [9, 2]])
    assert matrix.columns == ("a*", "b*")
    assert matrix.counts == ((8, 1), (2, 9))
    many = [[10 + row if row == column else 1 for column in range(60)] for row in range(60)]
    names = [f"C{i}" for i in range(60)]
    merged = make_matrix(names, [f"{name} cluster" for name in names], many)
    assert sum(map(sum, merged.counts)) == sum(map(sum, many))
    assert len(merged.rows) == len(merged.columns) == 24
    assert merged.rows[:-1] == tuple(name.removesuffix(" cluster") for name in merged.columns[:-1])
