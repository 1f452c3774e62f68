"""``aisle demo``: everything once, on a catalogue that is drawn for it."""

import shlex
import shutil
from pathlib import Path
from typing import Annotated

import typer

from aisle.cli.check import ROWS_QUARANTINED
from aisle.cli.service_options import open_database

_SEEDS = 30
"""They say what a hundred do, on a small catalogue, in a third of the time."""

_SELLER, _MODERATOR = "demo seller", "demo moderator"


def demo(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to; new, empty, or an earlier demo.")] = Path(
        "demo"
    ),
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve the engine afterwards, its queue filled; Ctrl-C ends it.")
    ] = False,
    port: Annotated[int, typer.Option("--port", metavar="N", min=0, max=65535, help="With --serve.")] = 8000,
    seeds: Annotated[int, typer.Option("--seeds", metavar="N", min=1, help="Starts of each clustering.")] = _SEEDS,
) -> None:
    """Draw a sample catalogue; study, audit and train on it; classify it; with --serve, open the service on it."""
    catalog, engine = folder / "catalog", folder / "engine"
    steps: list[list[str]] = [
        ["sample", str(catalog)],
        ["study", str(catalog), "--out", str(folder / "study"), "--seeds", str(seeds)],
        ["audit", str(catalog), "--out", str(folder / "audit")],
        ["train", str(catalog), "--out", str(engine)],
        ["classify", str(engine), str(catalog), "--out", str(folder / "answers.csv")],
    ]
    if serve and (engine / "manifest.json").is_file():
        typer.echo(f"{engine} is there from an earlier demo and is used as it is.", err=True)
    else:
        for step in steps:
            _run(step)
    typer.echo("\nLook at", err=True)
    for place in (folder / "study" / "report.html", folder / "audit" / "audit.html", engine / "README.md"):
        if place.is_file():
            typer.echo(f"  {place}", err=True)
    if serve:
        _serve(folder, engine, port)
    else:
        typer.echo(f"\n  aisle demo {shlex.quote(str(folder))} --serve   # seller page, moderator page", err=True)


def _run(arguments: list[str]) -> None:
    """Run one command as if it were typed; rows that are set aside on purpose are no failure."""
    from aisle.cli.app import app

    typer.echo(f"\n$ aisle {shlex.join(arguments)}", err=True)
    code = app(arguments, standalone_mode=False, prog_name="aisle") or 0
    if code not in (0, ROWS_QUARANTINED):
        raise typer.Exit(code)


def _serve(folder: Path, engine: Path, port: int) -> None:
    """Fill a new database with products that the engine has not seen, and serve it."""
    from aisle.catalog.sample import draw_sample
    from aisle.cli.service_options import now
    from aisle.extras import require

    for module in ("fastapi", "uvicorn", "sqlalchemy", "alembic"):
        require(module, extra="serve")
    from aisle.cli.engines import register_engine
    from aisle.cli.serve import run_service
    from aisle.engine import load_engine
    from aisle.serve.demonstration import Demonstration, fill
    from aisle.serve.options import ServeOptions
    from aisle.store.engines import promote
    from aisle.store.keys import create_key
    from aisle.store.photos import PhotoFolder
    from aisle.store.sessions import create_ticket
    from aisle.store.upgrade import upgrade

    place = folder / "service"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    url = str(place / "aisle.db")
    upgrade(url)
    database = open_database(url)
    identity = register_engine(database, engine, by="demo")
    with database.write() as connection:
        promote(connection, id=identity, by="demo", now=now())
        seller, _ = create_key(connection, name=_SELLER, scopes=("classify", "sell"), now=now())
        moderator, _ = create_key(connection, name=_MODERATOR, scopes=("review", "metrics"), now=now())
    new = folder / "new-products"
    draw_sample(new, products=210, seed=1)
    options = ServeOptions(port=port, database=url, photos=place / "aisle-photos")
    filled = fill(
        database,
        PhotoFolder(options.photos),
        load_engine(engine),
        catalog=new,
        roles=Demonstration(seller=seller, moderator=moderator),
        now=now(),
    )
    typer.echo(f"\n{filled}", err=True)
    links = {}
    with database.write() as connection:
        for key in (seller, moderator):
            links[key.name] = create_ticket(connection, key_id=key.id, now=now(), seconds=24 * 3600)
    database.close()
    typer.echo("Sign in (each link works once):", err=True)
    for name, ticket in links.items():
        typer.echo(f"  {name:15} http://127.0.0.1:{port}/sign-in/{ticket}", err=True)
    run_service(options, engine=None)
