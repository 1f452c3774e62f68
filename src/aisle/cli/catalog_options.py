"""The options of every command that reads a catalogue, parsed once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aisle.catalog import Catalog

CatalogArgument = Annotated[
    Path,
    typer.Argument(metavar="CATALOG", help="CSV, JSON lines or Parquet; or a folder with a table, or only photos."),
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="ROLE=COLUMN",
        help="Which column plays a part, e.g. title=product_name; repeatable. "
        "A category may name several: category=shelf,sub_shelf.",
    ),
]
SeparatorOption = Annotated[
    str | None,
    typer.Option("--separator", metavar="TEXT", help="What stands between the names of a path, if not '>' or '>>'."),
]
LevelOption = Annotated[int, typer.Option("--level", metavar="N", min=1, help="How deep category paths are read.")]


@dataclass(frozen=True, kw_only=True)
class CatalogOptions:
    """How to read one catalogue.

    Attributes
    ----------
    source : Path
        The file or folder.
    columns : mapping of str to str
        Role to column.
    separator : str or None
        What stands between the names of a category path.
    level : int
        The depth at which category paths are cut.
    """

    source: Path
    columns: Mapping[str, str]
    separator: str | None
    level: int

    @classmethod
    def parse(
        cls, source: Path, *, mapping: Sequence[str] | None, separator: str | None, level: int
    ) -> "CatalogOptions":
        """Check what was typed.

        Raises
        ------
        typer.BadParameter
            A ``--map`` is not ROLE=COLUMN, names an unknown role, or a role twice; or the separator is empty.
        """
        if separator == "":
            raise typer.BadParameter("a separator has at least one character", param_hint="--separator")
        return cls(source=source, columns=_parse_mapping(mapping or ()), separator=separator, level=level)

    def read(self) -> "Catalog":
        """Read the catalogue.

        Raises
        ------
        CatalogError
            It cannot be read.
        """
        from aisle.catalog import read_catalog

        return read_catalog(self.source, columns=self.columns, separator=self.separator)


def _parse_mapping(pairs: Sequence[str]) -> dict[str, str]:
    from aisle.catalog.columns import ROLES

    columns: dict[str, str] = {}
    for pair in pairs:
        role, equals, column = (part.strip() for part in pair.partition("="))
        if not (role and equals and column):
            raise typer.BadParameter(f"{pair!r} is not ROLE=COLUMN, e.g. title=name", param_hint="--map")
        if role not in ROLES:
            raise typer.BadParameter(f"{role!r} is no role; the roles are {', '.join(ROLES)}", param_hint="--map")
        if role in columns:
            raise typer.BadParameter(f"{role!r} is mapped twice", param_hint="--map")
        columns[role] = column
    return columns
