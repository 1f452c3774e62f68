"""Columns recognised by the names that exports give them."""

import pytest

from aisle.catalog.columns import recognise_columns
from aisle.errors import CatalogError

EXPORTS = {
    "Flipkart": (
        "uniq_id,product_name,product_category_tree,image,description,brand,product_specifications,pid",
        {"id": "uniq_id", "title": "product_name", "category": "product_category_tree", "photo": "image"},
    ),
    "Shopify": (
        "Handle,Title,Body (HTML),Vendor,Type,Tags,Image Src",
        {"id": "Handle", "title": "Title", "description": "Body (HTML)", "brand": "Vendor", "photo": "Image Src"},
    ),
    "Google Merchant": (
        "id,title,description,link,image_link,google_product_category,product_type,brand,gtin",
        {"id": "id", "photo": "image_link", "category": "google_product_category"},
    ),
    "French": (
        "Référence,Désignation,Descriptif,Catégorie,Marque,Photo",
        {
            "id": "Référence",
            "title": "Désignation",
            "description": "Descriptif",
            "category": "Catégorie",
            "brand": "Marque",
            "photo": "Photo",
        },
    ),
    "camel case": (
        "productId,productName,productDescription,imageURL,categoryPath",
        {
            "id": "productId",
            "title": "productName",
            "description": "productDescription",
            "photo": "imageURL",
            "category": "categoryPath",
        },
    ),
}  # fmt: skip


@pytest.mark.parametrize("export", EXPORTS)
def test_exports_of_well_known_shops(export):
    header, expected = EXPORTS[export]
    found = {role: names[0] for role, names in recognise_columns(header.split(",")).by_role.items()}
    assert expected.items() <= found.items()


def test_columns_without_a_part_are_named():
    assert recognise_columns(["title", "price", "Name"]).unused == ("price", "Name")


def test_a_mapping_wins_and_frees_the_other_column():
    found = recognise_columns(["title", "long_name", "id"], mapping={"title": "long_name"})
    assert found.by_role["title"] == ("long_name",)
    assert found.unused == ("title",)
    assert (found.name("title"), found.name("brand")) == ("long_name", "brand")


def test_a_category_may_have_several_columns_or_a_comma_in_its_name():
    names = ["title", "a", "b", "a,b,c"]
    assert recognise_columns(names, mapping={"category": "a,b"}).by_role["category"] == ("a", "b")
    assert recognise_columns(names, mapping={"category": "a,b,c"}).by_role["category"] == ("a,b,c",)


@pytest.mark.parametrize(
    ("names", "mapping", "message"),
    [
        (["title"], {"colour": "title"}, "unknown role 'colour'; known: id, title"),
        (["title"], {"title": "name"}, "no column 'name'; there are title"),
        (["title", "a"], {"category": "a,b"}, "no column 'b'"),
        (["title", "a"], {"title": "title,a"}, "no column 'title,a'"),
        (["foo", "bar"], {}, "--map title=foo"),
        ([], {}, "an empty header"),
        ([f"{n:090}" for n in range(99)], {}, "and 79 more"),
        (["品名", "价格"], {}, "--map title=品名"),
    ],
)
def test_what_cannot_be_recognised_is_explained(names, mapping, message):
    with pytest.raises(CatalogError) as err:
        recognise_columns(names, mapping=mapping)
    assert message in str(err.value)
    assert len(str(err.value)) < 1500
