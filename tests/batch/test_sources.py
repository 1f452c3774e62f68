"""What a batch reads: every file once, in a fixed order, and nothing left out in silence."""

import os

import pytest

from aisle.batch.sources import find_sources
from aisle.errors import AisleError, CatalogError, CatalogNotFoundError

SHOP = b"id,title\n1,Mug\n"


@pytest.fixture
def data(tmp_path):
    """A folder as nightly exports leave it: tables, and what is none."""
    folder = tmp_path / "data"
    (folder / "older").mkdir(parents=True)
    for name in ("b.csv", "a.jsonl", "c.parquet", "older/d.csv"):
        (folder / name).write_bytes(SHOP)
    for name in (".hidden.csv", "b.quarantine.csv", "notes.txt", "photo.jpg", "_SUCCESS"):
        (folder / name).write_bytes(b"x")
    (folder / "archive.csv").mkdir()
    return folder


def names(sources):
    return [os.path.basename(source.url) for source in sources]


def test_a_folder_stands_for_all_its_tables(data):
    sources = find_sources([str(data)])
    assert [(source.url, source.kind, source.size) for source in sources] == [
        (str(data / "a.jsonl"), "jsonl", 15),
        (str(data / "b.csv"), "csv", 15),
        (str(data / "c.parquet"), "parquet", 15),
    ]


def test_a_glob_stands_for_the_files_that_it_matches(data):
    assert names(find_sources([str(data / "*.csv")])) == ["b.csv"]
    assert names(find_sources([str(data / "**" / "*.csv")])) == ["b.csv", "d.csv"]
    with pytest.raises(CatalogError, match=r"photo\.jpg is of no known kind"):
        find_sources([str(data / "*")])


def test_the_order_is_that_of_the_addresses_whatever_was_named_first(data):
    assert names(find_sources([str(data / "c.parquet"), str(data / "a.jsonl")])) == ["a.jsonl", "c.parquet"]


def test_a_file_that_is_found_twice_is_read_once(data, monkeypatch):
    os.symlink(data / "b.csv", data / "also_b.csv")
    monkeypatch.chdir(data)
    sources = find_sources(["b.csv", "./b.csv", (data / "b.csv").as_uri(), "*.csv"])
    assert [source.url for source in sources] == [str(data / "b.csv")]


def test_a_name_with_the_signs_of_a_glob_is_a_name_first(tmp_path):
    (tmp_path / "shop[1].csv").write_bytes(SHOP)
    (tmp_path / "shop1.csv").write_bytes(SHOP)
    assert names(find_sources([str(tmp_path / "shop[1].csv")])) == ["shop[1].csv"]


def test_a_file_whose_name_says_nothing(tmp_path):
    for name in ("part-00000", "part-00001", "_SUCCESS"):
        (tmp_path / name).write_bytes(SHOP)
    assert names(find_sources([str(tmp_path)], kind="csv")) == ["part-00000", "part-00001"]
    assert [source.kind for source in find_sources([str(tmp_path / "part-00000")], kind="jsonl")] == ["jsonl"]
    with pytest.raises(CatalogError, match="no known kind"):
        find_sources([str(tmp_path / "part-00000")])


@pytest.mark.parametrize("kind", [None, "csv"])
def test_packed_files_are_refused_not_left_out(data, kind):
    (data / "e.csv.gz").write_bytes(b"\x1f\x8b")
    for pattern in (data, data / "e.csv.gz", data / "*.gz"):
        with pytest.raises(CatalogError, match=r"e\.csv\.gz is of no known kind; unpack it first"):
            find_sources([str(pattern)], kind=kind)


def test_files_without_content(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"")
    (tmp_path / "b.csv").write_bytes(b"")
    for pattern in (tmp_path / "a.csv", tmp_path, tmp_path / "*.csv"):
        with pytest.raises(CatalogError, match=r"a\.csv is empty"):
            find_sources([str(pattern)])
    (tmp_path / "c.csv").write_bytes(SHOP)
    assert [source.size for source in find_sources([str(tmp_path)])] == [0, 0, 15]


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("nothing.csv", "there is no catalogue at nothing.csv; check the path"),
        ("nothing-*.csv", r"no file matches nothing-\*\.csv; check the pattern"),
        ("", "path of the products is empty"),
        ("-", "standard input"),
        ("a\0b.csv", "cannot be read"),
        ("empty", r"holds no table .*'\*\*/\*\.csv'"),
        ("photos", "`aisle classify` reads folders of photos"),
        ("pipe", "pipe is no regular file"),
        ("foo://bucket/a.csv", "foo://bucket/a.csv cannot be understood"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(tmp_path, monkeypatch, pattern, message):
    for folder in ("empty", "photos"):
        (tmp_path / folder).mkdir()
    (tmp_path / "photos" / "mug.jpg").write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CatalogError, match=message):
        find_sources([pattern], kind="csv" if pattern == "pipe" else None)


def test_nothing_named():
    with pytest.raises(CatalogError, match="no products are named"):
        find_sources([])


def test_a_file_that_may_not_be_looked_at(tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    (tmp_path / "shop.csv").write_bytes(SHOP)
    monkeypatch.setattr("pathlib.Path.stat", refuse)
    with pytest.raises(AisleError, match=r"shop\.csv cannot be read: Permission denied"):
        find_sources([str(tmp_path / "shop.csv")])


def test_the_stamp_is_another_when_the_file_has_changed(tmp_path):
    path = tmp_path / "shop.csv"
    path.write_bytes(SHOP)
    [before] = find_sources([str(path)])
    [again] = find_sources([str(path)])
    assert again == before
    seconds = path.stat().st_mtime + 1
    os.utime(path, (seconds, seconds))
    [later] = find_sources([str(path)])
    assert later.stamp != before.stamp
    before_utime = path.stat().st_mtime_ns
    path.write_bytes(SHOP * 2)
    os.utime(path, ns=(before_utime, before_utime))  # another size counts, even if the clock stood still
    assert find_sources([str(path)])[0].stamp != later.stamp


def test_a_file_that_is_gone_or_changed_since(tmp_path):
    path = tmp_path / "shop.csv"
    path.write_bytes(SHOP)
    [source] = find_sources([str(path)])
    source.check_unchanged()
    path.write_bytes(SHOP * 2)
    with pytest.raises(CatalogError, match=r"shop\.csv has changed since the batch was planned"):
        source.check_unchanged()
    path.unlink()
    with pytest.raises(CatalogNotFoundError, match=r"shop\.csv is gone since the batch was planned; put it back"):
        source.check_unchanged()
