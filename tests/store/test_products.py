"""Products come back as they were posted, and are filed."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from tests.posted import NOW, WRIST, product

from aisle.errors import NotFoundError, StoreError
from aisle.store.photos import note_photo
from aisle.store.products import find_by_reference, find_product, find_products, keep_product, set_category

HOSTILE = ["'; DROP TABLE products; --", 'a "quote" \\ %_', "\u202eright to left", "<script>alert(1)</script>", "é😀"]


def test_a_product_comes_back_as_it_was_posted(database):
    sha = "a" * 64
    posted = product(
        reference="SKU-1",
        description="steel",
        attributes={"brand": "Acme", "size": "42"},
        photo=sha,
        volume=12.5,
        category=WRIST,
        decided_by="engine",
        changed_at=NOW + 1,
    )
    with database.write() as c:
        note_photo(c, sha=sha, size=10, now=NOW)
        keep_product(c, posted)
    with database.read() as c:
        assert find_product(c, id="p1") == posted
        assert find_by_reference(c, reference="SKU-1", owner="seller") == posted
        assert find_by_reference(c, reference="SKU-1", owner="another") is None
        assert find_products(c, ids=["p1", "nobody's"]) == {"p1": posted}


def test_text_is_data(database):
    with database.write() as c:
        for number, text in enumerate(HOSTILE):
            given = {"title": text, "description": text, "reference": text, "attributes": {text: text}}
            keep_product(c, product(f"h{number}", **given))
            assert find_by_reference(c, reference=text, owner="seller") == product(f"h{number}", **given)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(), max_size=30))
def test_any_text_is_kept_with_unstorable_characters_replaced(database, text):
    expected = "".join("\ufffd" if char == "\0" or "\ud800" <= char <= "\udfff" else char for char in text)
    with database.write() as c:
        keep_product(c, product(f"x{abs(hash(text))}", title=text, attributes={"a": text}))
        found = find_product(c, id=f"x{abs(hash(text))}")
        c.rollback()
    assert (found.title, found.attributes) == (expected, {"a": expected})


def test_a_reference_is_the_owners_own(database):
    with database.write() as c:
        keep_product(c, product("p1", reference="SKU"))
        keep_product(c, product("p2", reference="SKU", owner="another"))
        with pytest.raises(StoreError, match="'SKU' of this owner is kept already"):
            keep_product(c, product("p3", reference="SKU"))
        with pytest.raises(StoreError, match="p1 of this owner is kept already"):
            keep_product(c, product("p1"))


def test_products_without_a_reference_are_many(database):
    with database.write() as c:
        keep_product(c, product("p1"))
        keep_product(c, product("p2"))
        assert find_product(c, id="p2").reference is None


def test_a_photo_must_be_known(database):
    with pytest.raises(IntegrityError), database.write() as c:
        keep_product(c, product(photo="b" * 64))


def test_a_product_is_filed_and_taken_out_again(database):
    with database.write() as c:
        keep_product(c, product())
        set_category(c, id="p1", path=WRIST, decided_by="person", now=NOW + 5)
        filed = find_product(c, id="p1")
        set_category(c, id="p1", path=None, decided_by=None, now=NOW + 6)
        out = find_product(c, id="p1")
    assert (filed.category, filed.decided_by, filed.changed_at) == (WRIST, "person", NOW + 5)
    assert (out.category, out.decided_by, out.changed_at, out.created_at) == (None, None, NOW + 6, NOW)


def test_what_is_not_there_is_said(database):
    with database.write() as c:
        with pytest.raises(NotFoundError, match="no product 'gone'"):
            find_product(c, id="gone")
        with pytest.raises(NotFoundError, match="no product 'gone'"):
            set_category(c, id="gone", path=WRIST, decided_by="person", now=NOW)


def test_more_products_than_one_statement_names(database):
    with database.write() as c:
        for number in range(1203):
            keep_product(c, product(f"p{number}"))
        found = find_products(c, ids=[f"p{number}" for number in range(1203)])
    assert len(found) == 1203
