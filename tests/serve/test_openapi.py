"""What is written about the API, without an engine at hand: the OpenAPI file and the page of programs."""

import json
import re
from pathlib import Path

import pytest

from aisle.serve.api.bodies import MOST_PRODUCTS
from aisle.serve.openapi import openapi_text
from aisle.serve.options import MIB, ServeOptions
from aisle.serve.policy import POLICY, is_for_programs

DOCS = Path(__file__).parents[2] / "docs"
ROUTE = re.compile(r"`(GET|POST|PUT|PATCH|DELETE) (/[^`]*)`")


@pytest.fixture(scope="module")
def page():
    return (DOCS / "api.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def document():
    return json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))


def test_the_committed_file_is_what_is_printed():
    committed = (DOCS / "openapi.json").read_text(encoding="utf-8")
    assert committed == openapi_text(), "run: python -m aisle.serve.openapi docs/openapi.json"


def test_its_version_is_the_packages(document):
    project = (DOCS.parent / "pyproject.toml").read_text(encoding="utf-8")
    assert document["info"]["version"] == re.search(r'^version = "(.+)"$', project, re.MULTILINE)[1]


def test_what_cannot_occur_is_not_listed(document):
    listed = {
        (path, method, int(status))
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        for status in operation["responses"]
    }
    assert ("/v2/health/live", "get", 401) not in listed
    assert ("/v2/health/live", "get", 503) in listed
    assert ("/v1/engine", "get", 401) in listed
    assert ("/v1/engine", "get", 415) not in listed
    assert ("/v1/classify", "post", 415) in listed


def test_who_is_to_come_again_is_told_when(document):
    for operations in document["paths"].values():
        for operation in operations.values():
            assert all("Retry-After" in operation["responses"][status]["headers"] for status in ("429", "503"))


def test_the_page_names_each_route_and_its_scopes(page):
    named = {}
    for line in page.splitlines():
        for method, path in ROUTE.findall(line):
            named[method, path] = set(re.findall(r"`(\w+)`", line.rsplit("|", 2)[1]))
    assert named.keys() >= {route for route in POLICY if route[1].startswith("/v1/")}
    assert {route: POLICY[route].scopes for route in named} == named


def test_the_page_names_what_is_public(page):
    told = re.search(r"only (.+?) answer without", page, re.DOTALL)[1]
    public = {path for (_, path), rule in POLICY.items() if rule.public and is_for_programs(path)}
    assert set(re.findall(r"`(/\S+)`", told)) == public


def test_the_limits_are_those_of_the_service(page):
    options = ServeOptions()
    key, address = ((options.key_rate, options.key_burst), (options.ip_rate, options.ip_burst))
    told = dict(re.findall(r"^\| (a .+?|an .+?|products .+?) \| (.+?) \| .+ \|$", page, re.MULTILINE))
    assert told == {
        "a request": f"{options.max_body // MIB} MiB",
        "a form": f"{options.max_parts} parts, 1 MiB each but for the photo",
        "a photo": f"{options.max_pixels // 1_000_000} megapixels",
        "a batch": f"{MOST_PRODUCTS} products",
        "a key": "{:g} requests a second, {:g} at once".format(*key),
        "an address, without a key that is known": "{:g} requests a second, {:g} at once".format(*address),
        "a request's time": f"{options.request_seconds:g} seconds",
        "products that wait for the engine": f"{options.queue_size}",
    }
