"""``aisle check``: what is in a catalogue and what is wrong with it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aisle.cli.catalog_options import CatalogArgument, CatalogOptions, LevelOption, MapOption, SeparatorOption

if TYPE_CHECKING:
    from aisle.catalog import BadRow

ROWS_QUARANTINED = 3
"""Exit code of a command that did its work and set rows aside."""


def check(
    catalog: CatalogArgument,
    mapping: MapOption = None,
    separator: SeparatorOption = None,
    level: LevelOption = 1,
    quarantine: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where rows set aside go; CATALOG.quarantine.csv here by default."),
    ] = None,
    no_photos: Annotated[bool, typer.Option("--no-photos", help="Do not open photo files.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Show what is in a catalogue and what is wrong with it.

    The catalogue is not changed. Where rows were set aside they are listed in a quarantine file, and the
    exit code is 3.
    """
    from aisle.settings import Settings

    options = CatalogOptions.parse(catalog, mapping=mapping, separator=separator, level=level)
    settings = Settings.load()
    products = options.read()
    # Only now what takes a second to load: a wrong path is told at once.
    from aisle.catalog.inspection import inspect_catalog
    from aisle.cli.check_report import print_inspection

    found = inspect_catalog(products, level=level, photos=not no_photos, threads=settings.threads)
    place = _set_aside(found.bad_rows, quarantine or _default_place(catalog))
    if as_json:
        print(json.dumps(found.summary() | {"quarantine": str(place) if place else None}, indent=2))
    else:
        print_inspection(found, quarantine=place)
    if found.bad_rows:
        raise typer.Exit(ROWS_QUARANTINED)


def _default_place(catalog: Path) -> Path:
    """Name the quarantine file in the working folder: a catalogue's own folder may be read-only."""
    name = catalog.resolve().name if catalog.is_dir() else catalog.stem
    return Path(f"{name or 'catalog'}.quarantine.csv")


def _set_aside(bad_rows: "tuple[BadRow, ...]", place: Path) -> Path | None:
    from aisle.catalog.quarantine import write_quarantine
    from aisle.errors import CatalogError

    if not bad_rows:
        return None
    try:
        write_quarantine(place, bad_rows)
    except PermissionError as err:
        raise CatalogError(
            f"{place} cannot be written ({err.strerror}): name another place for the rows set aside "
            "with --quarantine FILE"
        ) from err
    return place
