"""CSV, JSON lines, folders and data frames as people really have them; rows fail alone."""

import json

import pytest

from aisle.catalog import read_catalog
from aisle.errors import AisleError, CatalogError, CatalogNotFoundError


def read(tmp_path, content, *, name="shop.csv", **options):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_catalog(path, **options)


def titles(catalog):
    return [product.title for product in catalog.products]


def trouble(catalog):
    return [(bad.row, bad.code, bad.field) for bad in catalog.bad_rows]


def test_a_plain_table(tmp_path):
    catalog = read(tmp_path, "id,title,category,price\n1,Mug,Home > Mugs,3\n2,Lamp,Home > Lamps,4\n")
    assert titles(catalog) == ["Mug", "Lamp"]
    assert [product.category for product in catalog.products] == [("Home", "Mugs"), ("Home", "Lamps")]
    assert catalog.columns.unused == ("price",)
    assert catalog.rows == 2
    assert catalog.notes == ()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(tmp_path, delimiter):
    header = delimiter.join(["id", '"title, of; it|all"', "category"])
    catalog = read(
        tmp_path,
        f'{header}\n1{delimiter}"a{delimiter}b"{delimiter}X\n',
        columns={"title": "title, of; it|all"},
    )
    assert titles(catalog) == [f"a{delimiter}b"]


