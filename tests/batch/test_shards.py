"""Shards: together they are the whole file, whatever is in it, and each is read by itself."""

import csv
import io
import json
import os
import tracemalloc
from multiprocessing.reduction import ForkingPickler
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aisle.batch.shards import plan_shards, read_shard, recognise_source
from aisle.batch.sources import find_sources
from aisle.catalog import BadRow, csv_lines, stream_catalog
from aisle.errors import CatalogError, CatalogNotFoundError


def plan(*paths, rows=2):
    return [*plan_shards(find_sources([str(path) for path in paths]), rows=rows)]


def read(shards, **options):
    return [item for shard in shards for item in read_shard(shard, **options)]


def outcome(read_rows):
    """Return the rows, or why there are none."""
    try:
        return [*read_rows()]
    except CatalogError as err:
        return str(err)


def check_same(path, *, rows):
    """Compare the shards, read by themselves and the last one first, with the whole file."""
    shards = []

    def read_shards():
        [source] = find_sources([str(path)])
        recognise_source(source)
        shards.extend(plan_shards([source], rows=rows))
        parts = [read([shard]) for shard in reversed(shards)]
        return [item for part in reversed(parts) for item in part]

    assert outcome(read_shards) == outcome(lambda: stream_catalog(path, labels=False))
    assert {shard.rows for shard in shards[:-1]} <= {rows}
    assert [shard.begin for shard in shards[1:]] == [shard.end for shard in shards[:-1]]
    assert all(shard.end <= path.stat().st_size for shard in shards)


# --- any content at all

