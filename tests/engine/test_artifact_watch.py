"""A good folder is read without a look at anything outside; and the watch that says so sees what it should."""

import os

import pytest

from .spoilt_engine import load, nothing_outside


def test_the_engine_made_by_hand_is_good(world):
    with nothing_outside(world / "engine"):
        artifact = load(world / "engine")
    assert artifact.read("sub/deep/card.md") == b"# card"
    (world / "link").symlink_to("engine")
    with nothing_outside(world / "link"):
        load(world / "link")


def read_a_secret(world):
    (world / "secret.json").read_bytes()


def step_out(world):
    handle = os.open(world / "engine", os.O_RDONLY)
    try:
        os.close(os.open("../secret.json", os.O_RDONLY, dir_fd=handle))
    finally:
        os.close(handle)


@pytest.mark.parametrize("careless", [read_a_secret, step_out, os.listdir])
def test_the_watch_sees(world, careless):
    with pytest.raises(AssertionError), nothing_outside(world / "engine"):
        careless(world)
