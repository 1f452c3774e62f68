"""Options that the commands of the service share, and the database behind them."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aisle.store.database import Database

DEFAULT_DATABASE = "aisle.db"

DatabaseOption = Annotated[
    str,
    typer.Option(
        "--db",
        metavar="URL",
        envvar="AISLE_DATABASE",
        help="The database: a file, or postgresql://user@host/name.",
        show_default=True,
    ),
]
ByOption = Annotated[str, typer.Option("--by", metavar="NAME", help="Who does it; kept in the database.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def now() -> int:
    """Return whole microseconds since 1970 in UTC."""
    return time.time_ns() // 1000


def shown_time(moment: int | None) -> str:
    """Write a moment as people read it, in UTC; a dash where there is none."""
    return "-" if moment is None else time.strftime("%Y-%m-%d %H:%M", time.gmtime(moment / 1e6))


def open_database(url: str) -> "Database":
    """Open the database, after the extra that it needs.

    Raises
    ------
    StoreError
        It cannot be reached, or its schema is not this version's.
    """
    from aisle.extras import require

    require("sqlalchemy", extra="serve")
    require("alembic", extra="serve")
    from aisle.store.database import Database

    return Database.open(url)


def print_table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """Print columns, as wide as what is in them."""
    from aisle.cli.terminal import columns_of, plain

    lines = [header, *(tuple(plain(cell, width=60) for cell in row) for row in rows)]
    widths = [max(map(columns_of, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell + " " * (width - columns_of(cell)) for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())
