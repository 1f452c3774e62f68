"""``aisle train``: a labelled catalogue becomes an engine."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aisle.cli.catalog_options import CatalogArgument, CatalogOptions, MapOption, SeparatorOption
from aisle.cli.check import ROWS_QUARANTINED
from aisle.cli.encoder_options import PhotoEncoderOption, TextEncoderOption, read_encoders
from aisle.cli.places import check_folder

if TYPE_CHECKING:
    from aisle.catalog import Catalog
    from aisle.product import Product

ExtraOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--extra",
        metavar="CATALOG",
        help="Other labelled products that join the training, e.g. titles without photos; repeatable.",
    ),
]
LeafOption = Annotated[bool, typer.Option("--leaf", help="As deep as the categories go (the default).")]
DepthOption = Annotated[
    int | None, typer.Option("--level", metavar="N", min=1, help="How deep categories go; all by default.")
]


def train(
    catalog: CatalogArgument,
    out: Annotated[
        Path, typer.Option("--out", metavar="ENGINE", help="The folder to write; an engine in it is replaced.")
    ],
    level: DepthOption = None,
    leaf: LeafOption = False,
    precision: Annotated[
        float, typer.Option("--precision", metavar="SHARE", help="How often an answer must be right.")
    ] = 0.95,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of everything that is drawn.")] = 0,
    extra: ExtraOption = None,
    text_encoder: TextEncoderOption = None,
    photo_encoder: PhotoEncoderOption = None,
    mapping: MapOption = None,
    separator: SeparatorOption = None,
    quarantine: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where rows set aside go; ENGINE.quarantine.csv by default."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the evaluation as JSON, for programs.")] = False,
) -> None:
    """Train an engine on a labelled catalogue.

    The engine is a folder; its README.md says how good it is on products held out.
    """
    started = time.perf_counter()
    check_share(precision)
    depth = choose_depth(level, leaf)
    options = CatalogOptions.parse(catalog, mapping=mapping, separator=separator, level=1)
    place = quarantine or out.parent / f"{out.name or 'engine'}.quarantine.csv"
    _check_places(out, catalog, place)
    from aisle.settings import Settings

    settings = Settings.load()
    encoders = read_encoders(text_encoder, photo_encoder, settings)
    products = options.read()
    others = read_extra(extra or ())
    # Only now what takes a second to load: a wrong path is told at once.
    from aisle.catalog.quarantine import write_quarantine
    from aisle.cli.train_report import print_training
    from aisle.engine.artifact_writer import write_artifact
    from aisle.engine.gather import DEFAULT_ENCODERS
    from aisle.train import TrainingOptions, engine_folder, train_engine
    from aisle.train.extra import choose_extra

    labelled = [product for product in products.products if product.category]
    joining = choose_extra(labelled, others.products)
    chosen = TrainingOptions(level=depth, precision=precision, seed=seed, encoders=encoders or DEFAULT_ENCODERS)
    trained = train_engine([*products.products, *joining], options=chosen, settings=settings)
    folder = engine_folder(trained, own=len(labelled))
    fingerprint = write_artifact(out, folder.files, about=folder.about)
    if products.bad_rows:
        write_quarantine(place, products.bad_rows)
    if as_json:
        print(json.dumps(folder.knowledge.evaluation, ensure_ascii=False))
    else:
        print_training(
            fingerprint,
            folder.knowledge,
            catalog=products,
            joined=(len(joining), len(others.products)) if extra else None,
        )
    _say_what_was_written(out, folder.files, place if products.bad_rows else None, started, err=as_json)
    say_bad_rows(others.bad_rows)
    if products.bad_rows or others.bad_rows:
        raise typer.Exit(ROWS_QUARANTINED)


@dataclass(frozen=True)
class Extra:
    """Products of other catalogues, and how many of their rows could not be read."""

    products: "tuple[Product, ...]"
    bad_rows: tuple[tuple[Path, int], ...]


def read_extra(paths: Sequence[Path]) -> Extra:
    """Read the catalogues that join a training; their columns are recognised, not mapped.

    Raises
    ------
    CatalogError
        One cannot be read.
    """
    from aisle.catalog import read_catalog

    catalogs: list[tuple[Path, Catalog]] = [(path, read_catalog(path)) for path in paths]
    products = tuple(product for _, found in catalogs for product in found.products)
    return Extra(products, tuple((path, len(found.bad_rows)) for path, found in catalogs if found.bad_rows))


def say_bad_rows(counts: Iterable[tuple[Path, int]]) -> None:
    """Say how many rows of each catalogue could not be read."""
    for path, count in counts:
        typer.echo(f"{count:,} rows of {path} were set aside; `aisle check {path}` says why", err=True)


def check_share(precision: float) -> None:
    """Refuse a precision that is none.

    Raises
    ------
    typer.BadParameter
        It is not between 0 and 1.
    """
    if not 0 < precision < 1:
        raise typer.BadParameter(f"{precision:g} is not between 0 and 1; e.g. 0.98", param_hint="--precision")


def choose_depth(level: int | None, leaf: bool) -> int | None:
    """Return the level at which paths are cut, None for nowhere.

    Raises
    ------
    typer.BadParameter
        Both were asked for.
    """
    if level is not None and leaf:
        raise typer.BadParameter("not together with --level: it is one or the other", param_hint="--leaf")
    return level


def _check_places(out: Path, source: Path, quarantine: Path) -> None:
    from aisle.engine.artifact_writer import check_destination

    check_folder(out, source=source, example="engine", what="the engine", over_engine=True)
    if source.exists() and out.resolve() in (source.resolve(), *source.resolve().parents):
        raise typer.BadParameter(f"{out} holds the catalogue; name another folder", param_hint="--out")
    check_destination(out)
    if quarantine.is_dir() or (quarantine.exists() and source.exists() and quarantine.samefile(source)):
        raise typer.BadParameter(f"{quarantine} is a folder or what is read; name a file", param_hint="--quarantine")


def _say_what_was_written(
    out: Path, files: Mapping[str, bytes], quarantine: Path | None, started: float, *, err: bool
) -> None:
    size = sum(map(len, files.values())) / 1e6
    rows = [(out, f"the engine, {size:.0f} MB"), (out / "README.md", "its card: what it can do and what not")]
    if quarantine is not None:
        rows.append((quarantine, "rows set aside"))
    width = max(len(str(path)) for path, _ in rows)
    typer.echo(f"\nWritten in {time.perf_counter() - started:.0f} s:", err=err)
    for path, text in rows:
        typer.echo(f"  {path!s:{width}}  {text}", err=err)
