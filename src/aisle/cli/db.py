"""``aisle db``: the database of the service."""

from pathlib import Path
from typing import Annotated

import typer

from aisle.cli.service_options import DEFAULT_DATABASE, DatabaseOption

db = typer.Typer(
    name="db",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Create or upgrade the database, back it up, restore it.",
)

PhotosOption = Annotated[
    Path | None,
    typer.Option("--photos", metavar="DIR", help="The folder of its photos; beside a database file by default."),
]


@db.command("upgrade")
def upgrade(database: DatabaseOption = DEFAULT_DATABASE) -> None:
    """Create the tables, or bring those of an earlier version up to this one; nothing is lost."""
    _require()
    from aisle.store.upgrade import HEAD
    from aisle.store.upgrade import upgrade as upgrade_schema

    before = upgrade_schema(database)
    done = "was up to date" if before == HEAD else "was created" if before is None else f"was upgraded from {before}"
    typer.echo(f"The database {done} (schema {HEAD}).", err=True)


@db.command("backup")
def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The backup to write, e.g. aisle-2026-11-23.tar.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    photos: PhotosOption = None,
) -> None:
    """Write the database and its photos to one file; the service may go on meanwhile."""
    _require()
    from aisle.store.backup import backup as write_backup
    from aisle.store.photos import photo_folder

    write_backup(database, file, photos=photo_folder(database, photos))
    typer.echo(f"Written: {file} ({file.stat().st_size / 1e6:.1f} MB)", err=True)


@db.command("restore")
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A backup.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    photos: PhotosOption = None,
) -> None:
    """Bring a backup back, into a database that is not there yet or holds nothing."""
    _require()
    from aisle.store.backup import restore as read_backup
    from aisle.store.photos import photo_folder

    read_backup(file, database, photos=photo_folder(database, photos))
    typer.echo(f"Restored {file}.", err=True)


def _require() -> None:
    from aisle.extras import require

    require("sqlalchemy", extra="serve")
    require("alembic", extra="serve")