def test_excel_names_the_delimiter(tmp_path):
    assert titles(read(tmp_path, "sep=;\r\nid;title\r\n1;Mug, blue\r\n")) == ["Mug, blue"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends(tmp_path, end):
    catalog = read(tmp_path, end.join(["id,title,description", '1,Mug,"two\nlines"', "2,Lamp,x", ""]))
    assert titles(catalog) == ["Mug", "Lamp"]
    assert catalog.products[0].description == "two\nlines"


def test_blank_lines_do_not_count(tmp_path):
    catalog = read(tmp_path, "\n \nid,title\n\n1,Mug\n   \n\n2\n3,Lamp\n\n")
    assert titles(catalog) == ["Mug", "Lamp"]
    assert trouble(catalog) == [(2, "missing_cells", "")]


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    catalog = read(tmp_path, b"\xef\xbb\xbfid,title\n1,Mug\n")
    assert catalog.columns.by_role == {"id": ("id",), "title": ("title",)}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings(tmp_path, encoding):
    assert titles(read(tmp_path, "id,title\n1,Théière été\n2,Lampe\n".encode(encoding))) == [
        "Théière été",
        "Lampe",
    ]


def test_french_from_an_old_windows_machine(tmp_path):
    catalog = read(tmp_path, "id;titre\n1;Théière à fleurs\n2;Étagère\n3;Lampe\n".encode("cp1252"))
    assert titles(catalog) == ["Théière à fleurs", "Étagère", "Lampe"]
    assert "Windows-1252" in catalog.notes[0]


def test_a_byte_that_windows_1252_does_not_have_spoils_its_row_alone(tmp_path):
    catalog = read(tmp_path, "id;titre\n1;Théière\n2;Étagère\n3;Lamp".encode("cp1252") + b"\x81\n4;Pot\n")
    assert titles(catalog) == ["Théière", "Étagère", "Pot"]
    assert trouble(catalog) == [(3, "bad_encoding", "titre")]


def test_text_that_is_neither_utf_8_nor_western_is_refused_not_garbled(tmp_path):
    with pytest.raises(CatalogError, match="save it as UTF-8"):
        read(tmp_path, ("名,title\n" + "1,男士机械手表陶瓷茶杯套装\n" * 9).encode("gb18030"))


def test_one_bad_row_does_not_change_how_the_others_are_read(tmp_path):
    rows = [f"{n},Théière {n}" for n in range(1, 30)]
    rows[9] = "10,Th\udce9i\udce8re"
    content = "\n".join(["id,title", *rows]).encode(errors="surrogateescape")
    catalog = read(tmp_path, content)
    assert len(catalog.products) == 28
    assert trouble(catalog) == [(10, "bad_encoding", "title")]
    assert catalog.products[0].title == "Théière 1"


def test_a_nul_spoils_its_row_alone(tmp_path):
    catalog = read(tmp_path, b"id,title\n1,Mug\n2,La\0mp\n3,Pot\n")
    assert titles(catalog) == ["Mug", "Pot"]
    assert trouble(catalog) == [(2, "bad_encoding", "title")]


def test_too_few_and_too_many_cells(tmp_path):
    catalog = read(tmp_path, "id,title,category\n1,Mug\n2,Lamp,X,Y\n3,Pot,Z\n4,Pan,Z,, \n")
    assert trouble(catalog) == [(1, "missing_cells", ""), (2, "extra_cells", "")]
    assert titles(catalog) == ["Pot", "Pan"]  # a delimiter too many at the end is no cell


GOOD = [f'{n},Mug {n},"a, b {n}"' for n in range(1, 9)]


@pytest.mark.parametrize("cell", ['"open', '"open, and more', '"'])
@pytest.mark.parametrize("row", [1, 4, 8])
def test_a_quote_left_open_costs_one_row(tmp_path, cell, row):
    rows = list(GOOD)
    rows[row - 1] = f"{row},Lamp,{cell}"
    catalog = read(tmp_path, "\n".join(["id,title,description", *rows, ""]))
    assert trouble(catalog) == [(row, "unreadable", "")]
    assert titles(catalog) == [f"Mug {n}" for n in range(1, 9) if n != row]


def test_a_quote_left_open_before_thousands_of_rows_costs_one_row(tmp_path):
    rows = [f"{n},Mug,{'x' * 80}" for n in range(5000)]
    rows[10] = '10,"Mug,x'
    catalog = read(tmp_path, "\n".join(["id,title,description", *rows]))
    assert trouble(catalog) == [(11, "unreadable", "")]
    assert len(catalog.products) == 4999


def test_quotes_inside_text_are_text(tmp_path):
    catalog = read(tmp_path, 'id,title\n1,19" rack\n2,"a ""fine"" mug"\n3,"19" rack\n')
    assert titles(catalog) == ['19" rack', 'a "fine" mug', "19 rack"]


def test_a_long_cell_over_many_lines_is_one_row(tmp_path):
    text = "\n".join(f"line {n}, with a comma" for n in range(2000))
    catalog = read(tmp_path, f'id,title,description\n1,Mug,"{text}"\n2,Pot,x\n')
    assert titles(catalog) == ["Mug", "Pot"]
    assert catalog.products[0].description == text


def test_a_megabyte_in_one_cell_costs_one_row(tmp_path):
    catalog = read(tmp_path, f'id,title\n1,Mug\n2,"{"x" * 1_000_000}"\n3,{"y" * 110_000}\n4,Pot\n')
    assert titles(catalog) == ["Mug", "Pot"]
    assert trouble(catalog) == [(2, "unreadable", ""), (3, "bad_value", "title")]


def test_a_name_that_the_header_has_twice(tmp_path):
    catalog = read(tmp_path, "id,title,tag,tag,,\n1,Mug,a,b,c,d\n")
    assert catalog.columns.unused == ("tag", "tag (2)", "column_5", "column_6")
    assert "'tag' twice" in catalog.notes[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"id,title\n", "no rows"),
        (b"\n \n", "blank lines"),
        (b"1,Blue mug,3.50\n2,Lamp,9\n", "begins with a line that names its columns"),
        (b"PK\x03\x04\x14\0\x08\x08\xff\xfe\0\0\x90,\n" * 30, "not text|neither UTF-8|known to hold"),
        (b'id,"title\n1,Mug\n', "quote is left open"),
        (b"id,title\n,Mug\n,Pot\n", "none of 2 rows is usable; the first: the row has no id"),
    ],
)
def test_what_is_no_catalogue_is_refused_in_one_sentence(tmp_path, content, message):
    with pytest.raises(CatalogError, match=message):
        read(tmp_path, content)


@pytest.mark.parametrize("name", ["shop.xlsx", "shop.json", "shop.csv.gz", "shop"])
def test_files_of_other_kinds_are_refused(tmp_path, name):
    with pytest.raises(CatalogError, match="no known kind"):
        read(tmp_path, b"x", name=name)


def test_no_file_no_path(tmp_path):
    with pytest.raises(CatalogNotFoundError, match="check the path"):
        read_catalog(tmp_path / "nothing.csv")
    with pytest.raises(CatalogError, match="path is empty"):
        read_catalog("")
    with pytest.raises(AisleError):
        read_catalog("a\0b.csv")


# --- JSON lines


