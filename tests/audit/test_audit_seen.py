"""A label that an encoder has learned from is not judged: it would always look right, or wrong, as it was learned."""

from dataclasses import replace

import numpy as np
import pytest

from aisle.audit.report import render_audit
from aisle.encode.seen import training_keys
from aisle.engine.gather import find_encoders
from aisle.errors import AuditError
from aisle.settings import Settings


@pytest.fixture
def encoders(own_encoder, shop, tmp_path):
    """Return a function: text encoders that know every word, and have seen some products."""

    def make(seen):
        words = sorted({word for item in shop for word in f"{item.title} {item.description}".split()})
        rng = np.random.default_rng(1)
        vectors = {word: rng.standard_normal(16) for word in words}
        folder = own_encoder.text(tmp_path / "tuned", vectors, seen=training_keys(seen))
        return find_encoders(text=str(folder), photo=None, settings=Settings(cache_dir=tmp_path, offline=True))

    return make


def test_labels_that_an_encoder_has_seen_are_not_ranked_and_are_counted(audited, shop, wrong, encoders):
    known = [item for item in shop if item.id in ("Kitchen-Mugs-5", "Watches-7")]
    found = audited(shop, encoders=encoders(known))
    suspects = {suspect.id for suspect in found.suspects}
    assert "Garden-9" in suspects
    assert not suspects & {"Kitchen-Mugs-5", "Watches-7"}
    # The twin of a product is known by its text, too: it has the same title and description.
    assert (found.seen, found.unjudged) == (3, 0)
    assert found.summary()["seen"] == 3
    assert "An encoder has learned from 3 products" in render_audit(found, top=10)


def test_an_encoder_that_has_seen_nothing_changes_nothing(audited, shop, wrong, encoders):
    found = audited(shop, encoders=encoders([]))
    assert set(wrong) <= {suspect.id for suspect in found.suspects}
    assert found.seen == 0


@pytest.mark.parametrize("left", [0, 19])
def test_too_few_that_were_not_seen_are_refused(audited, shop, encoders, left):
    labelled = [item for item in shop if item.category and item.id != "twin"]
    with pytest.raises(AuditError, match=f"{left} are left.*not tuned on this catalogue"):
        audited(labelled, encoders=encoders(labelled[left:]))


def test_one_category_left_is_refused(audited, shop, encoders):
    labelled = [item for item in shop if item.category and item.id != "twin"]
    renamed = [replace(item, category=("Rest",)) if place < 30 else item for place, item in enumerate(labelled)]
    with pytest.raises(AuditError, match="at least 20 of two categories"):
        audited(renamed, encoders=encoders(renamed[30:]))
