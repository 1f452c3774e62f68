"""A shop in shards, and ways to run a batch over it."""

import json

import pytest
from tests import batching


@pytest.fixture
def shop(tmp_path):
    """95 products in ten shards of ten rows."""
    return batching.write_shop(tmp_path / "shop.csv", 95)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def lines(out):
    """Return a function that gives every answer, in the order of the files' names."""

    def read():
        texts = [path.read_text() for path in sorted((out / "answers").iterdir())]
        return [json.loads(line) for text in texts for line in text.splitlines()]

    return read


@pytest.fixture
def each():
    """The ids of a shop of so many rows."""
    return lambda rows: [str(n) for n in range(1, rows + 1)]
