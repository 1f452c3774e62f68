"""Object stores and the web: the same rows as from a disk, read in parts, and plain words where that fails."""

import http.server
import re
import socket
import sys
import threading

import pytest

from aisle.batch.shards import plan_shards, read_shard
from aisle.batch.sources import find_sources
from aisle.batch.storage import Facts, facts_of_entry, shown
from aisle.catalog import stream_catalog
from aisle.errors import CatalogError, CatalogNotFoundError, MissingExtraError

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def bucket():
    """An object store in memory, empty before and after."""
    store = fsspec.filesystem("memory")
    store.rm("/", recursive=True) if store.ls("/") else None
    yield store
    store.rm("/", recursive=True) if store.ls("/") else None


def plan(*patterns, rows=2, **options):
    return [*plan_shards(find_sources(patterns, **options), rows=rows)]


def titles(shards):
    return [item.product.title for shard in shards for item in read_shard(shard)]


CONTENT = {
    "a.csv": 'id;titre\n1;Théière\n2;"l\nm"\n3;Étagère\n'.encode("cp1252"),
    "b.jsonl": b'{"title": "Mug"}\n\n{"title": "Pot"}\n',
}


def test_files_of_a_bucket(bucket):
    for name, content in CONTENT.items():
        bucket.pipe(f"/shop/{name}", content)
    bucket.pipe("/shop/.hidden.csv", b"x")
    bucket.pipe("/shop/deep/c.csv", b"title\nPan\n")
    everything = ["Théière", "l\nm", "Étagère", "Mug", "Pot"]
    shards = plan("memory://shop")
    assert titles(shards) == everything
    assert [shard.source.url for shard in shards] == ["memory:///shop/a.csv"] * 2 + ["memory:///shop/b.jsonl"]
    assert titles(plan("memory://shop/b.jsonl", "memory://shop/*.*")) == everything
    assert titles(plan("memory://shop/**/*.csv")) == [*everything[:3], "Pan"]


def test_parquet_of_a_bucket(bucket, tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    table = pa.table({"id": [*range(50)], "title": [f"Mug {n}" for n in range(50)]})
    pq.write_table(table, tmp_path / "shop.parquet", row_group_size=20)
    bucket.pipe("/shop.parquet", (tmp_path / "shop.parquet").read_bytes())
    shards = plan("memory://shop.parquet", rows=15)
    assert [shard.rows for shard in shards] == [15, 5, 15, 5, 10]
    assert [item for shard in shards for item in read_shard(shard)] == [*stream_catalog(tmp_path / "shop.parquet")]


def test_a_file_of_a_bucket_that_changed_or_is_gone(bucket):
    bucket.pipe("/shop.csv", b"id,title\n1,Mug\n")
    [shard] = plan("memory://shop.csv")
    bucket.pipe("/shop.csv", b"id,title\n1,Pot\n")
    with pytest.raises(CatalogError, match=r"memory:///shop\.csv has changed since"):
        read_shard(shard)
    bucket.rm("/shop.csv")
    with pytest.raises(CatalogNotFoundError, match=r"memory:///shop\.csv is gone since"):
        read_shard(shard)


def test_what_a_driver_remembers_of_a_file_is_not_believed(bucket, monkeypatch):
    """Those of object stores answer from what they listed last, until they are told to forget it."""
    seen = {}
    look = type(bucket).info
    monkeypatch.setattr(type(bucket), "info", lambda store, path: seen.setdefault(path, look(store, path)))
    monkeypatch.setattr(type(bucket), "invalidate_cache", lambda _: seen.clear())
    bucket.pipe("/shop.csv", b"title\nMug\n")
    [shard] = plan("memory://shop.csv")
    bucket.pipe("/shop.csv", b"title\nPot\n")
    with pytest.raises(CatalogError, match=r"shop\.csv has changed since"):
        read_shard(shard)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("memory://nothing.csv", "there is no catalogue at memory://nothing.csv"),
        ("memory://shop/*.parquet", r"no file matches memory://shop/\*\.parquet"),
        ("memory://photos", "holds no table"),
        ("memory://packed", r"a\.csv\.gz is of no known kind; unpack it first"),
        ("memory://shop/empty.csv", r"empty\.csv is empty"),
    ],
)
def test_what_a_bucket_does_not_hold(bucket, url, message):
    bucket.pipe({"/shop/empty.csv": b"", "/photos/mug.jpg": b"x", "/packed/a.csv.gz": b"x"})
    with pytest.raises(CatalogError, match=message):
        plan(url)


