"""The command as a whole: exit codes, one line for an error, stdout for data."""

import os
import re
import signal
import subprocess
import sys
import time

import pytest
from tests.processes import hear_ctrl_c

import aisle as package
from aisle.errors import DiskFullError, StudyError


def test_version(shell):
    done = shell("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"aisle {package.__version__}\n", "")


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["check", "--help"], ["models", "list", "-h"]])
def test_help_fits_a_terminal_and_has_no_colours(shell, words):
    done = shell(*words)
    assert done.returncode == 0
    assert "Usage: aisle" in done.stdout
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_help_names_every_command(aisle):
    text = aisle("--help").stdout
    for command in ("sample", "check", "study", "models"):
        assert re.search(rf"^  {command} +\S", text, re.MULTILINE)


@pytest.mark.parametrize(
    "words",
    [["chekc"], ["check"], ["check", "x.csv", "--colour"], ["check", "x.csv", "--level", "0"], ["models", "lst"]],
)
def test_wrong_usage_is_2_and_goes_to_stderr(aisle, words):
    done = aisle(*words)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "Error" in done.stderr


def test_a_typing_slip_is_understood(aisle):
    assert "Did you mean 'check'?" in aisle("chekc").stderr


def test_an_error_is_one_line_without_traceback(shell, tmp_path):
    done = shell("check", tmp_path / "gone.csv")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"Error: there is no catalogue at {tmp_path}/gone.csv; check the path\n"


def test_a_traceback_on_demand(shell, tmp_path):
    done = shell("check", tmp_path / "gone.csv", AISLE_DEBUG="1")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "CatalogNotFoundError" in done.stderr


def test_a_bad_setting_is_named(aisle, shop):
    done = aisle("check", shop, AISLE_THREADS="lots")
    assert (done.exit_code, done.stderr) == (
        1,
        "Error: setting 'threads' is 'lots'; use a whole number from 1 to 9999\n",
    )


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (StudyError("two\nlines"), "Error: two lines"),
        (DiskFullError(28, "the disk is full: x was not written"), "Error: the disk is full: x was not written"),
        (PermissionError(13, "Permission denied", "/etc/x"), "Error: /etc/x: Permission denied"),
        (OSError("odd"), "Error: odd"),
    ],
)
def test_errors_from_anywhere(aisle, monkeypatch, tmp_path, error, line):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("aisle.catalog.sample.draw_sample", fail)
    done = aisle("sample", tmp_path / "new")
    assert (done.exit_code, done.stderr.strip()) == (1, line)


def test_a_bug_is_not_hidden(aisle, monkeypatch, tmp_path):
    monkeypatch.setattr("aisle.catalog.sample.draw_sample", lambda *_, **__: 1 / 0)
    assert isinstance(aisle("sample", tmp_path / "new").exception, ZeroDivisionError)


def test_an_interrupt_says_what_is_left(aisle, monkeypatch, tmp_path):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("aisle.catalog.sample.draw_sample", interrupt)
    done = aisle("sample", tmp_path / "new")
    assert done.exit_code == 130
    assert "Stopped. The folder holds part of a sample; the same command replaces it." in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_in_a_real_process(tmp_path):
    command = [sys.executable, "-m", "aisle", "sample", str(tmp_path / "big"), "--products", "420"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=hear_ctrl_c
    ) as process:
        folder = tmp_path / "big" / "photos"
        while process.poll() is None and not (folder.is_dir() and os.listdir(folder)):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert err.strip() == "Stopped. The folder holds part of a sample; the same command replaces it."


def test_a_reader_who_has_seen_enough(shop):
    command = f"{sys.executable} -W error -m aisle check '{shop}' --json | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("{", "")


def test_v_talks_on_stderr(aisle, monkeypatch, tmp_path):
    import logging

    def talk(*_, **__):
        logging.getLogger("aisle.catalog").info("a word")
        logging.getLogger("aisle.catalog").debug("every word")
        raise StudyError("done")

    monkeypatch.setattr("aisle.catalog.sample.draw_sample", talk)
    assert aisle("sample", tmp_path / "n").stderr == "Error: done\n"
    assert aisle("-v", "sample", tmp_path / "n").stderr == "INFO aisle.catalog: a word\nError: done\n"
    assert "every word" in aisle("-vv", "sample", tmp_path / "n").stderr
