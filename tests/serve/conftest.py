"""The service on a tiny engine and a file of SQLite, and keys of each scope."""

import dataclasses
import shutil
from types import SimpleNamespace

import pytest
from tests.engine.conftest import engine_files, engine_folder, shop, train, trained

__all__ = ["engine_files", "engine_folder", "shop", "train", "trained"]

NOW = 1_700_000_000_000_000
SCOPES = ("classify", "sell", "review", "metrics")


@pytest.fixture(scope="session")
def tiny_engine(engine_folder):
    """A tiny engine, loaded once."""
    from aisle.engine import load_engine
    from aisle.settings import Settings

    return load_engine(engine_folder, settings=Settings(threads=1))


@pytest.fixture
def clock():
    """The service's clock, in microseconds; a test sets ``clock.now``."""
    moment = SimpleNamespace(now=NOW)
    moment.read = lambda: moment.now
    moment.pass_seconds = lambda seconds: setattr(moment, "now", moment.now + int(seconds * 1_000_000))
    return moment


@pytest.fixture(scope="session")
def blank_database(tmp_path_factory):
    """A file of SQLite with all tables and nothing in them."""
    from aisle.store.upgrade import upgrade

    file = tmp_path_factory.mktemp("blank") / "aisle.db"
    upgrade(str(file))
    return file


@pytest.fixture
def database(blank_database, tmp_path):
    """A new file of SQLite."""
    from aisle.store.database import Database

    opened = Database.open(str(shutil.copy(blank_database, tmp_path / "aisle.db")))
    yield opened
    opened.close()


@pytest.fixture
def keys(database):
    """A key of each scope, ``all`` and ``none``: their ids, their secrets, and tokens of sessions they opened."""
    from aisle.store.keys import create_key
    from aisle.store.sessions import open_session

    made = {}
    with database.write() as c:
        for name in (*SCOPES, "all", "none"):
            scopes = SCOPES if name == "all" else () if name == "none" else (name,)
            key, secret = create_key(c, name=name, scopes=scopes, now=NOW)
            token = open_session(c, key_id=key.id, now=NOW, seconds=8 * 3600)
            made[name] = SimpleNamespace(
                id=key.id,
                secret=secret,
                token=token,
                bearer={"Authorization": f"Bearer {secret}"},
                cookie={"Cookie": f"aisle={token}"},
            )
    return SimpleNamespace(**made, by_name=made)


@pytest.fixture
def options(tmp_path):
    """Options whose rates no test meets by accident."""
    from aisle.serve.options import ServeOptions

    plenty = {"key_rate": 1e6, "key_burst": 1e6, "ip_rate": 1e6, "ip_burst": 1e6}
    return ServeOptions(database=str(tmp_path / "aisle.db"), photos=tmp_path / "photos", workers=1, **plenty)


@pytest.fixture
def live(engine_folder, tiny_engine):
    """The tiny engine, live."""
    from aisle.serve.inference.live import LiveEngine

    return LiveEngine(engine_folder, load=lambda _: tiny_engine)


@pytest.fixture
def app_of(live, database, options, clock):
    """Return a function that makes the app with other options."""
    from aisle.serve.app import make_app

    def make(**changes):
        return make_app(live, database, dataclasses.replace(options, **changes), clock=clock.read)

    return make


@pytest.fixture
def app(app_of):
    """The whole service."""
    return app_of()


@pytest.fixture
def client(app):
    """A client of the service, which runs; it follows no redirect."""
    from starlette.testclient import TestClient

    with TestClient(app, follow_redirects=False) as running:
        yield running


@pytest.fixture
def with_context():
    """Return a function that puts something else in the place of a part of an app's context."""

    def change(app, **parts):
        app.state.context = dataclasses.replace(app.state.context, **parts)

    return change
