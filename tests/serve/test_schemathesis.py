"""Schemathesis against the whole service: all of its checks, valid requests and invalid ones, one call and several."""

import pytest
from schemathesis import openapi
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import Status, events, from_schema

EXAMPLES = 60


@pytest.fixture
def schema(app, keys):
    config = SchemathesisConfig.from_dict(
        {
            "headers": keys.all.bearer,
            "generation": {"max-examples": EXAMPLES, "deterministic": True, "database": "none"},
            "seed": 1,
        }
    )
    return openapi.from_asgi("/openapi.json", app, config=config)


@pytest.mark.slow
def test_the_service_is_what_its_document_says(schema):
    found = []
    for event in from_schema(schema).execute():
        if isinstance(event, (events.NonFatalError, events.FatalError)):
            found.append(repr(event))
        elif isinstance(event, events.ScenarioFinished) and event.status in (Status.FAILURE, Status.ERROR):
            for case_id, checks in event.recorder.checks.items():
                for check in checks:
                    if check.status == Status.FAILURE:
                        found.append((event.label, check.name, check.failure_info.failure.title, check.failure_info.failure.message, check.failure_info.code_sample))
    for each in found:
        print(*each if isinstance(each, tuple) else [each], sep="\n   ")
    assert not found
