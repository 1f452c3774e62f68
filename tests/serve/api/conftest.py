"""Programs that talk to the whole service."""

import base64

import pytest
from tests.engine.conftest import GOODS, picture
from tests.serve.conftest import (  # noqa: F401 - fixtures
    app,
    app_of,
    blank_database,
    client,
    clock,
    database,
    engine_files,
    engine_folder,
    keys,
    live,
    options,
    shop,
    tiny_engine,
    train,
    trained,
)

MUG = {"title": "acme ceramic mug 12", "description": "coffee tea mug by acme, handle no 7"}


@pytest.fixture
def photo():
    """A photo of a mug, as bytes."""
    return picture(GOODS["Kitchen", "Mugs"][2], 1)


@pytest.fixture
def mug(photo):
    """A product that the tiny engine has learned to tell, as JSON."""
    return {**MUG, "attributes": {"brand": "acme"}, "photo_base64": base64.b64encode(photo).decode()}


@pytest.fixture
def say(client, keys):  # noqa: F811
    """Return a function that sends JSON with the key that may do everything."""

    def send(method, path, body=None, *, key="all", **headers):
        given = {**keys.by_name[key].bearer, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return client.request(method, path, json=body, headers=given)

    return send
