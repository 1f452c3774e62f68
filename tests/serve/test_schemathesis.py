"""Schemathesis against the whole service: all of its checks, valid requests and invalid ones, one call and several."""

from collections import defaultdict

import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema
from starlette.testclient import TestClient

EXAMPLES = 60
QUEUED = 12

MEANING = {
    "nothing_to_go_by",
    "unknown_category",
    "photo_url_off",
    "photo_empty",
    "photo_not_an_image",
    "photo_truncated",
    "photo_unsupported",
    "idempotency_conflict",
}
"""Why something is refused that has the form of the document: no schema can say it."""


CHAINED = {"POST /v1/decisions", "DELETE /v1/decisions/{id}"}
"""What succeeds only behind a claim. Whether a chain of all three is drawn depends on which modules are loaded, for
Hypothesis draws constants out of them; that it works is tested by hand in tests/serve/api, with the examples of
docs/api.md."""


@schemathesis.hook
def before_load_schema(ctx, raw_schema):
    """Let a link say all of a body: merged with a category of chance, no decision would ever be accepted."""
    for operations in raw_schema["paths"].values():
        for operation in operations.values():
            for response in operation["responses"].values():
                for link in response.get("links", {}).values():
                    link["x-schemathesis"] = {"merge_body": False}


@schemathesis.check
def valid_form_is_refused_for_its_meaning_alone(ctx, response, case):
    if case.meta is None or case.meta.generation.mode != GenerationMode.POSITIVE or response.status_code != 422:
        return
    body = response.json()
    assert body["code"] in MEANING, body


@pytest.fixture
def events_of_a_run(app, keys):
    """Everything that one run of all phases did as the holder of every scope, on a queue that is not empty."""
    unsure = {"title": "acme ceramic mug 12", "chosen": ["Cars", "Filters"]}
    for _ in range(QUEUED):
        made = TestClient(app).post("/v1/products", json=unsure, headers=keys.all.bearer)
        assert made.json()["state"] == "queued"
    config = SchemathesisConfig.from_dict(
        {
            "headers": keys.all.bearer,
            "continue-on-failure": True,
            "seed": 1,
            "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none"},
            "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", 401, 403, 404, 409, 422]}},
        }
    )
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, config=config)
    return list(from_schema(schema).execute())


@pytest.mark.slow
def test_the_service_does_what_its_document_says(events_of_a_run):
    errors = [event for event in events_of_a_run if isinstance(event, (events.NonFatalError, events.FatalError))]
    assert errors == []
    recorders = [event.recorder for event in events_of_a_run if isinstance(event, events.ScenarioFinished)]
    checks = [check for each in recorders for found in each.checks.values() for check in found]
    failures = [(check.name, check.failure_info) for check in checks if check.status == Status.FAILURE]
    told = {f"{name}: {info.failure.message}\n{info.code_sample}" for name, info in failures}
    assert not told, "\n\n".join(sorted(told))

    statuses = defaultdict(set)
    for recorder in recorders:
        for identity, interaction in recorder.interactions.items():
            operation = recorder.cases[identity].value.operation
            if interaction.request.method.lower() == operation.method.lower():
                statuses[operation.label].add(interaction.response.status_code)
    assert all(status < 500 for found in statuses.values() for status in found)
    refused = {name for name, found in statuses.items() if not any(200 <= status < 300 for status in found)}
    assert refused <= CHAINED
    assert statuses.keys() >= CHAINED
    assert 200 in statuses["POST /v1/review/claim"]  # not only that nothing waits
    ran = {check.name for check in checks}
    assert {"negative_data_rejection", "response_schema_conformance", "ignored_auth", "unsupported_method"} <= ran
