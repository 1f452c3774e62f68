"""The evaluation of an engine on what was held out while it learned."""

import numpy as np
import pytest

from aisle.heads.fused import pooled_log_probability
from aisle.heads.pool import fit_pool
from aisle.heads.thresholds import Threshold, certify
from aisle.train.evaluation import conformal_sets, held_out_evaluation
from aisle.train.limits import limits_of


@pytest.fixture(scope="module")
def evaluation(trained):
    return held_out_evaluation(trained)


def row_of(evaluation, *fields):
    return next(row for row in evaluation["subsets"] if row["fields"] == list(fields))


def test_every_set_of_fields_is_judged_on_the_products_that_have_it(evaluation, trained):
    photos = sum(product.photo is not None for product in trained.products)
    sizes = {tuple(row["fields"]): row["figures"]["products"] for row in evaluation["subsets"]}
    assert sizes == {("title",): 80, ("photo",): photos, ("title", "photo"): photos}


def test_accuracy_is_that_of_the_scores_held_out(evaluation, trained):
    tree, held_out = trained.fit.classifier.tree, trained.fit.held_out[("title",)]
    tops = [place for place, path in enumerate(tree.paths) if len(path) == 1]
    right = sum(
        tree.paths[tops[int(row[tops].argmax())]] == product.category[:1]
        for row, product in zip(held_out, trained.products, strict=True)
    )
    assert row_of(evaluation, "title")["figures"]["accuracy"]["level_1"]["right"] == right
    assert 30 < right < 80  # three top categories: better than chance, and not perfect


def test_before_calibration_is_the_product_of_what_each_expert_says_by_itself(evaluation, trained):
    fit, tree = trained.fit, trained.fit.classifier.tree
    members = fit.classifier.members(("title",))
    assert len(members) == 2
    alone = []
    for place in members:
        scores = fit.scores[place : place + 1]
        alone.append(pooled_log_probability(scores, fit_pool(scores, fit.terminals, tree=tree), tree=tree))
    tops = np.flatnonzero(tree.depths == 1)[: len({path[0] for path in tree.paths})]
    product = np.exp(alone[0][:, tops] + alone[1][:, tops])
    product /= product.sum(axis=1, keepdims=True)
    truth = [
        int(np.flatnonzero([tree.paths[top] == item.category[:1] for top in tops])[0]) for item in trained.products
    ]
    nll = float(-np.log(product[np.arange(len(truth)), truth]).mean())
    assert row_of(evaluation, "title")["figures"]["calibration"]["before"]["level_1"]["nll"] == pytest.approx(
        nll, abs=1e-4
    )


def test_thresholds_are_those_that_the_engine_answers_by(evaluation, trained):
    for row in evaluation["subsets"]:
        counts = trained.fit.classifier.pools[tuple(row["fields"])].counts
        for found in row["certified"]:
            rule = certify(counts, precision=found["precision"])
            assert found["threshold"] == (rule.threshold if isinstance(rule, Threshold) else None)
            if found["threshold"] is None:
                assert found["reason"] == rule.reason
            else:
                assert sum(found["by_depth"]) == found["answered"] == rule.answered


def test_the_asked_precision_is_told_of(trained):
    asked = [found["precision"] for found in held_out_evaluation(trained)["subsets"][0]["certified"]]
    assert asked == [0.9, 0.95, 0.98, 0.99]
    assert held_out_evaluation(trained)["precision"] == 0.9


def test_controls_are_judged_on_the_same_products(evaluation, trained):
    controls = evaluation["controls"]
    photos = sum(product.photo is not None for product in trained.products)
    assert controls["products"] == photos
    right = {row["name"]: row["level_1"]["right"] for row in controls["rows"]}
    assert {row["level_1"]["of"] for row in controls["rows"]} == {photos}
    paired = controls["paired"]
    assert right["everything"] - right["text alone"] == paired["photo_helps"] - paired["photo_harms"]


def test_products_that_joined_are_not_judged(trained):
    found = held_out_evaluation(trained, own=30)
    assert row_of(found, "title")["figures"]["products"] == 30
    assert limits_of(trained, own=30)["joined"] == 50


def test_sets_hold_the_truth_as_often_as_asked():
    from aisle.heads.tree import CategoryTree

    tree = CategoryTree.grow([("A",), ("B",), ("C",)])
    rng = np.random.default_rng(4)
    shares = rng.dirichlet([0.7] * 3, size=4000)
    truths = [tree.paths[rng.choice(3, p=row)] for row in shares]
    found = conformal_sets(np.log(shares), truths, tree=tree)
    assert {(row["asked"], row["class_wise"]) for row in found} == {
        (0.9, False),
        (0.9, True),
        (0.95, False),
        (0.95, True),
    }
    for row in found:
        assert row["coverage"]["of"] == 4000
        assert row["coverage"]["share"] >= row["asked"] - 0.02
        assert 1 <= row["mean_size"] <= 3


def test_limits_are_counted(trained):
    found = limits_of(trained)
    assert found["folded"] == {"categories": 0, "products": 0}
    assert found["few_count"] == found["photos_unreadable"] == found["joined"] == 0
