"""Products as a stream: the same as the whole catalogue, from a pipe as well, in memory that does not grow."""

import csv
import io
import itertools
import json
import os
import threading
import tracemalloc

import pytest

from aisle.catalog import BadRow, read_catalog, stream_catalog
from aisle.errors import CatalogError


class Pipe(io.RawIOBase):
    """What can be read once, forwards, in pieces of any size; never read again after its end."""

    def __init__(self, chunks):
        self.chunks = iter(chunks)
        self.rest = b""
        self.ended = False

    def readable(self):
        return True

    def readinto(self, buffer):
        assert not self.ended, "read after its end: a terminal would ask for more"
        self.rest = self.rest or next(self.chunks, b"")
        taken, self.rest = self.rest[: len(buffer)], self.rest[len(buffer) :]
        buffer[: len(taken)] = taken
        self.ended = not taken
        return len(taken)


def through(*chunks, **options):
    return stream_catalog(Pipe(chunk.encode() if isinstance(chunk, str) else chunk for chunk in chunks), **options)


def good(stream):
    return [item.product for item in stream if not isinstance(item, BadRow)]


def split(stream):
    items = list(stream)
    return [item.product for item in items if not isinstance(item, BadRow)], [
        item for item in items if isinstance(item, BadRow)
    ]


def test_a_stream_reads_what_the_whole_catalogue_reads(sample_shop):
    whole = read_catalog(sample_shop)
    products, bad = split(stream_catalog(sample_shop))
    kept = [row for row in whole.bad_rows if row.code != "duplicate_id"]
    assert bad == kept
    once = {product.id: product for product in reversed(products)}  # the first of those whose id comes twice
    assert [once[product.id] for product in whole.products] == list(whole.products)
    assert len(products) + len(bad) == whole.rows


def test_ids_that_come_twice_are_answered_each():
    stream = through("id,title\n1,Mug\n1,Pot\n")
    assert [(product.id, product.title) for product in good(stream)] == [("1", "Mug"), ("1", "Pot")]


def test_a_missing_id_is_the_row_number_only_without_a_column_of_ids():
    assert [product.id for product in good(through("title\nMug\nPot\n"))] == ["1", "2"]
    items = list(through("id,title\n,Mug\n2,Pot\n"))
    assert (items[0].row, items[0].code, items[1].product.id) == (1, "missing_id", "2")


def test_cells_are_kept_with_their_row_number():
    stream = through("id,title,price,shelf\n1,Mug, 3.50,\n2,cut\n3,Pot,=1,B\n")
    first, _, third = stream
    assert (first.row, stream.unused(first)) == (1, {"price": " 3.50", "shelf": ""})
    assert (third.row, stream.unused(third)) == (3, {"price": "=1", "shelf": "B"})


def test_keys_that_only_later_lines_have_are_kept():
    lines = [json.dumps({"title": f"Mug {n}"}) for n in range(1500)] + ['{"title": "Pot", "late": [1, null]}']
    stream = through("\n".join(lines))
    *_, last = stream
    assert "late" not in stream.columns.unused
    assert stream.unused(last) == {"late": [1, None]}


def test_labels_may_be_left_alone():
    content = f"id,title,category\n1,Mug,Home / Mugs\n2,Pot,{'x' * 20_000}\n"
    products, bad = split(through(content, separator="/"))
    assert [product.category for product in products] == [("Home", "Mugs")]
    assert [row.code for row in bad] == ["bad_value"]
    stream = through(content, labels=False)
    assert stream.columns.unused == ("category",)
    items = list(stream)
    assert [item.product.category for item in items] == [(), ()]
    assert stream.unused(items[0]) == {"category": "Home / Mugs"}


# --- what can be read only once


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_csv_through_a_pipe(size, encoding):
    rows = [[str(n), f'Théière "{n}"\nà fleurs, été', "x" * 10] for n in range(300)]
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["id", "titre", "rayon"], *rows])
    content = buffer.getvalue().encode(encoding)
    stream = through(*(content[at : at + size] for at in range(0, len(content), size)))
    assert [(product.id, product.title) for product in good(stream)] == [(row[0], row[1]) for row in rows]


