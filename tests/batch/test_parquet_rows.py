"""Parquet in shards: a damaged row group costs its own rows, and no group is decoded once for each shard."""

from unittest import mock

import pytest

from aisle.batch.parquet_rows import cut_row_groups
from aisle.batch.shards import plan_shards, read_shard, recognise_source
from aisle.batch.sources import find_sources
from aisle.catalog import parquet_table, stream_catalog
from aisle.errors import CatalogError

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

ROWS = 1000


@pytest.fixture
def shop(tmp_path):
    """1000 products, in row groups of 300."""
    path = tmp_path / "shop.parquet"
    columns = {
        "id": [f"p{n}" for n in range(1, ROWS + 1)],
        "title": [f"Mug {n}" for n in range(1, ROWS + 1)],
        "image": [{"bytes": bytes([n % 256]) * 9, "path": "x.jpg"} for n in range(1, ROWS + 1)],
        "price": [n / 4 for n in range(1, ROWS + 1)],
    }
    pq.write_table(pa.table(columns), path, row_group_size=300, compression="none", use_dictionary=False)
    return path


def plan(path, *, rows):
    return [*plan_shards(find_sources([str(path)]), rows=rows)]


def ids(shard):
    return [item.product.id for item in read_shard(shard)]


@pytest.mark.parametrize("rows", [1, 7, 100, 256, 300, 301, 700, 5000])
def test_the_shards_are_the_file(shop, rows):
    shards = plan(shop, rows=rows)
    whole = [*stream_catalog(shop, labels=False)]
    assert sum(shard.rows for shard in shards) == ROWS
    assert max(shard.rows for shard in shards) <= rows
    parts = [[*read_shard(shard)] for shard in (shards if rows > 50 else shards[::97])]
    expected = (
        whole
        if rows > 50
        else [whole[n] for s in shards[::97] for n in range(s.first_row - 1, s.first_row - 1 + s.rows)]
    )
    assert [item for part in parts for item in part] == expected


def test_photos_in_the_table_and_columns_without_a_part(shop):
    stream = read_shard(plan(shop, rows=400)[1])
    first, *_ = stream
    assert (first.row, first.product.id, first.product.photo) == (301, "p301", bytes([301 - 256]) * 9)
    assert stream.unused(first) == {"price": 75.25}


def test_shards_may_be_read_in_any_order_and_side_by_side(shop):
    shards = plan(shop, rows=100)
    expected = [[f"p{n}" for n in range(s.first_row, s.first_row + s.rows)] for s in shards]
    assert [ids(shard) for shard in reversed(shards)] == expected[::-1]
    pairs = zip(read_shard(shards[1]), read_shard(shards[2]), strict=True)
    assert [[item.product.id for item in side] for side in zip(*pairs, strict=True)] == expected[1:3]
    half = iter(read_shard(shards[0]))
    next(half)
    del half  # somebody stopped in the middle
    assert ids(shards[0]) == expected[0]


def test_a_row_group_is_gone_through_once_however_many_shards_it_has(tmp_path):
    pq.write_table(pa.table({"title": [f"Mug {n}" for n in range(5000)]}), tmp_path / "shop.parquet")
    shards = plan(tmp_path / "shop.parquet", rows=100)
    decoded = []
    take = parquet_table.ParquetTable._take

    def counting(table, most):
        part = take(table, most)
        decoded.append(part.num_rows)
        return part

    with mock.patch.object(parquet_table.ParquetTable, "_take", counting):
        for shard in shards[::2]:
            assert len(ids(shard)) == 100
    assert sum(decoded) == 4900  # up to the end of the last one read


@pytest.mark.parametrize("size", [0, 1])
def test_tables_with_few_rows(tmp_path, size):
    path = tmp_path / "shop.parquet"
    pq.write_table(pa.table({"title": pa.array(["Mug"] * size, pa.string())}), path)
    assert [ids(shard) for shard in plan(path, rows=2)] == [["1"]] * size
    [source] = find_sources([str(path)])
    assert recognise_source(source).by_role == {"title": ("title",)}


def test_a_damaged_row_group_costs_its_own_rows(shop):
    group = pq.ParquetFile(shop).metadata.row_group(1)
    data = bytearray(shop.read_bytes())
    begin = group.column(0).data_page_offset
    data[begin : begin + 40] = b"\xff" * 40
    shop.write_bytes(data)
    read, damaged = [], []
    for shard in plan(shop, rows=600):
        try:
            read += ids(shard)
        except CatalogError as err:
            damaged.append(str(err))
    assert len(damaged) == 1
    assert "shop.parquet is damaged behind row " in damaged[0]
    assert read == [f"p{n}" for n in range(601, 1001)]
    assert [len(ids(shard)) for shard in plan(shop, rows=300) if shard.first_row != 301] == [300, 300, 100]


@pytest.mark.parametrize(
    ("groups", "rows", "expected"),
    [
        ([], 5, []),
        ([0, 0], 5, []),
        ([5, 5], 5, [5, 5]),
        ([2, 2, 2, 2], 5, [4, 4]),
        ([2, 0, 3, 1], 5, [5, 1]),
        ([12], 5, [5, 5, 2]),
        ([1, 12, 1, 1], 5, [1, 5, 5, 2, 2]),
    ],
)
def test_where_row_groups_are_cut(groups, rows, expected):
    assert list(cut_row_groups(groups, rows=rows)) == expected


def test_a_file_that_is_no_parquet(tmp_path):
    (tmp_path / "shop.parquet").write_text("id,title\n1,Mug\n")
    with pytest.raises(CatalogError, match=r"shop\.parquet is not a readable Parquet file"):
        plan(tmp_path / "shop.parquet", rows=5)


@pytest.mark.parametrize("rows", [3000, pytest.param(12_000, marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_the_row_group(tmp_path, rows):
    """Without a buffer, Arrow reads a whole row group at once: 15 MB here, all of it in the peak."""
    path = tmp_path / "shop.parquet"
    photos = pa.array([n.to_bytes(2, "big") * 2500 for n in range(rows)])
    table = pa.table({"title": [str(n) for n in range(rows)], "photo": photos})
    pq.write_table(
        table,
        path,
        row_group_size=rows,
        compression="none",
        use_dictionary=False,
        data_page_size=1 << 16,
        write_batch_size=32,
    )
    del table, photos
    [shard] = plan(path, rows=rows)
    pool = pa.default_memory_pool()
    before = pool.bytes_allocated()
    most = max(pool.bytes_allocated() - before for _ in read_shard(shard))
    assert most < 8_000_000
