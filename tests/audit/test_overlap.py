"""When two categories overlap, and when labels are simply wrong: made-up confusions."""

import numpy as np

from aisle.audit.overlap import Rivals, find_overlaps
from aisle.heads.tree import CategoryTree

TREE = CategoryTree.grow([(name,) for name in "abcdef" for _ in range(100)])
SIZES = np.full(6, 100)


def rivals(*cases):
    """Make rivals of (given, rival, probability of the label, how many)."""
    rows = [(given, rival, share, 1 - share) for given, rival, share, count in cases for _ in range(count)]
    given, rival, for_given, for_rival = map(np.array, zip(*rows, strict=True))
    return Rivals(given, rival, for_given, for_rival)


def test_torn_in_both_directions_is_an_overlap():
    assert find_overlaps(rivals((0, 1, 0.6, 6), (1, 0, 0.7, 4)), SIZES, tree=TREE) == {(0, 1): False}


def test_torn_in_one_direction_is_none():
    assert find_overlaps(rivals((0, 1, 0.6, 20)), SIZES, tree=TREE) == {}


def test_lone_contradictions_are_wrong_labels():
    cases = [(one, other, 0.001, 1) for one in range(6) for other in range(6) if one != other]
    assert find_overlaps(rivals(*cases), SIZES, tree=TREE) == {}


def test_a_habit_of_filing_is_an_overlap_though_the_classifier_is_sure():
    cases = [(one, other, 0.001, 1) for one in range(6) for other in range(6) if one != other]
    found = find_overlaps(rivals(*cases, (2, 4, 0.001, 14)), SIZES, tree=TREE)
    assert found == {(2, 4): True}


def test_many_wrong_labels_between_two_categories_that_stand_alone_are_no_habit():
    two = CategoryTree.grow([(name,) for name in "ab" for _ in range(100)])
    assert find_overlaps(rivals((0, 1, 0.001, 8), (1, 0, 0.001, 8)), np.full(2, 100), tree=two) == {}


def test_the_strongest_overlap_comes_first():
    cases = (0, 1, 0.6, 4), (1, 0, 0.6, 4), (2, 3, 0.6, 9), (3, 2, 0.6, 9)
    assert list(find_overlaps(rivals(*cases), SIZES, tree=TREE)) == [(2, 3), (0, 1)]
