"""Files appear whole or not at all; hashes are the published ones."""

import contextlib
import errno
import os
import stat
import subprocess
import sys

import pytest

from aisle.errors import AisleError, DiskFullError
from aisle.files import atomic_write, disk_errors, sha256_bytes, sha256_file, write_bytes, write_text

# FIPS 180-4 examples, as NIST publishes them: of "abc" and of a million times "a".
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
MILLION_A = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"


def test_hashes(tmp_path):
    assert sha256_bytes(b"abc") == ABC
    (tmp_path / "a").write_bytes(b"a" * 1_000_000)
    assert sha256_file(tmp_path / "a") == MILLION_A


def test_text_is_utf_8_with_plain_line_ends(tmp_path):
    path = tmp_path / "new" / "folders" / "naïve.txt"
    write_text(path, "été\n名\n")
    assert path.read_bytes() == "été\n名\n".encode()
    write_bytes(path, b"\r\n")
    assert path.read_bytes() == b"\r\n"
    assert os.listdir(path.parent) == ["naïve.txt"]


def test_a_failure_leaves_the_old_content_and_nothing_else(tmp_path):
    path = tmp_path / "kept.txt"
    write_text(path, "old")
    with contextlib.suppress(KeyboardInterrupt), atomic_write(path, mode="w") as file:
        file.write("half of the new")
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["kept.txt"]


def test_a_reader_never_sees_a_part(tmp_path):
    path = tmp_path / "kept.txt"
    write_text(path, "old")
    with atomic_write(path, mode="w") as file:
        file.write("new")
        file.flush()
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_a_kill_leaves_the_old_content(tmp_path):
    path = tmp_path / "kept.txt"
    write_text(path, "old")
    code = (
        "import os, sys, pathlib\nfrom aisle.files import atomic_write\n"
        "with atomic_write(pathlib.Path(sys.argv[1])) as file:\n"
        "    file.write(b'x' * 99999)\n    file.flush()\n    os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False).returncode == -9
    assert path.read_text() == "old"


def test_files_have_the_rights_that_any_program_gives_them(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "mine.txt", "x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "mine.txt").stat().st_mode) == 0o640


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_said_in_words(tmp_path, code):
    path = tmp_path / "kept.txt"
    write_text(path, "old")
    with pytest.raises(DiskFullError, match=r"kept\.txt was not written\. Free some space") as err, atomic_write(path):
        raise OSError(code, os.strerror(code))
    assert isinstance(err.value, AisleError)
    assert isinstance(err.value, OSError)
    assert err.value.errno == code
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["kept.txt"]


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(IsADirectoryError), disk_errors(tmp_path):
        raise IsADirectoryError
    write_text(tmp_path / "a", "")
    with pytest.raises(FileExistsError):
        write_text(tmp_path / "a" / "b", "")


def test_the_longest_name_that_a_file_may_have(tmp_path):
    path = tmp_path / ("n" * 251 + ".txt")
    write_text(path, "x")
    assert os.listdir(tmp_path) == [path.name]