def test_json_lines(tmp_path):
    lines = [
        '\ufeff{"id": 1, "title": "Mug", "category": ["Home", "Mugs"]}',
        "",
        '{"id": 2.0, "title": "Lamp", "price": NaN, "category": null}',
        '{"id": "3", "title": null, "description": "Pot", "extra": {"a": [1]}}',
        '{"id": 4, "title": "first", "title": "last"}',
    ]
    catalog = read(tmp_path, "\n".join(lines), name="shop.jsonl")
    assert [product.id for product in catalog.products] == ["1", "2", "3", "4"]
    assert titles(catalog) == ["Mug", "Lamp", "", "last"]
    assert catalog.products[0].category == ("Home", "Mugs")
    assert catalog.products[1].category == ()


BAD_LINES = [
    (b"[1, 2]", "bad_json"),
    (b"null", "bad_json"),
    (b'"text"', "bad_json"),
    (b'{"id": 9, "title": "cut', "bad_json"),
    (b"[" * 100_000, "bad_json"),
    (b'{"id": 9, "title": ' + b"7" * 5000 + b"}", "bad_json"),
    (b'{"id": 9, "title": "\xe9"}', "bad_encoding"),
    (b'{"id": 9, "title": "\\ud800"}', "bad_encoding"),
    (b'{"id": 9, "title": "' + b"x" * 9_000_000 + b'"}', "bad_json"),
    (b'{"title": "no id"}', "missing_id"),
    (b'{"id": NaN, "title": "no id"}', "missing_id"),
    (b'{"id": 1, "title": "again"}', "duplicate_id"),
    (b'{"id": 9}', "empty_product"),
]


@pytest.mark.parametrize(("line", "code"), BAD_LINES, ids=lambda value: str(value)[:30])
def test_a_bad_line_fails_alone(tmp_path, line, code):
    content = b'{"id": 1, "title": "Mug"}\n' + line + b'\n{"id": 2, "title": "Pot"}\n'
    catalog = read(tmp_path, content, name="shop.jsonl")
    assert titles(catalog) == ["Mug", "Pot"]
    assert [(row, found) for row, found, _ in trouble(catalog)] == [(2, code)]


@pytest.mark.parametrize("depth", [50, 900, 2000, 50_000])
def test_nested_values_never_end_the_reading(tmp_path, depth):
    nested = b'{"id": 2, "title": "x", "category": ' + b"[" * depth + b"]" * depth + b"}\n"
    catalog = read(tmp_path, b'{"id": 1, "title": "Mug", "category": "Home"}\n' + nested, name="shop.jsonl")
    assert catalog.rows == 2
    assert catalog.products[0].title == "Mug"


def test_a_json_array_in_a_jsonl_file_is_explained(tmp_path):
    with pytest.raises(CatalogError, match="one per line is expected; row 1: the line is not a JSON object"):
        read(tmp_path, json.dumps([{"id": 1, "title": "Mug"}]), name="shop.jsonl")


# --- folders


def test_a_folder_with_one_table(tmp_path):
    (tmp_path / "shop.csv").write_text("id,title\n1,Mug\n")
    (tmp_path / "shop.quarantine.csv").write_text("row,code\n")
    (tmp_path / ".hidden.csv").write_text("x\n")
    (tmp_path / "notes.txt").write_text("mine\n")
    assert titles(read_catalog(tmp_path)) == ["Mug"]


def test_a_folder_with_several_tables_asks_which(tmp_path):
    (tmp_path / "a.csv").write_text("id,title\n1,Mug\n")
    (tmp_path / "b.jsonl").write_text("{}\n")
    with pytest.raises(CatalogError, match=r"several tables \(a.csv, b.jsonl\)"):
        read_catalog(tmp_path)


def test_an_empty_folder(tmp_path):
    with pytest.raises(CatalogError, match="neither a table"):
        read_catalog(tmp_path)


def test_photos_in_folders_named_after_their_categories(tmp_path):
    names = [
        "Home/Mugs > Cups/blue_mug.JPG",
        "Home/Size >10/lamp-2.png",
        "Toys/IMG_0042.jpeg",
        "Toys/.hidden/x.jpg",
        "Toys/Thumbs.db",
        "loose.webp",
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "album.jpg").mkdir()
    catalog = read_catalog(tmp_path, separator="/")
    found = {p.photo.name: (p.title, p.category) for p in catalog.products}
    assert found == {
        "blue_mug.JPG": ("blue mug", ("Home", "Mugs > Cups")),
        "lamp-2.png": ("lamp 2", ("Home", "Size >10")),
        "IMG_0042.jpeg": ("", ("Toys",)),
        "loose.webp": ("loose", ()),
    }
    assert "no table" in catalog.notes[0]
