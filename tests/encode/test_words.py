"""Texts prepared: raw, tokenised, lemmatised."""

import pytest

from aisle.encode.words import PREPARATIONS, prepare, split_words


def test_raw_changes_nothing():
    texts = ["  Analog WATCH for Men, 2 pcs ", "", "\n"]
    assert prepare(texts, how="raw") == texts


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Analog WATCH for the Men, 2 pcs", "analog watch men pcs"),
        ("Tasse de thé pour le café", "tasse thé café"),
        ("Cafe\u0301 créme", "café créme"),
        ("USB-C 3.0 (60W) snake_case", "usb snake case"),
        ("a b c 1 2 3", ""),
        ("the of and", ""),
        ("", ""),
        ("Größe Straße", "größe straße"),
        ("Кружка керамическая", "кружка керамическая"),
        ("चाय का कप सेट", "चाय का कप सेट"),
        ("机械手表", "机械 械手 手表"),
        ("كرسي مكتب", "كرسي مكتب"),
        ("🎁🎀", ""),
    ],
)
def test_tokenised_keeps_the_words_that_say_something(text, words):
    assert prepare([text], how="tokenised") == [words]


def test_lemmatised_brings_words_to_their_dictionary_form():
    found = prepare(["Two watches, shirts and batteries", "les montres bleues"], how="lemmatised")
    assert found == ["watch shirt battery", "montre bleu"]


def test_a_word_of_every_fifth_text_is_a_stop_word_of_the_corpus():
    texts = [f"acme {'lamp' if number < 10 else 'cup'} model{chr(97 + number)}" for number in range(26)] * 2
    found = prepare(texts, how="tokenised")
    assert found[0] == "modela"  # acme, lamp and cup are each in more than 20 %
    assert prepare(texts[:49], how="tokenised")[0] == "acme lamp modela"  # too few texts to tell


def test_a_word_of_just_a_fifth_stays():
    texts = ["lamp"] * 10 + ["cup"] * 40
    assert prepare(texts, how="tokenised") == ["lamp"] * 10 + [""] * 40


def test_lemmas_count_as_one_word_for_the_corpus():
    texts = ["watch"] * 6 + ["watches"] * 6 + ["cup"] * 3 + ["dress", "lamp"] + [""] * 34
    assert "watch" in prepare(texts, how="tokenised")
    assert "watch" not in prepare(texts, how="lemmatised")


@pytest.mark.parametrize("how", PREPARATIONS)
def test_no_texts(how):
    assert prepare([], how=how) == []


def test_an_unknown_preparation():
    with pytest.raises(ValueError, match="raw, tokenised, lemmatised, not 'stemmed'"):
        prepare(["a"], how="stemmed")
    with pytest.raises(ValueError, match="stemmed"):
        prepare([], how="stemmed")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("USB 2.0 Hub 4-port x10", ["usb", "hub", "port", "x10"]),
        ("हिन्दी", ["हिन्दी"]),
        ("กระเป๋า", ["กร", "ระ", "ะเ", "เป", "ป๋", "๋า"]),
        ("LED灯", ["led"]),
        ("iPhone用ケース", ["iphone", "用ケ", "ケー", "ース"]),
        ("", []),
    ],
)
def test_split_words(text, words):
    assert split_words(text) == words