CELLS = [
    "x",
    "",
    " ",
    "é",
    '"q"',
    '"a,b"',
    '"a\nb"',
    '"a\r\n\nb"',
    '"a""b"',
    '12" x',
    '"open',
    '"a" b',
    '"l\n\nm,"',
    "\0",
]
LINE_ENDS = ["\n", "\n", "\n", "\r\n", "\r", "\n\n", " \n\u3000\n"]
ENCODINGS = ["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
RECORD = st.tuples(st.lists(st.sampled_from(CELLS), min_size=1, max_size=4), st.sampled_from(LINE_ENDS))
HEADERS = ["id,title{}", "\n \nid,title{}", "sep=,\r\nid,title{}", '"i\nd","title",{}', "title{}"]


@st.composite
def csv_bytes(draw):
    delimiter = draw(st.sampled_from(",;\t|"))
    text = draw(st.sampled_from(HEADERS)).format(draw(st.sampled_from(LINE_ENDS)))
    if draw(st.booleans()):
        text += "".join(",".join(cells) + end for cells, end in draw(st.lists(RECORD, max_size=12)))
    else:
        text += draw(st.text(st.sampled_from('a"\n, \ré\u2028\x85'), max_size=60))
    data = text.replace(",", delimiter).encode(draw(st.sampled_from(ENCODINGS)), errors="replace")
    at = draw(st.integers(0, len(data)))
    return data[:at] + draw(st.sampled_from([b"", b"", b"", b"\xe9", b"\xff\xfe", b"\0"])) + data[at:]


@settings(deadline=None, max_examples=150)
@given(data=csv_bytes(), rows=st.integers(1, 4), ahead=st.sampled_from([1, 7, 30, 1 << 15]))
@example(data=b'id,title\n1,"Mug\n2,Pot\n3,Pan\n', rows=2, ahead=1)
@example(data="id,title\n1,Mug\n".encode("utf-32")[:-1], rows=1, ahead=1)
def test_the_shards_of_any_csv_are_the_file(tmp_path_factory, data, rows, ahead):
    path = tmp_path_factory.mktemp("any") / "shop.csv"
    path.write_bytes(data)
    with mock.patch.object(csv_lines, "_AHEAD", ahead):  # how much is looked at in one go must not matter
        check_same(path, rows=rows)


JSON_LINES = [
    b'{"id": 1, "title": "Mug"}', b'{"title": "x", "late": [1]}', b'{"id": 2, "title": "cut', b"[]", b"", b" \t",
    b'{"id": 3, "title": "\xe9"}', b'{"id": 4}', b"\xef\xbb\xbf{}", b'{"id": "\\n"}', b"\x0b\x0c", b"null",
]  # fmt: skip


@settings(deadline=None, max_examples=120)
@given(
    lines=st.lists(st.sampled_from(JSON_LINES) | st.binary(max_size=12), max_size=15),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    end=st.sampled_from([b"\n", b"\r\n"]),
    rows=st.integers(1, 4),
)
def test_the_shards_of_any_json_lines_are_the_file(tmp_path_factory, lines, mark, end, rows):
    path = tmp_path_factory.mktemp("any") / "shop.jsonl"
    path.write_bytes(mark + end.join([b'{"id": 0, "title": "Pot"}', *lines]))
    check_same(path, rows=rows)


# --- what the property means, in plain cases


def test_rows_are_numbered_as_in_the_whole_file(tmp_path):
    (tmp_path / "shop.csv").write_bytes(b'id,title\n1,"Mug\nblue"\n\n2\n3,Pot\n4,"open\n5,Pan\n')
    shards = plan(tmp_path / "shop.csv")
    assert [(shard.number, shard.first_row, shard.rows) for shard in shards] == [(0, 1, 2), (1, 3, 2), (2, 5, 1)]
    assert [(item.row, getattr(item, "code", "")) for item in read(shards)] == [
        (1, ""), (2, "missing_cells"), (3, ""), (4, "unreadable"), (5, ""),
    ]  # fmt: skip
    [bad] = [item for item in read([shards[1]]) if isinstance(item, BadRow)]
    assert bad.message == "line 7: a quote is left open"


def test_nothing_is_guessed_anew_from_a_shard(tmp_path):
    """The second shard by itself is UTF-8 with commas; the file is Windows-1252 with semicolons."""
    (tmp_path / "shop.csv").write_bytes("id;titre\n1;Théière\n2;Étagère\n3;a,b,c\n4;d,e,f\n".encode("cp1252"))
    first, second = plan(tmp_path / "shop.csv")
    stream = read_shard(second)
    assert stream.columns.by_role == {"id": ("id",), "title": ("titre",)}
    assert "Windows-1252" in stream.notes[0]
    assert [item.product.title for item in stream] == ["a,b,c", "d,e,f"]
    assert [item.product.title for item in read([first])] == ["Théière", "Étagère"]


def test_a_mark_of_byte_order_at_the_beginning_serves_all_shards(tmp_path):
    rows = [["id", "title"], *([str(n), f"Thé {n}"] for n in range(1, 6))]
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    (tmp_path / "shop.csv").write_bytes(text.getvalue().encode("utf-16"))
    titles = [item.product.title for item in read(plan(tmp_path / "shop.csv"))]
    assert titles == ["Thé 1", "Thé 2", "Thé 3", "Thé 4", "Thé 5"]


def test_lines_that_are_too_long_are_cut_in_every_shard(tmp_path):
    path = tmp_path / "shop.csv"
    long = ",".join(["y" * 100_000] * 90)
    path.write_text(f"id,title\n1,Mug\n2,{long}\n3,Pot\n4,Pan\n")
    check_same(path, rows=2)
    assert [item.row for item in read(plan(path)) if isinstance(item, BadRow)] == [2]
    lines = [json.dumps({"id": n, "title": "x" * (9_000_000 if n == 2 else 3)}) for n in range(1, 5)]
    (tmp_path / "shop.jsonl").write_text("\n".join(lines))
    check_same(tmp_path / "shop.jsonl", rows=2)


def test_a_record_without_end_takes_no_memory_without_end(tmp_path):
    """Its lines, seventy thousand, are looked at one by one instead: only two of them are rows, and one a product."""
    path = tmp_path / "shop.csv"
    path.write_text('id,title\n1,"' + "\n" * 70_000 + '"\n2,Pot\n')
    check_same(path, rows=1)
    assert [getattr(item, "code", "") for item in read(plan(path))] == ["unreadable", "unreadable", ""]


def test_without_ids_a_product_is_called_by_its_row_in_its_file(tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("title\nMug\nPot\nPan\n")
    shards = plan(tmp_path)
    assert [(os.path.basename(shard.source.url), shard.first_row) for shard in shards] == [
        ("a.csv", 1), ("a.csv", 3), ("b.csv", 1), ("b.csv", 3),
    ]  # fmt: skip
    assert [item.product.id for item in read(shards)] == ["1", "2", "3"] * 2


def test_files_with_different_columns_are_recognised_each(tmp_path):
    (tmp_path / "a.csv").write_text("sku;titre\n1;Mug\n")
    (tmp_path / "b.jsonl").write_text('{"name": "Pot", "price": 3}\n')
    (tmp_path / "c.tsv").write_text("id\tdescription\n9\tblue\n")
    streams = [read_shard(shard) for shard in plan(tmp_path)]
    assert [(item.product.id, item.product.title, item.product.description) for s in streams for item in s] == [
        ("1", "Mug", ""), ("1", "Pot", ""), ("9", "", "blue"),
    ]  # fmt: skip
    assert [stream.columns.unused for stream in streams] == [(), ("price",), ()]


def test_columns_may_be_told_and_what_plays_no_part_is_kept(tmp_path):
    (tmp_path / "shop.csv").write_text("nr,name,label\n1,Mug,Home/Mugs\n2,Pot,Home\n")
    [shard] = plan(tmp_path / "shop.csv")
    stream = read_shard(shard, mapping={"id": "nr"})
    items = [*stream]
    assert [(item.product.id, item.product.category, stream.unused(item)) for item in items] == [
        ("1", (), {"label": "Home/Mugs"}), ("2", (), {"label": "Home"}),
    ]  # fmt: skip
    [first, _] = read_shard(shard, mapping={"id": "nr"}, separator="/", labels=True)
    assert first.product.category == ("Home", "Mugs")
    with pytest.raises(CatalogError, match="there is no column 'number'"):
        read_shard(shard, mapping={"id": "number"})


def test_what_no_column_says_is_known_before_anything_is_read(tmp_path):
    (tmp_path / "a.csv").write_text("id,price\n1,3\n")
    [source] = find_sources([str(tmp_path / "a.csv")])
    assert recognise_source(source, mapping={"title": "price"}).by_role["title"] == ("price",)
    with pytest.raises(CatalogError, match="known to hold a title"):
        recognise_source(source)


def test_photos_are_found_as_for_the_whole_file(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("photos/mug.jpg", "photos/2.png"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path.parent / "secret.jpg").write_bytes(b"x")
    (tmp_path / "shop.csv").write_text("id,title,photo\n1,Mug,mug.jpg\n2,Pot,\n3,Pan,../secret.jpg\n")
    assert [item.product.photo for item in read(plan(tmp_path / "shop.csv", rows=1))] == [
        tmp_path / "photos" / "mug.jpg",
        tmp_path / "photos" / "2.png",
        None,
    ]


def test_files_without_rows_have_no_shards(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / "b.csv").write_text("id,title\n\n \n")
    (tmp_path / "c.csv").write_text("id,title\n1,Mug\n")
    assert [os.path.basename(shard.source.url) for shard in plan(tmp_path)] == ["c.csv"]


def test_a_file_that_is_no_table_ends_the_plan_there(tmp_path):
    (tmp_path / "a.csv").write_text("id,title\n1,Mug\n")
    (tmp_path / "b.jsonl").write_text("[1]\n")
    shards = plan_shards(find_sources([str(tmp_path)]))
    assert next(shards).rows == 1
    with pytest.raises(CatalogError, match=r"b\.jsonl holds no JSON object"):
        next(shards)
    with pytest.raises(ValueError, match="at least 1"):
        next(plan_shards([], rows=0))


# --- files that change


@pytest.fixture
def shop(tmp_path):
    path = tmp_path / "shop.csv"
    path.write_text("id,title\n" + "".join(f"{n},Mug {n}\n" for n in range(1, 2001)))
    return path


def test_a_file_that_changed_since_the_plan_is_refused(shop):
    first, second = plan(shop, rows=1000)
    read([first])
    with shop.open("a") as file:
        file.write("2001,Pot\n")
    with pytest.raises(CatalogError, match=r"shop\.csv has changed since the batch was planned"):
        read_shard(second)
    shop.unlink()
    with pytest.raises(CatalogNotFoundError, match="is gone since the batch was planned"):
        read_shard(second)


def test_a_file_that_changes_while_it_is_read_or_planned_is_refused(shop):
    [shard] = plan(shop, rows=5000)
    rows = iter(read_shard(shard))
    next(rows)
    with shop.open("a") as file:
        file.write("2001,Pot\n")
    with pytest.raises(CatalogError, match="has changed since"):
        list(rows)
    shards = plan_shards(find_sources([str(shop)]), rows=500)
    next(shards)
    with shop.open("a") as file:
        file.write("2002,Pot\n")
    with pytest.raises(CatalogError, match="has changed since"):
        list(shards)


def test_a_file_that_is_shorter_than_it_seems_is_refused(shop):
    """As on network file systems, whose clocks and sizes lag."""
    _, second = plan(shop, rows=1000)
    shop.write_text("id,title\n" + "".join(f"{n},Mug {n}\n" for n in range(1, 1502)))
    with (
        mock.patch("aisle.batch.sources.Source.check_unchanged"),
        pytest.raises(CatalogError, match=r"ends behind row 1,501; it has changed"),
    ):
        read([second])


# --- how much it takes


def test_a_shard_is_small_and_can_be_sent(shop):
    shards = plan(shop, rows=10)
    sent = [bytes(ForkingPickler.dumps(shard)) for shard in shards]
    assert max(map(len, sent)) < 1500
    assert [ForkingPickler.loads(shard) for shard in sent] == shards


def test_a_reader_opens_the_file_where_its_rows_are(tmp_path):
    path = tmp_path / "shop.csv"
    path.write_text("id,title\n" + "".join(f"{n},{'x' * 1000}\n" for n in range(1000)))
    *_, last = plan(path, rows=100)
    data = path.read_bytes()
    path.write_bytes(b"?" * last.begin + data[last.begin :])
    with mock.patch("aisle.batch.sources.Source.check_unchanged"):
        assert [int(item.product.id) for item in read([last])] == [*range(900, 1000)]


@pytest.mark.parametrize("name", ["shop.csv", "shop.jsonl"])
def test_planning_takes_no_memory_for_the_rows(tmp_path, name):
    path = tmp_path / name
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        if name.endswith("csv"):
            writer.writerow(["id", "title", "description"])
        for n in range(15_000):
            row = [str(n), f"Mug {n}", "x" * (n % 200) + '\n"fine", blue']
            if name.endswith("csv"):
                writer.writerow(row)
            else:
                file.write(json.dumps(dict(zip(["id", "title", "description"], row, strict=True))) + "\n")
    plan(path, rows=10_000)  # loads what is loaded once
    tracemalloc.start()
    try:
        rows = sum(shard.rows for shard in plan_shards(find_sources([str(path)]), rows=1000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows == 15_000
    assert peak < 4_500_000  # the look at a megabyte, to guess the encoding, takes most of it
