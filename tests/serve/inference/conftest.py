"""Engines that answer at once, stop on command, or choke; and a second tiny engine."""

import threading
from types import SimpleNamespace

import pytest
from tests.engine.conftest import make_shop

from aisle.product import Evidence, Prediction


class FakeEngine:
    """Answers with the title; its photo is a command."""

    def __init__(self, fingerprint="fake"):
        self.fingerprint = fingerprint
        self.batches = []
        self.rules = []
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Semaphore(0)

    def predict(self, products, *, precision=None, evidence=True):
        self.batches.append([product.title for product in products])
        self.rules.append((precision, evidence))
        self.begun.release()
        assert self.gate.wait(20)
        for product in products:
            if product.title.startswith("poison"):
                raise {"poison": ValueError, "poison-stop": StopIteration, "poison-base": KeyboardInterrupt}[
                    product.title
                ](product.title)
        return [
            Prediction(
                id=product.title,
                path=("A",),
                probability=1.0,
                decision="accept",
                leaf=("A",),
                alternatives=(),
                modalities=(),
                evidence=Evidence(),
                engine=self.fingerprint,
            )
            for product in products
        ]


@pytest.fixture
def fake():
    return FakeEngine()


@pytest.fixture
def batcher_of(fake):
    """Return a function that makes batchers, which end with the test."""
    from aisle.serve.inference.batcher import Batcher

    made = []

    def make(engine=fake, **options):
        options = {"workers": 1, "queue_size": 8, "batch_size": 4} | options
        made.append(Batcher(SimpleNamespace(current=engine), **options))
        return made[-1]

    yield make
    fake.gate.set()
    for each in made:
        each.close(timeout=20)


@pytest.fixture(scope="session")
def other_folder(train, tmp_path_factory):
    """An engine that learned from another draw of the shop."""
    from aisle.engine.artifact_writer import write_artifact
    from aisle.engine.store import to_files

    folder = tmp_path_factory.mktemp("other") / "engine"
    write_artifact(folder, to_files(train(make_shop(seed=8), precision=0.8).knowledge), about={})
    return folder
