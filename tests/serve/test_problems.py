"""What clients are told of errors: enough to act on, and nothing of what is inside."""

import pytest
from starlette.testclient import TestClient

from aisle import errors
from aisle.serve.problems import Problem, problem_from

SECRET = "/srv/secret/aisle.db"  # a place that no answer may name


@pytest.fixture
def raising(app, with_context):
    """Return a function that lets the readiness probe raise, and asks for it."""

    def ask(error, **headers):
        class Broken:
            def text(self):
                raise error

            def __getattr__(self, name):
                return getattr(metrics, name)

        metrics = app.state.context.metrics
        with_context(app, metrics=Broken())
        with TestClient(app) as client:
            return client.get("/metrics", headers=headers)

    return ask


def test_problem_json(client):
    response = client.get("/nothing")
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert set(body) == {"type", "title", "status", "code", "detail", "field", "request_id"}
    assert (body["status"], body["code"], body["type"]) == (404, "not_found", "urn:aisle:problem:not_found")
    assert body["request_id"] == response.headers["x-request-id"]


def test_what_is_inside_stays_inside(raising, keys, caplog):
    response = raising(RuntimeError(f"cannot open {SECRET} for {keys.all.secret}"), **keys.all.bearer)
    assert (response.status_code, response.json()["code"]) == (500, "internal")
    for word in (SECRET, keys.all.secret, "RuntimeError", "Traceback", ".py"):
        assert word not in response.text
    (logged,) = [entry for entry in caplog.records if entry.exc_info]
    assert response.headers["x-request-id"] in logged.getMessage()


OURS = [
    (errors.NotFoundError(f"no photo in {SECRET}"), 404, "not_found"),
    (errors.ClaimedError(f"{SECRET} has it"), 409, "claimed"),
    (errors.IdempotencyConflictError(SECRET), 422, "idempotency_conflict"),
    (errors.PhotoError("truncated", f"{SECRET} is cut short"), 422, "photo_truncated"),
    (errors.PhotoError("something_new", SECRET), 422, "photo_something_new"),
    (errors.StoreError(f"{SECRET} is busy"), 503, "store"),
    (errors.DiskFullError(28, f"{SECRET} was not written"), 503, "store"),
    (errors.EngineError(SECRET), 500, "internal"),
    (errors.AisleError(SECRET), 500, "internal"),
]


@pytest.mark.parametrize(("error", "status", "code"), OURS, ids=lambda part: getattr(part, "__name__", str(part)[:20]))
def test_our_errors_have_codes_and_name_no_place(raising, keys, error, status, code):
    response = raising(error, **keys.all.bearer)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert SECRET not in response.text
    assert ("retry-after" in response.headers) == (status == 503)


def test_every_error_of_ours_has_a_problem():
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.AisleError) and kind is not errors.PhotoError:
            error = kind(28, SECRET) if issubclass(kind, OSError) else kind(SECRET)
            problem = problem_from(error)
            assert SECRET not in problem.detail + problem.title, name


def test_a_problem_says_where_and_when(raising, keys):
    given = Problem(422, "odd", "It is odd", "Make it even.", field="attributes.brand", retry_after=0.2)
    response = raising(given, **keys.all.bearer)
    assert response.status_code == 422
    assert response.json()["field"] == "attributes.brand"
    assert response.headers["retry-after"] == "1"  # whole seconds, and never none


def test_people_get_a_page_and_programs_do_not(client, app):
    html = {"Accept": "text/html,*/*;q=0.8"}
    page = client.get("/nothing", headers=html)
    assert page.status_code == 404
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["x-request-id"] in page.text
    assert client.get("/v1/nothing", headers=html).headers["content-type"] == "application/problem+json"


def test_the_page_may_be_the_apps_own_and_may_not_fail(client, app):
    html = {"Accept": "text/html"}
    app.state.problem_page = lambda request, body: f"<p>{body['code']} on {request.url.path}"
    assert client.get("/nothing", headers=html).text == "<p>not_found on /nothing"

    def fail(request, body):
        raise RuntimeError(SECRET)

    app.state.problem_page = fail
    response = client.get("/nothing", headers=html)
    assert response.status_code == 404
    assert SECRET not in response.text
    assert "There is no such thing" in response.text


def test_validation_names_the_field_and_not_the_value(app, keys):
    from pydantic import BaseModel, ConfigDict

    class Body(BaseModel):
        model_config = ConfigDict(strict=True, extra="forbid")
        title: str
        count: int = 0

    async def classify(body: Body):
        return {}

    put_first(app, "/v1/classify", classify)
    with TestClient(app) as client:

        def send(content):
            return client.post("/v1/classify", headers=keys.all.bearer | JSON, content=content)

        wrong = send(b'{"title": ["my secret"], "odd": 1}')
        assert (wrong.status_code, wrong.json()["code"], wrong.json()["field"]) == (422, "invalid", "title")
        assert "odd" in wrong.json()["detail"]
        assert "my secret" not in wrong.text
        many = send(b'{"title":"a",' + b",".join(b'"x%d":1' % n for n in range(2000)) + b"}")
        assert "and 1995 more" in many.json()["detail"]
        assert len(many.content) < 2000
        assert send(b"{").json()["code"] == "bad_json"
        assert send(b"[" * 50_000).status_code == 400
        assert send(b'{"title": "\xff"}').status_code == 400
        assert send(b'{"title": "a", "\\ud800": 1}').status_code == 422
        long = send(b'{"title": "a", "' + b"x" * 100_000 + b'": 1}')
        assert (long.status_code, len(long.content) < 2000) == (422, True)


def test_a_form_with_too_many_parts(app, keys):
    from starlette.requests import Request

    async def classify(request: Request):
        async with request.form(max_files=8, max_fields=8) as form:
            return {"parts": len(form)}

    put_first(app, "/v1/classify", classify)
    with TestClient(app) as client:
        files = [("photo", (f"{n}.jpg", b"x")) for n in range(1001)]
        response = client.post("/v1/classify", headers=keys.all.bearer, files=files)
        assert (response.status_code, response.json()["code"]) == (400, "bad_request")
        kind = {"Content-Type": "multipart/form-data; boundary=b"}
        for head in (
            b"Content-Disposition: form-data",
            b"Content-Disposition: form-data; filename=x",
            b"X: " + b"y" * 99_999,
        ):
            body = b"--b\r\n" + head + b"\r\n\r\nx\r\n--b--\r\n"
            assert client.post("/v1/classify", headers=keys.all.bearer | kind, content=body).status_code == 400


JSON = {"Content-Type": "application/json"}


def put_first(app, path, endpoint):
    app.post(path)(endpoint)
    app.router.routes.insert(0, app.router.routes.pop())
