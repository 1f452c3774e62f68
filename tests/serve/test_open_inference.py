"""The names of the Open Inference Protocol."""

from starlette.testclient import TestClient


def test_health(client):
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}


def test_it_is_not_ready_without_its_database(app, with_context):
    class Away:
        def read(self):
            raise OSError("/srv/secret/aisle.db")

    with TestClient(app) as client:
        kept = app.state.context.database
        with_context(app, database=Away())
        response = client.get("/v2/health/ready")
        assert client.get("/v2/health/live").status_code == 200
        with_context(app, database=kept)
    assert (response.status_code, response.json()["code"]) == (503, "not_ready")
    assert "secret" not in response.text


def test_the_model(client, keys, tiny_engine):
    model = client.get("/v2/models/aisle", headers=keys.classify.bearer).json()
    assert (model["name"], model["versions"]) == ("aisle", [tiny_engine.fingerprint])
    assert {"name": "title", "datatype": "BYTES", "shape": [-1]} in model["inputs"]
    assert {each["name"] for each in model["outputs"]} == {"path", "probability", "decision"}
    assert client.get("/v2/models/aisle/ready").json() == {"name": "aisle", "ready": True}


def test_another_model(client, keys):
    for path in ("/v2/models/other", "/v2/models/other/ready"):
        response = client.get(path, headers=keys.classify.bearer)
        assert (response.status_code, response.json()["code"]) == (404, "not_found")
