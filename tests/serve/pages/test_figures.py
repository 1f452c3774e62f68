"""The page of figures: what it says of the random audits, and where its charts put things."""

import pytest
from tests.posted import BELTS, WRIST, decision, prediction, product, unsure

from aisle.serve.pages.figures import verdict_of
from aisle.serve.pages.figures_charts import bars, whiskers
from aisle.serve.pages.words import Words
from aisle.store.decisions import keep_decision
from aisle.store.predictions import keep_prediction
from aisle.store.products import keep_product

SAY = Words("en")


@pytest.fixture
def page(client, keys):
    """Return a function that opens the page."""

    def open_page(query=""):
        client.cookies.clear()
        answer = client.get(f"/review/figures{query}", headers={**keys.review.cookie, "Accept": "text/html"})
        assert answer.status_code == 200
        return " ".join(answer.text.replace("\xa0", " ").split())

    return open_page


@pytest.fixture
def judge(database, clock):
    """Return a function that keeps audited items, some of them right, and some that people were asked."""

    def keep(*, right, wrong, asked=0, days=0):
        now = clock.now - 1 - days * 86_400_000_000
        with database.write() as c:
            for number in range(right + wrong + asked):
                name = f"p{number}"
                keep_product(c, product(name, created_at=now))
                audit = number < right + wrong
                said = prediction(WRIST) if audit else unsure(WRIST)
                key = keep_prediction(c, product_id=name, prediction=said, precision=0.95, novelty=1.0, now=now)
                path = BELTS if number < wrong else WRIST
                reason = "audit" if audit else "review"
                keep_decision(c, decision(name, path=path, at=now, prediction_id=key, queue_reason=reason))

    return keep


def test_nothing_yet(page):
    text = page()
    assert "No item came in." in text
    assert "Nobody has answered yet." in text
    assert "No audits yet" in text
    assert '<svg class="chart' not in text


def test_few_audits_are_not_called_a_figure(page, judge):
    judge(right=9, wrong=0, asked=1)
    text = page()
    assert "Not enough audits yet" in text
    assert "between 66.4 % and 100.0 %" in text  # 0.025 ** (1 / 9), for none wrong
    assert "10 came in; the engine filed 9 by itself" in text
    assert "answered on 1 of what it left to them, and confirmed its first proposal on 1." in text


def test_a_broken_promise_is_said(page, judge):
    judge(right=5, wrong=15)
    text = page()
    assert "5 right of 20" in text
    assert "Below the promise" in text
    assert "train it again" in text
    assert 'class="whisker broken"' in text


def test_a_period_is_chosen(page, judge):
    judge(right=3, wrong=0, days=20)
    assert "3 right of 3" in page("?days=30")
    assert "No audits yet" in page("?days=7")
    assert "3 right of 3" in page("?days=31")  # no such choice: the usual one


@pytest.mark.parametrize(
    ("count", "low", "high", "stale", "verdict"),
    [
        (0, 0.0, 1.0, False, "none"),
        (30, 0.88, 1.0, False, "few"),
        (30, 0.6, 0.9, True, "below"),
        (900, 0.94, 0.97, False, "fits"),
    ],
)
def test_verdicts(count, low, high, stale, verdict):
    assert verdict_of({"count": count, "low": low, "high": high, "stale": stale}) == verdict


def test_bars_stand_in_order_and_in_proportion():
    chart = bars(["W1", "W2", "W3"], [1.0, 0.5, None], SAY)
    first, second, third = chart.marks
    assert chart.left < first.x < second.x < third.x < chart.right
    assert chart.bottom - first.y == 2 * (chart.bottom - second.y) > 0
    assert third.y is None
    assert [label for _, label in chart.lines] == ["0\xa0%", "50\xa0%", "100\xa0%"]


def test_intervals_fit_into_their_chart():
    audits = [
        {"count": 9, "low": 0.63, "precision": 0.9, "high": 0.99, "promised": 0.95, "stale": False},
        {"count": 0, "low": 0.0, "precision": None, "high": 1.0, "promised": None, "stale": False},
    ]
    chart = whiskers(["W1", "W2"], audits, SAY)
    mark = chart.marks[0]
    assert 0 < mark.high < mark.y < mark.low < chart.bottom
    assert mark.high < chart.promise < mark.y
    assert [label for _, label in chart.lines] == ["60\xa0%", "80\xa0%", "100\xa0%"]
    assert chart.marks[1].y is None


def test_a_year_of_weeks_has_room_for_its_labels():
    chart = bars([f"W{week}" for week in range(53)], [0.5] * 53, SAY)
    assert sum(bool(mark.label) for mark in chart.marks) <= 7
    assert chart.marks[-1].label == "W52"
    assert chart.marks[1].x - chart.marks[0].x > chart.marks[0].width
