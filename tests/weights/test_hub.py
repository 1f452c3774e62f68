"""Weights from a model hub: the real client library against a server on this machine."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aisle.errors import WeightsError, WeightsNotReachableError
from aisle.files import sha256_bytes
from aisle.settings import Settings
from aisle.weights import HubFile, LocalFile, cache_path, digest, fetch

WEIGHTS = bytes(range(256)) * 4096
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """A model hub with one repository; `trouble` says how it misbehaves."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"/owner/model/resolve/main/model.safetensors": WEIGHTS}
        self.trouble = ""
        self.requests = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        self.server.requests.append((self.command, self.path, dict(self.headers)))
        if self.server.trouble == "silent":
            time.sleep(30)
        if self.server.trouble == "error":
            return self.refuse(503, "")
        if self.server.trouble == "elsewhere" and "/resolve/" in self.path:
            return self.send_elsewhere(self.server.files[self.path])
        data = self.server.files.get(self.path)
        if data is None:
            known = self.path.startswith("/owner/model/")
            code = "EntryNotFound" if known and "/main/" in self.path else ""
            code = code or ("RevisionNotFound" if known else "RepoNotFound")
            return self.refuse(404, code)
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{sha256_bytes(data)}"')
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if not body:
            return None
        if self.server.trouble == "truncated":
            self.wfile.write(data[: len(data) // 2])
            self.close_connection = True
            return None
        self.wfile.write(data)
        return None

    def send_elsewhere(self, data):
        """Large files lie on another server; the hub names it, and the size and hash of what is there."""
        self.server.files["/blob"] = data
        self.send_response(302)
        self.send_header("Location", f"{self.server.url}/blob")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Linked-ETag", f'"{sha256_bytes(data)}"')
        self.send_header("X-Linked-Size", str(len(data)))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def refuse(self, status, code):
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def hub():
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def settings(tmp_path, hub):
    return Settings(cache_dir=tmp_path / "cache", hub_url=hub.url + "/")


def hub_file(*, sha256=None, repo="owner/model", revision="main", filename="model.safetensors"):
    return HubFile(repo=repo, revision=revision, filename=filename, sha256=sha256)


def contents(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_file_is_fetched_once(hub, settings):
    file = hub_file(sha256=sha256_bytes(WEIGHTS))
    path = fetch(file, settings=settings)
    assert path.read_bytes() == WEIGHTS
    assert path == cache_path(file, settings=settings)
    assert contents(settings.cache_dir) == ["model.safetensors"]
    asked = len(hub.requests)
    assert fetch(file, settings=settings) == path
    assert fetch(file, settings=Settings(cache_dir=settings.cache_dir, offline=True)) == path
    assert len(hub.requests) == asked


def test_a_large_file_that_lies_elsewhere(hub, settings):
    hub.trouble = "elsewhere"
    assert fetch(hub_file(sha256=sha256_bytes(WEIGHTS)), settings=settings).read_bytes() == WEIGHTS


def test_no_login_is_sent(hub, settings, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch(hub_file(), settings=settings)
    assert not any("hf_secret" in str(request) for request in hub.requests)


def test_trust_on_first_use(hub, settings):
    path = fetch(hub_file(), settings=settings)
    assert contents(settings.cache_dir) == ["model.safetensors", "model.safetensors.sha256"]
    assert digest(hub_file(), settings=settings) == sha256_bytes(WEIGHTS)
    path.unlink()
    hub.files["/owner/model/resolve/main/model.safetensors"] = b"something else"
    with pytest.raises(WeightsError, match=r"if its publisher has replaced it, remove .*\.sha256") as caught:
        fetch(hub_file(), settings=settings)
    assert sha256_bytes(WEIGHTS) in str(caught.value)
    assert sha256_bytes(b"something else") in str(caught.value)
    path.with_name("model.safetensors.sha256").unlink()
    assert fetch(hub_file(), settings=settings).read_bytes() == b"something else"


def test_the_digest_of_an_unknown_file_fetches_it(hub, settings):
    assert digest(hub_file(), settings=settings) == sha256_bytes(WEIGHTS)
    assert [request[0] for request in hub.requests].count("GET") == 1


def test_a_wrong_hash(hub, settings):
    with pytest.raises(WeightsError, match=sha256_bytes(WEIGHTS)) as caught:
        fetch(hub_file(sha256="0" * 64), settings=settings)
    assert "0" * 64 in str(caught.value)
    assert contents(settings.cache_dir) == []


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (hub_file(filename="other.bin"), r"has no file 'other\.bin' at revision 'main'"),
        (hub_file(revision="v9"), "has no revision 'v9'"),
        (hub_file(repo="owner/other"), "has no public repository 'owner/other'"),
        (hub_file(repo="not a name"), "not a name"),
    ],
)
def test_what_the_hub_does_not_have(settings, file, reason):
    with pytest.raises(WeightsNotReachableError, match=reason) as caught:
        fetch(file, settings=settings)
    assert "set AISLE_HUB_URL to a mirror, or put the file at" in str(caught.value)
    assert contents(settings.cache_dir) == []


def test_a_hub_in_trouble(hub, settings):
    hub.trouble = "error"
    with pytest.raises(WeightsNotReachableError, match=r"answered 503"):
        fetch(hub_file(), settings=settings)


def test_a_refused_connection(tmp_path):
    settings = Settings(cache_dir=tmp_path, hub_url="http://127.0.0.1:9")
    started = time.monotonic()
    with pytest.raises(
        WeightsNotReachableError,
        match=r"hub at http://127\.0\.0\.1:9: connection refused; connect, or set AISLE_HUB_URL to a mirror",
    ):
        fetch(hub_file(), settings=settings)
    assert time.monotonic() - started < 10


def test_a_name_that_does_not_resolve(tmp_path):
    settings = Settings(cache_dir=tmp_path, hub_url="http://hub.invalid")
    with pytest.raises(WeightsNotReachableError, match="name resolution failed"):
        fetch(hub_file(), settings=settings)


@pytest.mark.slow
def test_a_hub_that_never_answers(hub, settings):
    hub.trouble = "silent"
    started = time.monotonic()
    with pytest.raises(WeightsNotReachableError, match="no answer in time"):
        fetch(hub_file(), settings=settings)
    assert time.monotonic() - started < 10


def test_a_download_that_breaks_off_and_cannot_resume(hub, settings, monkeypatch):
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
    hub.trouble = "truncated"
    with pytest.raises(WeightsNotReachableError, match="broke off"):
        fetch(hub_file(), settings=settings)
    assert contents(settings.cache_dir) == []
    hub.trouble = ""
    assert fetch(hub_file(), settings=settings).read_bytes() == WEIGHTS


def test_offline_opens_no_connection(hub, settings):
    offline = Settings(cache_dir=settings.cache_dir, hub_url=hub.url, offline=True)
    with pytest.raises(WeightsNotReachableError, match="unset AISLE_OFFLINE, or put the file at") as caught:
        fetch(hub_file(), settings=offline)
    assert str(cache_path(hub_file(), settings=offline)) in str(caught.value)
    assert hub.requests == []


def test_several_at_once(settings):
    found = []
    file = hub_file(sha256=sha256_bytes(WEIGHTS))
    threads = [
        threading.Thread(target=lambda: found.append(fetch(file, settings=settings).read_bytes() == WEIGHTS))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4
    assert contents(settings.cache_dir) == ["model.safetensors"]


def test_a_local_file(tmp_path, settings):
    path = tmp_path / "own.onnx"
    path.write_bytes(WEIGHTS)
    assert fetch(LocalFile(path=path), settings=settings) == path
    assert fetch(LocalFile(path=path, sha256=sha256_bytes(WEIGHTS)), settings=settings) == path
    assert digest(LocalFile(path=path), settings=settings) == sha256_bytes(WEIGHTS)
    with pytest.raises(WeightsError, match=r"0000.* is asked for"):
        fetch(LocalFile(path=path, sha256="0" * 64), settings=settings)
    assert path.exists()
    with pytest.raises(WeightsNotReachableError, match="there is no weights file at"):
        fetch(LocalFile(path=tmp_path / "gone"), settings=settings)
