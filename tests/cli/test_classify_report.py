"""``aisle classify`` for one product: an answer that a person can read."""

import json
import unicodedata

import pytest


def test_one_product_for_a_person(classify, tmp_path):
    (tmp_path / "mug.jpg").write_bytes(b"no photo")
    done = classify("--title", "apple mug", "--brand", "Acme", "--photo", tmp_path / "mug.jpg")
    assert (done.exit_code, done.stderr) == (0, "")
    text = done.stdout
    assert text.split("\n\n")[0].strip() == "Home > Mugs"
    assert "98.8 % sure; accepted at the asked precision of 95.0 %." in text
    assert "The photo was not used" in text
    assert f"75.0 %  {'█' * 15}       Home > Mugs" in text
    assert f"12.5 %  {'█' * 2}▌" in text
    assert text.index("75.0 %  " + "█" * 15 + "       title") < text.index("25.0 %")
    assert "mug, blue" in text
    assert "0.88  Théière rouge" in text
    assert "Engine 0123456789ab" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


def test_the_engine_gets_what_was_typed(classify, fake_engine, tmp_path):
    (tmp_path / "mug.jpg").write_bytes(b"x")
    classify("--title", " Mug ", "--description", "Blue", "--brand", "Acme", "--photo", tmp_path / "mug.jpg",
        "--precision", "0.9")  # fmt: skip
    [product] = fake_engine.asked
    assert (product.title, product.description, product.photo) == ("Mug", "Blue", tmp_path / "mug.jpg")
    assert dict(product.attributes) == {"brand": "Acme"}
    assert fake_engine.options == {"precision": 0.9, "evidence": True, "tier": "full"}


@pytest.mark.parametrize(
    ("title", "answer", "words"),
    [
        ("pot", "Home", ["answered above the last level", "Below it the most probable category is Home > Mugs",
                         "Why: Mugs and Bowls are too alike"]),
        ("rod", "No answer: a person should look", ["Not answered at the asked precision of 95.0 %",
                                                    "Why: the photo cannot be read"]),
    ],
)  # fmt: skip
def test_an_answer_that_stops(classify, title, answer, words):
    text = classify("--title", title).stdout
    assert text.strip().splitlines()[0] == answer
    for word in words:
        assert word in " ".join(text.split())


def test_one_product_for_a_program(classify):
    found = json.loads(classify("--title", "apple", "--json", "--no-evidence").stdout)
    assert (found["path"], found["probability"], found["evidence"]["terms"]) == ("Home > Mugs", 0.987654, [])


def test_names_in_wide_scripts_and_names_that_try_to_steer_the_terminal(classify, fake_engine):
    fake_engine.paths["accept"] = ("家居" * 30, "\x1b[2Jevil")
    text = classify("--title", "apple").stdout
    assert "\x1b" not in text
    for line in text.splitlines():
        assert sum(1 + (unicodedata.east_asian_width(char) in "WF") for char in line) <= 80
