"""The committed OpenAPI file is the service's, and every example of docs/api.md runs as it is written."""

import argparse
import json
import re
import shlex
from pathlib import Path
from string import Template

import pytest

from aisle.serve.api.bodies import ClassifyBody

DOCS = Path(__file__).parents[3] / "docs"
SERVE = Path(__file__).parents[3] / "src/aisle/serve"


def test_the_committed_openapi_document_is_the_services(client):
    committed = json.loads((DOCS / "openapi.json").read_text())
    assert client.get("/openapi.json").json() == committed, "run: python -m aisle.serve.openapi docs/openapi.json"


def test_the_document_lists_every_route_for_programs():
    from aisle.serve.policy import POLICY

    committed = json.loads((DOCS / "openapi.json").read_text())
    listed = {(method.upper(), path) for path, operations in committed["paths"].items() for method in operations}
    assert listed == {key for key in POLICY if key[1].startswith(("/v1/", "/v2/", "/metrics"))}


def test_every_problem_of_the_document_has_its_schema():
    committed = json.loads((DOCS / "openapi.json").read_text())
    for operations in committed["paths"].values():
        for operation in operations.values():
            for status, response in operation["responses"].items():
                if status >= "400":
                    assert list(response["content"]) == ["application/problem+json"], (operation["operationId"], status)


def test_the_schema_of_base64_takes_what_the_service_takes():
    pattern = re.compile(ClassifyBody.model_json_schema()["properties"]["photo_base64"]["anyOf"][0]["pattern"])
    for text in ("", "QQ==", "QUI=", "QUJD", "QUJDQQ=="):
        assert pattern.search(text)
        ClassifyBody.model_validate({"photo_base64": text})
    for text in ("Q", "QQ", "QQ=", "=", "QQ==QQ==", "Q-_D", "QUJD QUJD", "é"):
        assert not pattern.search(text)
        with pytest.raises(ValueError, match="base64"):
            ClassifyBody.model_validate({"photo_base64": text})


def commands():
    """Return each example of the page with the answer that is shown under it, if any."""
    page = (DOCS / "api.md").read_text()
    for block in re.finditer(r"```sh\n(.*?)```(?:\s+```json\n(.*?)```)?", page, re.DOTALL):
        lines = block[1].replace("\\\n", " ").strip().splitlines()
        for place, line in enumerate(lines):
            yield line, json.loads(block[2]) if block[2] and place == len(lines) - 1 else None


def read_curl(line, variables):
    """Return what a line would have curl send."""
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("-X", dest="method")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-F", dest="form", action="append", default=[])
    parser.add_argument("-d", dest="data")
    name, *words = shlex.split(Template(line).substitute(variables))
    assert name == "curl"
    given = parser.parse_args(words)
    sent = {"headers": dict(each.split(": ", 1) for each in given.headers), "content": given.data}
    if given.form:
        parts = dict(each.split("=", 1) for each in given.form)
        files = {key: (value[1:], variables["PHOTO"]) for key, value in parts.items() if value.startswith("@")}
        sent = {**sent, "files": files, "data": {key: parts[key] for key in parts if key not in files}}
    return given.method or ("POST" if given.data or given.form else "GET"), given.url, sent


def has_shape(found, shown):
    """Tell whether an answer has the members that are shown, of the types that are shown."""
    if isinstance(shown, dict):
        return isinstance(found, dict) and all(key in found and has_shape(found[key], shown[key]) for key in shown)
    if isinstance(shown, list):
        return isinstance(found, list) and (not shown or bool(found)) and all(map(has_shape, found, shown))
    number = (int, float)
    return isinstance(found, number if isinstance(shown, number) and not isinstance(shown, bool) else type(shown))


def test_every_example_runs_as_it_is_written(client, keys, photo):
    variables = {"AISLE": "", "KEY": keys.all.secret, "PHOTO": photo}
    statuses = []
    for line, shown in commands():
        method, url, sent = read_curl(line, variables)
        answer = client.request(method, url, **sent)
        body = answer.json() if answer.content else None
        statuses.append(answer.status_code)
        assert answer.is_success or body["code"] == (shown or {}).get("code"), (line, body)
        assert shown is None or has_shape(body, shown), (line, body)
        if method == "POST" and answer.status_code == 201:
            variables["PRODUCT" if url.endswith("/products") else "DECISION"] = str(body["id"])
    assert sorted(set(statuses)) == [200, 201, 204, 422]
    assert len(statuses) >= 15


def test_the_whole_first_answer_is_shown(client, keys):
    line, shown = next(commands())
    method, url, sent = read_curl(line, {"AISLE": "", "KEY": keys.all.secret})
    assert set(client.request(method, url, **sent).json()) == set(shown)


def test_the_table_of_errors_is_whole():
    page = (DOCS / "api.md").read_text()
    listed = set(re.findall(r"`([a-z_]+)`", " ".join(re.findall(r"^\| \d{3} \| (.*?) \|", page, re.MULTILINE))))
    source = "\n".join(file.read_text() for file in SERVE.rglob("*.py"))
    raised = set(re.findall(r'Problem\(\s*\d{3},\s*"([a-z_]+)"', source))
    photos = {"photo_empty", "photo_not_an_image", "photo_truncated", "photo_too_large", "photo_unsupported"}
    assert listed == raised | photos