@pytest.mark.parametrize(
    ("url", "module", "remedy"),
    [("s3://bucket/*.csv", "s3fs", "pip install s3fs"), ("gs://bucket/a.csv", "gcsfs", "pip install gcsfs")],
)
def test_a_driver_that_is_not_installed(monkeypatch, url, module, remedy):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=f"need a driver that is not installed: {remedy}"):
        find_sources([url])


def test_fsspec_that_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'aisle[batch]'")):
        find_sources(["s3://bucket/a.csv"])


def test_photos_beside_a_table_in_a_bucket(bucket):
    bucket.pipe(
        {
            "/shop/shop.jsonl": b"\n".join(
                b'{"title": "%d", "photo": "%s"}' % (n, name)
                for n, name in enumerate(
                    [b"p/mug 1.jpg", b"./p/mug 1.jpg", b"p/none.jpg", b"", b"../secret.jpg", b"/secret.jpg", b"p",
                     b"https://x.example/mug.jpg", b"p/empty.jpg", b"p\\\\pot.jpg", b"p/pot.jpg; p/b.jpg"]
                )
            ),
            "/shop/p/mug 1.jpg": b"mug", "/shop/p/pot.jpg": b"pot", "/shop/p/empty.jpg": b"", "/secret.jpg": b"secret",
        }
    )  # fmt: skip
    photos = [item.product.photo for shard in plan("memory://shop/shop.jsonl", rows=10) for item in read_shard(shard)]
    assert photos == [b"mug", b"mug", *[None] * 7, b"pot", b"pot"]


def test_a_store_that_fails_ends_the_shard(bucket, monkeypatch):
    bucket.pipe({"/shop.csv": b"title,photo\nMug,mug.jpg\n", "/mug.jpg": b"x"})
    [shard] = plan("memory://shop.csv")

    def refuse(*_, **__):
        raise TimeoutError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(type(bucket), "cat_file", refuse)
        with pytest.raises(CatalogError, match=r"photo memory:///mug\.jpg cannot be fetched: no answer"):
            list(read_shard(shard))
    with monkeypatch.context() as patch:
        patch.setattr(type(bucket), "_open", refuse)
        with pytest.raises(CatalogError, match=r"memory:///shop\.csv cannot be read: no answer"):
            list(read_shard(shard))


# --- the web


