"""``aisle index``: the nearest products and near-duplicates, among any number."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aisle.cli.catalog_options import CatalogOptions, MapOption, SeparatorOption
from aisle.cli.check import ROWS_QUARANTINED

if TYPE_CHECKING:
    from aisle.engine import Engine
    from aisle.engine.stream import SetAside
    from aisle.nearest.lists import Lists
    from aisle.product import Neighbour

_STANDARD_INPUT = "-"

index = typer.Typer(
    name="index",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Find the nearest products, and near-duplicates, among any number.",
)

EngineArgument = Annotated[Path, typer.Argument(metavar="ENGINE", help="The folder that `aisle train` wrote.")]
IndexArgument = Annotated[Path, typer.Argument(metavar="DIR", help="The folder that `aisle index build` wrote.")]
ProductsArgument = Annotated[
    str, typer.Argument(metavar="PRODUCTS", help="CSV, JSON lines, Parquet or a folder; - is standard input.")
]
KindOption = Annotated[
    str | None,
    typer.Option("--input-format", metavar="NAME", help="csv, jsonl or parquet, where PRODUCTS does not say."),
]
QuarantineOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Where rows set aside go; NAME.quarantine.csv by default.")
]


@index.command("build")
def build(
    engine: EngineArgument,
    products: ProductsArgument,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to; an index that is there is replaced.")],
    mapping: MapOption = None,
    separator: SeparatorOption = None,
    input_format: KindOption = None,
    quarantine: QuarantineOption = None,
) -> None:
    """Embed products with an engine's encoders and keep what they are found by, with their categories if they have any.

    Rows that cannot be read are listed in a quarantine file, and the exit code is 3.
    """
    options = CatalogOptions.parse(Path(products), mapping=mapping, separator=separator, level=1)

    from aisle.cli.places import check_folder
    from aisle.engine.stream import BATCH, batches
    from aisle.nearest.folder_writer import check_destination
    from aisle.nearest.product_writer import build_products
    from aisle.progress import bar

    check_folder(out, source=Path(products), example="index", what="an index")
    check_destination(out)
    place = quarantine or out.parent / f"{out.name}.quarantine.csv"
    with _opened(engine) as loaded, _rows(products, options, place, kind=input_format, labels=True) as (stream, aside):
        with bar(label="Embedding", total=None, unit=" products") as shown:

            def read() -> Iterator[list[Any]]:
                for items in batches(stream, size=BATCH, set_aside=aside):
                    yield [item.product for item in items]
                    shown.update(len(items))

            built = build_products(read(), loaded, out=out)
        count = len(built.index)
        typer.echo(f"{count:,} product{'s' * (count != 1)} in {out}, {aside.count:,} rows quarantined", err=True)
        if built.blank:
            typer.echo(f"{built.blank:,} of them have nothing that this engine embeds, and are never found", err=True)
        typer.echo(_how(built.index.lists), err=True)
    _end(aside, place)


@index.command("search")
def search(
    folder: IndexArgument,
    engine: EngineArgument,
    products: ProductsArgument,
    count: Annotated[int, typer.Option("--count", "-k", metavar="N", min=1, help="How many for each.")] = 10,
    mapping: MapOption = None,
    input_format: KindOption = None,
    quarantine: QuarantineOption = None,
) -> None:
    """Print the products of an index that are most like others, a JSON line for each of these.

    A product that is in the index finds itself. Rows that cannot be read are listed in a quarantine file, and the exit
    code is 3.
    """
    options = CatalogOptions.parse(Path(products), mapping=mapping, separator=None, level=1)

    from aisle.engine.artifact import open_artifact
    from aisle.engine.stream import BATCH, batches
    from aisle.nearest.products import ProductIndex

    known = ProductIndex.load(folder)
    known.check_engine(open_artifact(engine).fingerprint)
    name = Path(products).stem if products != _STANDARD_INPUT else "products"
    place = quarantine or Path(f"{name or 'products'}.quarantine.csv")
    with _opened(engine) as loaded, _rows(products, options, place, kind=input_format, labels=False) as (stream, aside):
        for items in batches(stream, size=BATCH, set_aside=aside):
            found = known.nearest(loaded, [item.product for item in items], count=count)
            for item, nearest in zip(items, found, strict=True):
                _print_line({"id": item.product.id, "nearest": [_record(near) for near in nearest]})
    _end(aside, place)


@index.command("duplicates")
def duplicates(
    folder: IndexArgument,
    at_least: Annotated[
        float, typer.Option(metavar="COSINE", help="How similar two products have to be, at most 1.")
    ] = 0.95,
) -> None:
    """Print groups of products that are nearly the same, a JSON line for each.

    Every product of a group is so similar to another of the group; what is printed is how similar it is to the first.
    """
    if not 0 < at_least <= 1:
        raise typer.BadParameter(f"{at_least:g} is not above 0 and at most 1; e.g. 0.95", param_hint="--at-least")

    from aisle.nearest.products import ProductIndex

    with _cores():
        groups = size = 0
        for group in ProductIndex.load(folder).duplicates(at_least=at_least):
            _print_line({"products": [_record(near) for near in group]})
            groups, size = groups + 1, size + len(group)
    typer.echo(f"{groups:,} group{'s' * (groups != 1)} of {size:,} products that are nearly the same", err=True)


def _how(lists: "Lists | None") -> str:
    if lists is None:
        return "A search compares with every product"
    read = f"{lists.probes:,} of {len(lists.centres):,} lists"
    return f"A search reads {read}, and finds {lists.recall:.1%} of the ten nearest"


def _print_line(record: dict[str, Any]) -> None:
    """Print JSON in UTF-8, whatever the terminal."""
    from aisle.engine.record import format_record

    sys.stdout.buffer.write(f"{format_record(record)}\n".encode())


def _record(near: "Neighbour") -> dict[str, Any]:
    from aisle.engine.record import path_text, rounded

    return {"id": near.id, "title": near.title, "category": path_text(near.category),
            "similarity": rounded(near.similarity)}  # fmt: skip


@contextmanager
def _cores() -> Iterator[Any]:
    """Use as many cores as the settings say, whatever library it is."""
    from threadpoolctl import threadpool_limits

    from aisle.settings import Settings

    settings = Settings.load()
    with threadpool_limits(limits=settings.threads):
        yield settings


@contextmanager
def _opened(engine: Path) -> Iterator["Engine"]:
    from aisle.engine import load_engine

    with _cores() as settings:
        yield load_engine(engine, settings=settings)


@contextmanager
def _rows(
    products: str, options: CatalogOptions, place: Path, *, kind: str | None, labels: bool
) -> Iterator[tuple[Any, "SetAside"]]:
    """Open the products, and what becomes of rows that are none."""
    from aisle.catalog import stream_catalog
    from aisle.engine.stream import SetAside

    stream = stream_catalog(products, columns=options.columns, separator=options.separator, kind=kind, labels=labels)
    for note in stream.notes:
        typer.echo(f"Note: {note}", err=True)
    with ExitStack() as stack:
        yield stream, SetAside(place, stack)


def _end(aside: "SetAside", place: Path) -> None:
    if aside.count:
        typer.echo(f"Rows set aside are listed in {place}", err=True)
        raise typer.Exit(ROWS_QUARANTINED)