def test_more_than_is_looked_at_first():
    rows = 40_000
    lines = (f"{n},Mug {n},{'y' * 60}\n".encode() for n in range(rows))
    stream = through(*itertools.chain([b"id,title,note\n"], lines))
    assert [int(product.id) for product in good(stream)] == list(range(rows))
    lines = (json.dumps({"id": n, "title": "Mug", "note": "y" * 60}).encode() + b"\n" for n in range(rows))
    assert [int(product.id) for product in good(through(*lines))] == list(range(rows))


def test_a_first_line_longer_than_what_is_looked_at_first():
    line = json.dumps({"title": "Mug", "note": "y" * 3_000_000}).encode()
    assert [product.title for product in good(through(line, b'\n{"title": "Pot"}\n'))] == ["Mug", "Pot"]


@pytest.mark.parametrize("lead", ["", "\ufeff", "\n \n\t"])
def test_the_first_byte_tells_json_lines(lead):
    assert [product.title for product in good(through(f'{lead}{{"title": "Mug, blue"}}\n'))] == ["Mug, blue"]


def test_the_kind_may_be_told():
    stream = through("{id},title\n1,Mug\n", kind="csv")
    assert stream.columns.unused == ()
    assert [product.title for product in good(stream)] == ["Mug"]


def test_the_kind_of_a_file_may_be_told(tmp_path):
    (tmp_path / "export.dat").write_text("id,title\n1,Mug\n")
    assert [product.title for product in good(stream_catalog(tmp_path / "export.dat", kind="csv"))] == ["Mug"]
    with pytest.raises(CatalogError, match="no known kind"):
        stream_catalog(tmp_path / "export.dat")
    with pytest.raises(CatalogError, match="'xml' is no kind of catalogue"):
        stream_catalog(tmp_path / "export.dat", kind="xml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b'[{"title": "Mug"}]', "JSON array; write one object per line"),
        (b"PAR1\x15\x04", "Parquet cannot be read from .*; name a file"),
        (b'{"title": "cut', "no JSON object"),
        (b"1,2\n", "known to hold a title"),
        (b"title" + b"x" * 9_000_000 + b"\n", "no header that can be read"),
        (b"title," + b",".join([b"%d" % n + b"x" * 100_000 for n in range(100)]) + b"\n1\n", "is it really a table"),
    ],
)
def test_a_pipe_with_something_else(content, message):
    with pytest.raises(CatalogError, match=message):
        list(through(content))


def test_photos_of_a_pipe_lie_in_the_working_folder(tmp_path, monkeypatch):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mug.jpg").write_bytes(b"x")
    (tmp_path.parent / "secret.jpg").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    products = good(through("title,photo\nMug,photos/mug.jpg\nPot,../secret.jpg\nPan,mug.jpg\n"))
    assert [product.photo and product.photo.as_posix() for product in products] == [
        "photos/mug.jpg",
        None,
        "photos/mug.jpg",
    ]


def test_a_named_pipe(tmp_path):
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("id,title\n1,Mug\n",))
    writer.start()
    try:
        assert [product.title for product in good(stream_catalog(path))] == ["Mug"]
    finally:
        writer.join()


@pytest.mark.parametrize("rows", [20_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_the_rows(rows):
    list(through("id,title,note\n1,Mug,x\n"))  # loads what is loaded once
    lines = (f"{n},Mug {n},{'x' * 200}\n".encode() for n in range(rows))
    early = count = 0
    tracemalloc.start()
    try:
        for count, _ in enumerate(stream_catalog(Pipe(itertools.chain([b"id,title,note\n"], lines))), start=1):
            if count == 8_000:
                early = tracemalloc.get_traced_memory()[0]
        late, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == rows
    assert late - early < 500_000  # a set of the ids alone would be 800 kB already for 12,000 more rows
    assert peak < 16_000_000
