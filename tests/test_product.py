"""The values that every layer speaks of, and the errors that a person may see."""

import dataclasses
import inspect
import sys
from pathlib import Path

import pytest

from aisle import errors
from aisle.errors import AisleError, DiskFullError, MissingExtraError, PhotoError
from aisle.extras import require
from aisle.product import Product, format_path


def test_a_product_from_what_a_seller_types():
    product = Product(title="Mug", photo="photos/mug.jpg")
    assert product.photo == Path("photos/mug.jpg")
    assert (product.description, product.id, product.category, dict(product.attributes)) == ("", "", (), {})


def test_the_bytes_of_a_photo_stay_bytes():
    assert Product(photo=b"\xff\xd8").photo == b"\xff\xd8"
    assert Product().photo is None


def test_a_category_is_not_a_string():
    with pytest.raises(TypeError, match="not the string 'Watches'"):
        Product(category="Watches")


def test_products_do_not_change():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Product(title="Mug").title = "Pot"
    with pytest.raises(TypeError):
        Product().attributes["brand"] = "Acme"


@pytest.mark.parametrize(("level", "label"), [(1, "A, B & C"), (2, "A, B & C > D/E"), (9, "A, B & C > D/E")])
def test_labels(level, label):
    assert Product(category=("A, B & C", "D/E")).label(level) == label
    assert Product().label(level) == ""


def test_paths_are_written_the_way_people_read_them():
    assert format_path(("A", "B")) == "A > B"
    assert format_path(()) == ""


PUBLIC = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, AisleError)]


@pytest.mark.parametrize("error", PUBLIC, ids=lambda error: error.__name__)
def test_every_error_is_an_aisle_error_and_the_fitting_built_in(error):
    builtins = [base for base in error.__mro__ if base.__module__ == "builtins"]
    assert error is AisleError or len(builtins) > 3  # more than Exception, BaseException and object
    assert error.__doc__


def test_a_photo_error_has_a_code():
    assert PhotoError("empty", "the photo x has no content").code == "empty"
    assert str(PhotoError("empty", "the photo x has no content")) == "the photo x has no content"


def test_a_full_disk_is_an_os_error_with_a_number():
    assert DiskFullError(28, "full").errno == 28


def test_an_extra_that_is_there():
    assert require("json", extra="data") is sys.modules["json"]


@pytest.mark.parametrize("module", ["no_such_module", "no_such_module.part", "json.no_such_part"])
def test_an_extra_that_is_not_there_says_what_to_install(module):
    name = module.partition(".")[0]
    with pytest.raises(MissingExtraError, match=rf"{name} is needed here: pip install 'aisle\[study\]'") as err:
        require(module, extra="study")
    assert isinstance(err.value, ImportError)
