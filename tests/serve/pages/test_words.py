"""Every string of a page has its French; nothing is said that is in no list, and the lists hold nothing else."""

import ast
import re
import string
from pathlib import Path

import jinja2
import pytest
from jinja2 import nodes
from starlette.requests import Request

from aisle.serve import pages
from aisle.serve.pages import words as module
from aisle.serve.pages.rendering import PROBLEMS, environment, problem_words
from aisle.serve.pages.words import Words, entries, preferred

FOLDER = Path(pages.__file__).parent
TEMPLATES = sorted((FOLDER / "templates").glob("*.html"))
MODULES = sorted(FOLDER.glob("*.py"))

SAYING = {"_", "_n", "say", "mark", "count"}
"""What strings are said with, in templates and in modules."""

NOT_WORDS = {"Aisle"}
"""What a template may hold outside of a translation: names."""

SHOWN = re.compile(r'\b(?:aria-label|placeholder|alt|title|content)="([^"{]*[^\W\d_][^"{]*)"')


def said_in_template(path):
    tree = environment().parse(path.read_text(encoding="utf-8"))
    for call in tree.find_all(nodes.Call):
        if isinstance(call.node, nodes.Name) and call.node.name in SAYING:
            for argument in call.args:
                if isinstance(argument, nodes.Const):
                    yield argument.value


def said_in_module(path):
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if name in SAYING or (name == "self" and path.name == "words.py"):
                for argument in call.args:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield argument.value


def all_said():
    found = {text for path in TEMPLATES for text in said_in_template(path)}
    return found | {text for path in MODULES for text in said_in_module(path)}


def bare_words(template):
    """Return what a reader would see of a template that no translation passed."""
    tree = environment().parse(template)
    text = "".join(
        part.data if isinstance(part, nodes.TemplateData) else "{}"
        for output in tree.find_all(nodes.Output)
        for part in output.nodes
    )
    shown = [found for found in SHOWN.findall(text) if not re.match(r"(width=|light dark)", found)]
    visible = re.sub(r"<[^>]*>|&\w+;", " ", re.sub(r"<!doctype html>", " ", text))
    return set(re.findall(r"[^\W\d_]{2,}", " ".join([visible, *shown]))) - NOT_WORDS


def fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", ["fr"])
def test_every_string_has_a_translation_and_none_is_left_over(language):
    said = all_said()
    assert len(said) > 40  # the extraction finds them
    missing, unused = said - set(entries(language)), set(entries(language)) - said
    assert not missing
    assert not unused


@pytest.mark.parametrize("language", ["fr"])
def test_translations_name_the_same_values(language):
    for english, other in entries(language).items():
        assert fields(english) == fields(other), english
        assert other.strip() == other
        assert other


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_says_anything_untranslated(path):
    assert bare_words(path.read_text(encoding="utf-8")) == set()


@pytest.mark.parametrize(
    ("template", "word"),
    [("<p>Hello there</p>", "Hello"), ('<input placeholder="Your name">', "Your"), ("{{ _('Fine') }} Not", "Not")],
)
def test_words_outside_of_a_translation_are_seen(template, word):
    assert word in bare_words(template)


def test_no_template_trusts_what_it_is_given():
    for path in TEMPLATES:
        text = path.read_text(encoding="utf-8")
        assert "safe" not in re.findall(r"\|\s*(\w+)", text), path.name
        assert "autoescape" not in text, path.name
        assert not re.search(r"<style|\bstyle=|\bon\w+=", text), path.name
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path.name
        assert not re.search(r"""(?:src|href|action)=["']?(?:https?:)?//""", text), path.name


def test_french_typography():
    for text in entries("fr").values():
        assert not re.search(r"(?<!\u202f)[!?;]|(?<!\xa0):", text), text  # blanks that do not break
        assert "'" not in text, text


def test_numbers():
    english, french = Words("en"), Words("fr")
    assert (english.number(12345.5, digits=1), french.number(12345.5, digits=1)) == ("12,345.5", "12\u202f345,5")
    assert (english.percent(0.62), french.percent(0.62)) == ("62\xa0%", "62\xa0%")
    assert (english.percent(0.9999), english.percent(0.0001)) == ("over 99\xa0%", "under 1\xa0%")


def test_plurals(monkeypatch):
    monkeypatch.setattr(module, "entries", lambda _: {})
    said = [(Words(name).count("one", "{number}", number=n)) for name in ("en", "fr") for n in (0, 1, 2, 2000)]
    assert said == ["0", "one", "2", "2,000", "one", "one", "2", "2\u202f000"]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("fr", "fr"),
        ("fr-CA,en;q=0.9", "fr"),
        ("de,es;q=0.9", "en"),
        ("de, fr;q=0.3, en;q=0.2", "fr"),
        ("en;q=0, fr;q=0.1", "fr"),
        ("fr;q=x, en;q=0.1", "en"),
        ("fr;q=9", "en"),
        ("*", "en"),
        (",;,;q=," * 1000, "en"),
    ],
)
def test_what_a_browser_prefers(header, language):
    assert preferred(header, ("en", "fr")) == language


def test_a_choice_outlives_the_page(client):
    first = client.get("/sign-in?lang=fr", headers={"Accept-Language": "en"})
    assert '<html lang="fr">' in first.text
    assert first.headers["content-language"] == "fr"
    assert '<html lang="fr">' in client.get("/sign-in", headers={"Accept-Language": "en"}).text
    assert '<html lang="en">' in client.get("/sign-in?lang=en", headers={"Accept-Language": "fr"}).text
    assert '<html lang="en">' in client.get("/sign-in?lang=xx").text


def test_every_problem_has_its_words():
    say = Words("fr")
    for code in PROBLEMS:
        assert problem_words(code, say) != problem_words(code, Words("en"))
    assert problem_words("never heard of", say) == problem_words("bad_request", say)


def test_a_problem_is_a_page_in_the_readers_language(client):
    page = client.get("/nothing<here>", headers={"Accept": "text/html", "Accept-Language": "fr"})
    assert page.status_code == 404
    assert '<html lang="fr">' in page.text
    assert entries("fr")["There is nothing here"] in page.text
    assert "<here>" not in page.text


def test_templates_that_name_what_they_did_not_get_fail(app):
    request = Request({"type": "http", "app": app, "headers": [], "query_string": b"", "path": "/"})
    from aisle.serve.pages.rendering import render

    with pytest.raises(jinja2.UndefinedError):
        render(request, "posted.html", {})
