"""The command line in this process, and as a user has it."""

import logging
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner


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
