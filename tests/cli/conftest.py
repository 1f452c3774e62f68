"""The command line in this process, and as a user has it."""

import logging
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from aisle.product import Evidence, Neighbour, Prediction

DECISIONS = {"a": "accept", "p": "partial", "r": "review"}
PATHS = {"accept": ("Home", "Mugs"), "partial": ("Home",), "review": ()}
REASONS = {"accept": "", "partial": "Mugs and Bowls are too alike", "review": "the photo cannot be read"}


class FakeEngine:
    """Decides by the first letter of the title, and remembers what it was asked."""

    precision = 0.95

    def __init__(self):
        self.paths = dict(PATHS)
        self.asked = []
        self.sizes = []

    def predict(self, products, *, precision=None, evidence=True, tier="full"):
        self.asked += products
        self.sizes.append(len(products))
        self.options = {"precision": precision, "evidence": evidence, "tier": tier}
        return [self.answer(product, evidence) for product in products]

    def answer(self, product, evidence):
        decision = DECISIONS.get(product.title[:1], "review")
        near = Neighbour(id="n1", title="Théière\nrouge " * 30, category=("Home", "Pots"), similarity=0.876)
        rests = Evidence(shares={"photo": 0.25, "title": 0.75}, terms=(("mug", 1.5), ("blue", 0.5)), nearest=(near,))
        return Prediction(
            id=product.id,
            path=self.paths[decision],
            probability=0.98765432,
            decision=decision,
            leaf=("Home", "Mugs"),
            alternatives=((("Home", "Mugs"), 0.75), (("Home", "Bowls"), 0.125)),
            modalities=("title",) if product.title else (),
            evidence=rests if evidence else Evidence(),
            reason=REASONS[decision],
            engine="0123456789ab",
        )


@pytest.fixture(autouse=True)
def nobody(settings_of_nobody):
    """Keep the settings of whoever runs the tests out, and leave logging as it was."""
    logger = logging.getLogger("aisle")
    before = logger.handlers[:], logger.level
    yield
    logger.handlers, logger.level = before


@pytest.fixture
def aisle():
    """Return a function that runs a command in this process."""
    from aisle.cli.app import app

    def run(*words, **environ):
        return CliRunner().invoke(app, [str(word) for word in words], env=environ, prog_name="aisle")

    return run


@pytest.fixture
def shell():
    """Return a function that runs a command in a process of its own, with standard input closed."""

    def run(*words, **environ):
        command = [sys.executable, "-W", "error", "-m", "aisle", *map(str, words)]
        env = os.environ | {"COLUMNS": "80"} | environ
        return subprocess.run(
            command, capture_output=True, text=True, env=env, stdin=subprocess.DEVNULL, timeout=60, check=False
        )

    return run


@pytest.fixture
def shop(tmp_path):
    """Make a shop of 24 products in two categories, without photos, one row of which is bad."""
    folder = tmp_path / "my shop"
    folder.mkdir()
    rows = [
        f"{n},{['blue', 'red', 'tall', 'flat'][n % 4]} thing {n},{'Home > Mugs' if n % 2 else 'Garden > Pots'},{n}"
        for n in range(24)
    ]
    (folder / "products.csv").write_text("\n".join(["id,title,category,price", *rows, "24,cut", ""]))
    return folder


@pytest.fixture
def fake_engine(monkeypatch):
    """Put an engine in the place of the one that would be loaded from a folder."""
    fake = FakeEngine()

    def load(path, *, settings):
        fake.path = path
        return fake

    monkeypatch.setattr("aisle.engine.load_engine", load, raising=False)
    return fake


@pytest.fixture
def classify(fake_engine):
    """Return a function that classifies in this process, with an engine that needs no folder."""
    from aisle.cli.app import app

    def run(*words, **options):
        return CliRunner().invoke(app, ["classify", "engine", *map(str, words)], prog_name="aisle", **options)

    return run
