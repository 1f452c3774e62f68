"""``aisle engines``: which engine answers."""

import getpass
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aisle.cli.service_options import (
    DEFAULT_DATABASE,
    ByOption,
    DatabaseOption,
    JsonOption,
    now,
    open_database,
    print_table,
    shown_time,
)

if TYPE_CHECKING:
    from aisle.store.database import Database

engines = typer.Typer(
    name="engines",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List the engines of the service, make another one live, or go back.",
)


@engines.command("list")
def list_engines(database: DatabaseOption = DEFAULT_DATABASE, as_json: JsonOption = False) -> None:
    """Show the engines that were registered, and which one answers."""
    opened = open_database(database)
    from aisle.store.engines import engines as stored_engines
    from aisle.store.engines import live

    with opened.read() as connection:
        found, pointer = stored_engines(connection), live(connection)
    roles = {} if pointer is None else {pointer.previous_id: "previous", pointer.engine_id: "live"}
    if as_json:
        print(json.dumps([{"id": e.id, "folder": e.folder, "role": roles.get(e.id), "registered_at": e.registered_at,
                           "registered_by": e.registered_by} for e in found], indent=2))  # fmt: skip
        return
    rows = [(e.id, roles.get(e.id, ""), shown_time(e.registered_at), e.registered_by, e.folder) for e in found]
    print_table(("id", "role", "registered", "by", "folder"), rows)


@engines.command("promote")
def promote(
    folder: Annotated[Path, typer.Argument(metavar="ENGINE", help="The folder of an engine.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    by: ByOption = "",
) -> None:
    """Make an engine live: it is loaded, answers the golden rows, and is registered.

    A running service then loads it, asks it the same, and changes over between two requests; where its answers differ
    the old engine goes on.
    """
    opened = open_database(database)
    identity = register_engine(opened, folder, by=by or person())
    from aisle.store.engines import promote as promote_engine

    with opened.write() as connection:
        promote_engine(connection, id=identity, by=by or person(), now=now())
    typer.echo(f"Engine {identity} is live; a running service changes over within seconds.", err=True)


@engines.command("rollback")
def rollback(database: DatabaseOption = DEFAULT_DATABASE, by: ByOption = "") -> None:
    """Go back to the engine that was live before."""
    opened = open_database(database)
    from aisle.engine import load_engine
    from aisle.store.engines import find_engine, live
    from aisle.store.engines import rollback as roll_back

    with opened.read() as connection:
        now_live = live(connection)
        before = None if now_live is None or now_live.previous_id is None else now_live.previous_id
        stored = None if before is None else find_engine(connection, id=before)
    if stored is not None:
        load_engine(stored.folder)  # nobody goes back to what cannot answer
    with opened.write() as connection:
        pointer = roll_back(connection, by=by or person(), now=now())
    typer.echo(f"Engine {pointer.engine_id} is live again.", err=True)


def register_engine(database: "Database", folder: Path, *, by: str) -> str:
    """Load an engine, ask it the golden rows, and keep both in the database; return its fingerprint.

    Raises
    ------
    EngineError
        The folder holds no engine that can be used.
    """
    from aisle.engine import load_engine
    from aisle.serve.inference.golden import golden_answers
    from aisle.store.engines import find_engine, register
    from aisle.store.records import StoredEngine

    engine = load_engine(folder)
    stored = StoredEngine(
        id=engine.fingerprint,
        folder=str(folder.resolve()),
        golden=golden_answers(engine),
        registered_at=now(),
        registered_by=by,
    )
    with database.write() as connection:
        known = find_engine(connection, id=engine.fingerprint)
        # A copy of an engine that is known changes nothing while the known one lies where it lay.
        if known is None or known.folder == stored.folder or not Path(known.folder, "manifest.json").is_file():
            register(connection, stored)
    return engine.fingerprint


def person() -> str:
    """Return who types."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"
