"""Figures for Prometheus."""

import asyncio
from types import SimpleNamespace

from prometheus_client.parser import text_string_to_metric_families

from aisle.product import Product
from aisle.serve.metrics import Metrics


def read(text):
    """Parse figures with the client's own parser: name and labels to value."""
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def figures(client, keys):
    response = client.get("/metrics", headers=keys.metrics.bearer)
    assert response.headers["content-type"].startswith("text/plain; version=")
    return read(response.text)


def count(found, method, route, status):
    return found.get(("aisle_requests_total", ("method", method), ("route", route), ("status", str(status))), 0)


def test_requests_are_counted_by_route_and_not_by_path(client, keys):
    for name in ("aisle", "a", "b"):
        client.get(f"/v2/models/{name}", headers=keys.classify.bearer)
    client.get("/made/up/by/the/sender")
    client.request("ODD", "/v1/classify")
    found = figures(client, keys)
    assert count(found, "GET", "/v2/models/{name}", 200) == 1
    assert count(found, "GET", "/v2/models/{name}", 404) == 2
    assert count(found, "GET", "none", 404) == 1
    assert count(found, "other", "/v1/classify", 405) == 1
    assert found["aisle_refusals_total", ("code", "not_found")] == 3
    assert found["aisle_request_seconds_count", ("route", "/v2/models/{name}")] == 3


def test_each_app_has_its_own(app_of):
    first, second = app_of(), app_of()
    first.state.context.metrics.decode(0.5)
    assert read(first.state.context.metrics.text().decode())["aisle_decode_seconds_count",] == 1
    assert read(second.state.context.metrics.text().decode())["aisle_decode_seconds_count",] == 0
    for app in (first, second):
        app.state.context.batcher.close()


def test_batches_are_timed(client, app, keys):
    client.portal.call(app.state.context.batcher.predict, Product(title="ceramic coffee mug"))
    found = figures(client, keys)
    assert found["aisle_batch_size_sum",] == 1
    assert found["aisle_queue_wait_seconds_count",] == found["aisle_predict_seconds_count",] == 1


def test_the_engine_is_followed(client, app, keys, live, engine_folder):
    found = figures(client, keys)
    assert (found["aisle_engine_generation",], found["aisle_engine_swap_failures",]) == (0, 0)
    live._swaps, live._failures = 3, 2
    found = figures(client, keys)
    assert (found["aisle_engine_generation",], found["aisle_engine_swap_failures",]) == (3, 2)


def test_answers_are_counted_by_decision():
    metrics = Metrics()
    for decision in ("accept", "accept", "review"):
        metrics.decided(SimpleNamespace(decision=decision))
    found = read(metrics.text().decode())
    assert found["aisle_predictions_total", ("decision", "accept")] == 2
    assert found["aisle_predictions_total", ("decision", "review")] == 1


def test_no_label_names_a_category_or_a_person(client, app, keys):
    client.get("/v2/models/aisle", headers=keys.classify.bearer)
    text = client.get("/metrics", headers=keys.metrics.bearer).text
    labels = {name for place in read(text) for name, _ in place[1:]}
    assert labels <= {"method", "route", "status", "code", "decision", "le"}
    for key in keys.by_name.values():
        assert key.id not in text
        assert key.secret not in text


def test_however_many_addresses_are_one_label(client, keys):
    client.get("/sweep")
    figures(client, keys)
    before = set(figures(client, keys))
    for number in range(100):
        client.get(f"/sweep/{number}")
        client.request(f"ODD{number}", "/v1/classify")
    odd = {place for place in set(figures(client, keys)) - before if ("method", "other") not in place}
    assert len(odd) < 25  # one route more: its histogram and its count


def test_asking_for_figures_does_not_block(app):
    async def ask():
        return await asyncio.to_thread(app.state.context.metrics.text)

    assert b"process_resident_memory_bytes" in asyncio.run(ask())
    app.state.context.batcher.close()
