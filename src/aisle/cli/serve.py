"""``aisle serve``: the engine as a service."""

import ipaddress
import logging
import socket
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aisle.cli.engines import person, register_engine
from aisle.cli.service_options import DEFAULT_DATABASE, DatabaseOption, now, open_database

if TYPE_CHECKING:
    from aisle.serve.options import ServeOptions
    from aisle.store.database import Database
    from aisle.store.records import StoredEngine


def serve(
    engine: Annotated[
        Path | None,
        typer.Argument(metavar="[ENGINE]", help="The engine to make live; by default the one that is."),
    ] = None,
    database: DatabaseOption = DEFAULT_DATABASE,
    host: Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535)] = 8000,
    photos: Annotated[
        Path | None,
        typer.Option("--photos", metavar="DIR", help="Where photos are kept; beside the database by default."),
    ] = None,
    allow_photo_urls: Annotated[
        bool, typer.Option("--allow-photo-urls", help="Fetch photos that the API is given by address.")
    ] = False,
    trusted_proxy: Annotated[
        str | None,
        typer.Option("--trusted-proxy", metavar="ADDRESS", help="The proxy whose X-Forwarded-For is believed."),
    ] = None,
    secure_cookies: Annotated[
        bool, typer.Option("--secure-cookies", help="Send cookies over HTTPS only: behind a proxy that speaks it.")
    ] = False,
) -> None:
    """Serve an engine: the HTTP API, the seller page, the moderator page.

    Everybody needs a key: aisle keys create NAME --scope sell (or classify, review, metrics). Ctrl-C ends it after the
    requests that are under way.
    """
    from aisle.extras import require

    for module in ("fastapi", "uvicorn", "sqlalchemy", "alembic", "multipart", "prometheus_client"):
        require(module, extra="serve")
    from aisle.serve.options import ServeOptions
    from aisle.store.photos import photo_folder

    _make_database(database)
    options = ServeOptions(
        host=host,
        port=port,
        database=database,
        photos=photo_folder(database, photos),
        allow_photo_urls=allow_photo_urls,
        trusted_proxy=trusted_proxy,
        secure_cookies=secure_cookies,
    )
    run_service(options, engine=engine)


def run_service(options: "ServeOptions", *, engine: Path | None) -> None:
    """Serve until the process is told to stop.

    Raises
    ------
    StoreError
        The database cannot be used, or no engine is live in it.
    EngineError
        The engine cannot be used.
    ServeError
        The address is taken.
    """
    import uvicorn

    from aisle.errors import EngineError
    from aisle.serve.app import make_app
    from aisle.serve.inference.live import LiveEngine
    from aisle.serve.logs import write_logs
    from aisle.serve.security.connection import server_config

    opened = open_database(options.database)
    stored = _live(opened, engine)
    typer.echo(f"Loading engine {stored.id} from {stored.folder} ...", err=True)
    try:
        live = LiveEngine(stored.folder, golden=stored.golden)
    except EngineError as err:
        raise EngineError(
            f"the live engine cannot be used: {err}. Name another, aisle serve ENGINE, or go back with "
            "`aisle engines rollback`"
        ) from err
    with _listen(options) as listening:
        options = replace(options, port=listening.getsockname()[1])
        app = make_app(live, opened, options)
        _say(opened, options)
        logging.getLogger("aisle").handlers.clear()  # from now on every line is JSON
        write_logs()
        uvicorn.Server(server_config(app, options)).run(sockets=[listening])


def _make_database(url: str) -> None:
    """Make the tables of a database that has none; an older one is the operator's to upgrade."""
    from aisle.store.upgrade import revision, upgrade

    if revision(url) is None:
        upgrade(url)
        typer.echo(f"Made the database {url}.", err=True)


def _live(database: "Database", engine: Path | None) -> "StoredEngine":
    from aisle.errors import StoreError
    from aisle.store.engines import find_engine, live, promote

    if engine is not None:
        identity = register_engine(database, engine, by=person())
        with database.write() as connection:
            pointer = live(connection)
            if pointer is None or pointer.engine_id != identity:
                promote(connection, id=identity, by=person(), now=now())
    with database.read() as connection:
        pointer = live(connection)
        stored = find_engine(connection, id=pointer.engine_id) if pointer is not None else None
    if stored is None:
        raise StoreError(f"no engine is live in {database.url}; name one: aisle serve ENGINE")
    return stored


def _say(database: "Database", options: "ServeOptions") -> None:
    from aisle.store.keys import keys

    address = f"http://{options.host}:{options.port}"
    typer.echo(f"Serving on {address}: /sell for sellers, /review for moderators, /v1 for programs.", err=True)
    with database.read() as connection:
        usable = [
            key
            for key in keys(connection)
            if key.revoked_at is None and (key.expires_at is None or key.expires_at > now())
        ]
    if not usable:
        typer.echo(
            f"Nobody may use it yet:\n  aisle keys create NAME --scope sell --scope classify --db {options.database}\n"
            f"  aisle keys create NAME --scope review --db {options.database}",
            err=True,
        )
    if not _is_loopback(options.host):
        typer.echo(
            "This address can be reached from outside, and what is sent is not encrypted: put a proxy with TLS before "
            "it, and use --secure-cookies.",
            err=True,
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(options: "ServeOptions") -> socket.socket:
    """Open the address to listen on; port 0 is any that is free.

    Raises
    ------
    ServeError
        It cannot be had.
    """
    from aisle.errors import ServeError

    listening = socket.socket(socket.AF_INET6 if ":" in options.host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((options.host, options.port))
        listening.listen(options.concurrency)
    except OSError as err:
        listening.close()
        raise ServeError(
            f"cannot listen on {options.host}, port {options.port}: {err.strerror}; name another with --host or --port"
        ) from err
    return listening