class Server(http.server.BaseHTTPRequestHandler):
    """Serves parts of files, as object stores do."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, *, body):
        self.server.asked.append((self.command, self.path, self.headers.get("Range")))
        content = self.server.files.get(self.path.partition("?")[0])
        if content is None or self.server.refusal:
            self.send_response(self.server.refusal or 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        begin, end = (int(asked[1]), int(asked[2] or len(content)) + 1) if asked and self.server.parts else (0, None)
        part = content[begin:end]
        self.send_response(206 if asked and self.server.parts else 200)
        if asked and self.server.parts:
            self.send_header("Content-Range", f"bytes {begin}-{begin + len(part) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(part)))
        self.send_header("ETag", f'"{hash(content)}"')
        self.end_headers()
        if body:
            self.wfile.write(part)

    def log_message(self, *_):
        pass


@pytest.fixture
def web():
    """A server of this machine; its `files` are what it serves and `asked` what it was asked for."""
    pytest.importorskip("aiohttp")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.files, server.asked, server.parts, server.refusal = {}, [], True, 0
    server.handle_error = lambda *_: None  # clients that hang up are no news
    server.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_files_of_the_web_are_read_in_parts(web):
    rows = "".join(f"{n},Mug {n},{'x' * 1000}\n" for n in range(2000))
    web.files["/shop.csv"] = f"id,title,note\n{rows}".encode()
    shards = plan(f"{web.url}/shop.csv?signature=secret", rows=500)
    assert [shard.rows for shard in shards] == [500] * 4
    web.asked.clear()
    assert titles(shards[2:3]) == [f"Mug {n}" for n in range(1000, 1500)]
    asked = [re.fullmatch(r"bytes=(\d+)-(\d+)", part) for method, _, part in web.asked if method == "GET"]
    fetched = sum(min(int(part[2]) + 1, len(web.files["/shop.csv"])) - int(part[1]) for part in asked)
    assert min(int(part[1]) for part in asked) == shards[2].begin
    assert fetched <= 2.2 * (shards[2].end - shards[2].begin)
    assert "secret" not in shards[0].source.name


def test_photos_of_the_web_lie_beside_the_table(web):
    names = ["p/mug 1.jpg", "none.jpg", "p/a#1?.jpg", "../secret.jpg", "/secret.jpg"]
    table = "title,photo\n" + "".join(f"Mug,{name}\n" for name in names)
    web.files = {"/a/shop.csv": table.encode(), "/a/p/mug%201.jpg": b"mug", "/a/p/a%231%3F.jpg": b"odd"}
    web.files["/secret.jpg"] = web.files["/a//secret.jpg"] = b"secret"
    [shard] = plan(f"{web.url}/a/shop.csv?x=1", rows=9)
    assert [item.product.photo for item in read_shard(shard)] == [b"mug", None, b"odd", None, None]


def test_a_file_of_the_web_that_changed(web):
    web.files["/shop.csv"] = b"title\nMug\n"
    [shard] = plan(f"{web.url}/shop.csv")
    web.files["/shop.csv"] = b"title\nPot\n"
    with pytest.raises(CatalogError, match=r"shop\.csv has changed since"):
        read_shard(shard)


def test_what_the_web_does_not_give(web):
    web.files["/shop.csv"] = b"title\nMug\n"
    with pytest.raises(CatalogNotFoundError, match=r"there is no catalogue at http.*none\.csv"):
        plan(f"{web.url}/none.csv")
    web.refusal = 403
    with pytest.raises(CatalogError, match=r"shop\.csv cannot be read: .*403.*shop\.csv") as refused:
        plan(f"{web.url}/shop.csv?signature=secret")
    assert "secret" not in str(refused.value)
    assert not isinstance(refused.value, CatalogNotFoundError)


def test_a_server_in_trouble_has_not_lost_the_file(web):
    web.files["/shop.csv"] = b"title\nMug\n"
    [shard] = plan(f"{web.url}/shop.csv")
    web.refusal = 503
    with pytest.raises(CatalogError, match=r"shop\.csv cannot be read: .*503") as refused:
        read_shard(shard)
    assert not isinstance(refused.value, CatalogNotFoundError)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}/shop.csv"
        with pytest.raises(CatalogError, match=r"shop\.csv cannot be read: .*[Cc]onnect") as refused:
            plan(url)
    assert not isinstance(refused.value, CatalogNotFoundError)


def test_a_server_that_serves_whole_files_only(web):
    web.parts = False
    web.files["/shop.csv"] = b"id,title\n" + b"".join(b"%d,Mug\n" % n for n in range(400_000))
    shards = plan_shards(find_sources([f"{web.url}/shop.csv"]), rows=100_000)
    with pytest.raises(CatalogError, match=r"does the server serve parts of a file\? If not, download it"):
        list(shards)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://me:word@shop.example/a.csv?X-Signature=abc#x", "https://shop.example/a.csv"),
        ("s3://key:secret@bucket/a?b.csv", "s3://bucket/a?b.csv"),
        ("/data/a?b.csv", "/data/a?b.csv"),
    ],
)
def test_what_is_secret_in_an_address_is_not_shown(url, expected):
    assert shown(url) == expected


def test_what_stores_say_of_a_file():
    """As S3, Google and a disk say it; a mark of the content is better than a time."""
    s3 = {"type": "file", "size": 5, "LastModified": "monday", "ETag": '"abc"'}
    assert facts_of_entry(s3, "s3://b/a") == Facts(5, '"abc"-5')
    assert facts_of_entry({"type": "file", "size": 5, "mtime": 17.5, "created": 3}, "x://b/a") == Facts(5, "17.5-5")
    with pytest.raises(CatalogError, match="does not say how large x://b/a is"):
        facts_of_entry({"type": "file", "size": None}, "x://b/a")
    with pytest.raises(CatalogError, match="is no file"):
        facts_of_entry({"type": "other"}, "x://b/a")
