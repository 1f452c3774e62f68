"""Settings: who wins, and what is refused."""

import dataclasses
import os
from pathlib import Path

import pytest

from aisle.errors import SettingsError
from aisle.settings import Settings, variables


def load(tmp_path, toml="", **environ):
    if toml:
        (tmp_path / "aisle.toml").write_text(toml, encoding="utf-8")
    return Settings.load(environ=environ, folder=tmp_path)


def test_defaults(tmp_path):
    settings = load(tmp_path)
    assert settings.hub_url == "https://huggingface.co"
    assert settings.offline is False
    assert settings.threads == len(os.sched_getaffinity(0))
    assert settings.cache_dir.parts[-1] == "aisle"


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(tmp_path):
    toml = 'offline = true\nthreads = 3\nhub_url = "https://file.example"\ncache_dir = "~/of-file"\n'
    settings = load(tmp_path, toml, AISLE_THREADS="5", AISLE_HUB_URL="https://env.example")
    assert settings == Settings(
        offline=True, threads=5, hub_url="https://env.example", cache_dir=Path.home() / "of-file"
    )


def test_another_file_may_be_named(tmp_path):
    other = tmp_path / "other.toml"
    other.write_text("threads = 7")
    assert load(tmp_path, "threads = 2", AISLE_CONFIG=str(other)).threads == 7
    with pytest.raises(SettingsError, match="not a file"):
        load(tmp_path, AISLE_CONFIG=str(tmp_path / "gone.toml"))


@pytest.mark.parametrize(
    ("word", "value"),
    [("1", True), ("0", False), ("true", True), ("FALSE", False), (" yes ", True), ("no", False)],
)
def test_words_for_offline(tmp_path, word, value):
    assert load(tmp_path, AISLE_OFFLINE=word).offline is value


@pytest.mark.parametrize(
    ("toml", "environ", "message"),
    [
        ("threads = 0", {}, "'threads' is 0"),
        ("threads = -2", {}, "'threads' is -2"),
        ("threads = 1.5", {}, "'threads' is 1.5"),
        ("threads = true", {}, "'threads' is True"),
        ("", {"AISLE_THREADS": "many"}, "'threads' is 'many'"),
        ("", {"AISLE_OFFLINE": "perhaps"}, "'offline' is 'perhaps'; use true or false"),
        ("offline = 2", {}, "'offline' is 2"),
        ("colour = 1", {}, "unknown setting 'colour' in .*aisle.toml; known: cache_dir"),
        ("threads = ", {}, "not valid TOML"),
    ],
)
def test_what_cannot_be_used_is_named(tmp_path, toml, environ, message):
    with pytest.raises(SettingsError, match=message):
        load(tmp_path, toml, **environ)


def test_a_file_that_is_not_text(tmp_path):
    (tmp_path / "aisle.toml").write_bytes(b"\xff\xfe\0x")
    with pytest.raises(SettingsError, match="not valid TOML"):
        load(tmp_path)


def test_other_variables_are_nobodys_business(tmp_path):
    assert load(tmp_path, AISLE_DEBUG="1", AISLE_REAL_DATA="x", HOME="/nowhere") == load(tmp_path)


def test_every_setting_is_documented():
    documented = Settings.__doc__
    for field in dataclasses.fields(Settings):
        assert f"\n    {field.name} : " in documented


def test_settings_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().threads = 2


def test_variables_are_put_back(monkeypatch):
    monkeypatch.setenv("AISLE_TEST_ONE", "before")
    monkeypatch.delenv("AISLE_TEST_TWO", raising=False)
    with variables(AISLE_TEST_ONE="1", AISLE_TEST_TWO="2"):
        assert (os.environ["AISLE_TEST_ONE"], os.environ["AISLE_TEST_TWO"]) == ("1", "2")
    assert os.environ["AISLE_TEST_ONE"] == "before"
    assert "AISLE_TEST_TWO" not in os.environ
