"""Pages as a reader sees them, and an engine that says what a test wants to hear."""

import asyncio
import io
import re
import shutil
import socket
import threading
import time
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from aisle.product import Evidence, Neighbour, Prediction

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}

MUGS, POTS = ("Kitchen", "Mugs"), ("Kitchen", "Pots")
"""Two categories of the tiny engine, which the made-up answers are about."""


class Page(HTMLParser):
    """The elements of a page, each with its attributes and, for those with an id, its text."""

    def __init__(self, text):
        super().__init__()
        self.source, self.elements, self._open, self._ids = text, [], [], {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append(SimpleNamespace(tag=tag, attrs=dict(attrs)))
        if tag not in ("input", "img", "meta", "link", "br"):
            self._open.append((tag, dict(attrs).get("id")))

    def handle_endtag(self, tag):
        self.handle_data(" ")
        while self._open and self._open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        for _, name in self._open:
            if name:
                self._ids[name] = self._ids.get(name, "") + data

    def text(self, name):
        return " ".join(self._ids.get(name, "").split())

    def fields(self, name):
        return [each.attrs for each in self.elements if each.attrs.get("name") == name and each.tag != "button"]

    def value(self, name):
        return self.fields(name)[0].get("value", "")

    def checked(self, name="choice"):
        return next((field["value"] for field in self.fields(name) if "checked" in field), None)

    @property
    def errors(self):
        return [each.attrs.get("id") for each in self.elements if each.attrs.get("class") == "error"]


@pytest.fixture
def read():
    """Return a function that reads a response as a page."""
    return lambda response: Page(response.text)


def photo_bytes(colour=(200, 40, 40), size=(40, 30), form="JPEG", **options):
    """Return a photo with some structure."""
    noise = np.random.default_rng(1).normal(0, 30, (size[1], size[0], 3))
    buffer = io.BytesIO()
    Image.fromarray(np.clip(noise + colour, 0, 255).astype(np.uint8)).save(buffer, form, **options)
    return buffer.getvalue()


@pytest.fixture
def photo():
    """Return a function that draws a photo."""
    return photo_bytes


def predicted(decision="review", share=0.62, path=None, **changes):
    """Return a prediction about mugs."""
    answer = {"accept": MUGS, "partial": MUGS[:1], "review": ()}[decision] if path is None else path
    evidence = Evidence(
        shares={"title": 0.75, "photo": 0.25},
        terms=(("analog", 2.0), ("strap", 1.0), ("not this", -1.0)),
        nearest=(Neighbour(id="p1", title="acme mug <1>", category=MUGS, similarity=0.81),),
    )
    values = {
        "id": "",
        "path": answer,
        "probability": share,
        "decision": decision,
        "leaf": MUGS,
        "alternatives": ((MUGS, share), (POTS, 0.3), (("Beauty",), 0.001)),
        "modalities": ("title",),
        "evidence": evidence,
        "engine": "0" * 12,
    }
    return Prediction(**values | changes)


class Answers:
    """Stands for the batcher: gives `answer`, raises `error`, after `seconds`; remembers what it was asked."""

    def __init__(self):
        self.answer, self.error, self.asked, self.seconds = predicted(), None, [], lambda _: 0.0
        self.waiting = self.busy = 0

    async def predict(self, product, *, precision=None, evidence=True, deadline=None):
        self.asked.append(product)
        await asyncio.sleep(self.seconds(product))
        if self.error is not None:
            raise self.error
        return self.answer(product) if callable(self.answer) else self.answer

    def close(self, timeout=None):
        """Nothing is open."""


@pytest.fixture
def answers(app, with_context):
    """What the engine of `app` says."""
    app.state.context.batcher.close()
    fake = Answers()
    fake.predicted = predicted
    with_context(app, batcher=fake)
    return fake


@pytest.fixture
def seller(client, keys):
    """A client that is signed in to sell."""
    client.headers.update({**SAME_ORIGIN, "Accept": "text/html"})
    client.cookies.set("aisle", keys.sell.token)
    return client


@pytest.fixture
def send(seller):
    """Return a function that sends the seller's form by one of its buttons."""

    def press(action, photo=None, **fields):
        files = {"photo": ("photo.jpg", photo, "image/jpeg")} if photo is not None else {"photo": ("", b"")}
        return seller.post("/sell", data={"action": action, **fields}, files=files)

    return press


@pytest.fixture
def rows(database):
    """Return a function that returns the rows of a table."""
    from aisle.store.schema import metadata

    def read_rows(name):
        with database.read() as c:
            return c.execute(metadata.tables[name].select()).all()

    return read_rows


@pytest.fixture
def variables():
    """Return a function that reads the colours of the light and of the dark theme from a style sheet."""

    def read_variables(css):
        light, dark = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)
        read_all = lambda block: dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block))  # noqa: E731
        return read_all(light), read_all(light) | read_all(dark)

    return read_variables


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def address(app, answers):
    """Where the service runs; the engine's answers are made up."""
    import uvicorn

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def visit(chromium, address, keys):
    """Return a function that opens the page for a seller; what asks elsewhere, or raises, fails the test."""
    odd, contexts = [], []

    def open_page(init="", **options):
        context = chromium.new_context(base_url=address, locale="en-GB", **options)
        contexts.append(context)
        context.add_cookies([{"name": "aisle", "value": keys.sell.token, "url": address}])
        if init:
            context.add_init_script(init)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("request", lambda sent: odd.append(sent.url) if not sent.url.startswith((address, "blob:")) else None)
        page.on("pageerror", lambda error: odd.append(str(error)))
        page.on("dialog", lambda dialog: (odd.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("console", lambda told: odd.append(told.text) if "Content Security Policy" in told.text else None)
        page.goto("/sell")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert odd == []


@pytest.fixture
def picture(tmp_path, photo):
    file = tmp_path / "mug.jpg"
    file.write_bytes(photo(size=(300, 200)))
    return file


@pytest.fixture
def wait_for():
    """Return a function that waits until something is so."""

    def wait(condition, seconds=10.0):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.02)

    return wait


@pytest.fixture
def fill(database):
    """Return a function that puts items on the queue, the first the most valuable."""
    from tests.posted import queued

    def put(*names, **changes):
        with database.write() as c:
            for place, name in enumerate(names):
                queued(c, name, value=100.0 - place, **changes)

    return put


@pytest.fixture
def person(client, keys):
    """Return a function that makes a moderator, by the name of a key."""
    from tests.moderating import Person

    return lambda name="review": Person(client, getattr(keys, name))
