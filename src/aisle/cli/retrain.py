"""``aisle retrain``: what people decided goes back into the engine, if that makes it better."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aisle.cli.catalog_options import CatalogArgument, CatalogOptions, MapOption, SeparatorOption
from aisle.cli.check import ROWS_QUARANTINED
from aisle.cli.encoder_options import PhotoEncoderOption, TextEncoderOption, read_encoders
from aisle.cli.engines import person, register_engine
from aisle.cli.places import check_folder
from aisle.cli.service_options import DEFAULT_DATABASE, ByOption, DatabaseOption, JsonOption, now, open_database
from aisle.cli.terminal import say
from aisle.cli.train import read_extra

if TYPE_CHECKING:
    from aisle.engine import Engine
    from aisle.store.database import Database


def retrain(
    catalog: CatalogArgument,
    out: Annotated[Path, typer.Option("--out", metavar="ENGINE", help="The candidate to write; a new folder.")],
    database: DatabaseOption = DEFAULT_DATABASE,
    photos: Annotated[
        Path | None,
        typer.Option("--photos", metavar="DIR", help="Photos of the service; beside its database by default."),
    ] = None,
    gold: Annotated[
        Path | None,
        typer.Option("--gold", metavar="CATALOG", help="What to compare on; a fixed tenth of CATALOG by default."),
    ] = None,
    promote: Annotated[bool, typer.Option(help="Make the candidate live if it is better.")] = True,
    text_encoder: TextEncoderOption = None,
    photo_encoder: PhotoEncoderOption = None,
    by: ByOption = "",
    mapping: MapOption = None,
    separator: SeparatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a candidate on a catalogue and on what moderators decided, and make it live if it is better.

    It is compared with the live engine on a gold set that no engine learns from, and on products that were audited at
    random. Decisions that contradict each other go back to the queue; one person gives a fifth of them at most.
    """
    started = time.perf_counter()
    options = CatalogOptions.parse(catalog, mapping=mapping, separator=separator, level=1)
    check_folder(out, source=catalog, example="engine", what="the candidate")
    opened = open_database(database)
    live, generation = _live(opened)
    from aisle.settings import Settings

    settings = Settings.load()
    encoders = read_encoders(text_encoder, photo_encoder, settings)
    products = options.read()
    others = read_extra([gold] if gold is not None else [])
    from aisle.engine.gather import DEFAULT_ENCODERS
    from aisle.files import write_text
    from aisle.retrain.report import render_retraining
    from aisle.retrain.run import Retraining
    from aisle.retrain.run import retrain as run
    from aisle.review.policy import ReviewPolicy
    from aisle.store.photos import PhotoFolder, photo_folder
    from aisle.train import TrainingOptions

    work = Retraining(
        products=products.products,
        database=opened,
        photos=PhotoFolder(photo_folder(database, photos)),
        gold=others.products if gold is not None else None,
        options=TrainingOptions(encoders=encoders or DEFAULT_ENCODERS),
        policy=ReviewPolicy(),
        settings=settings,
    )
    summary = run(work, live=live, out=out, now=now())
    summary |= {"catalog": products.source, "promoted": promote and summary["promote"]}
    page = out.parent / f"{out.name}.retraining.html"
    write_text(page, render_retraining(summary))
    if summary["promoted"]:
        _promote(opened, out, by or person(), generation=generation)
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        _print(summary)
    typer.echo(f"\nWritten in {time.perf_counter() - started:.0f} s: {out} and {page}", err=True)
    if summary["promote"] and not promote:
        typer.echo(f"\n  aisle engines promote {out} --db {database}", err=True)
    if products.bad_rows or others.bad_rows:
        typer.echo(f"{len(products.bad_rows):,} rows of {catalog} were set aside; `aisle check` says why", err=True)
        raise typer.Exit(ROWS_QUARANTINED)


def _live(database: "Database") -> tuple["Engine", int]:
    """Return the live engine, and which change of it that is."""
    from aisle.engine import load_engine
    from aisle.errors import StoreError
    from aisle.store.engines import find_engine, live

    with database.read() as connection:
        pointer = live(connection)
        stored = find_engine(connection, id=pointer.engine_id) if pointer is not None else None
    if stored is None:
        raise StoreError(f"no engine is live in {database.url}; make one with `aisle engines promote ENGINE`")
    return load_engine(stored.folder), 0 if pointer is None else pointer.generation


def _promote(database: "Database", out: Path, by: str, *, generation: int) -> None:
    """Make the candidate live, unless another engine has gone live since: it was not compared with that one."""
    from aisle.errors import StoreError
    from aisle.store.engines import live, promote

    identity = register_engine(database, out, by=by)
    with database.write() as connection:
        pointer = live(connection)
        if pointer is None or pointer.generation != generation:
            raise StoreError(
                f"another engine has gone live meanwhile, and {out} was compared with the one before: it was not "
                f"promoted. Retrain again, or see its page and use `aisle engines promote {out}`"
            )
        promote(connection, id=identity, by=by, now=now())


def _print(summary: Mapping[str, Any]) -> None:
    say(
        f"{summary['catalog']}: {summary['catalogue']:,} products and {summary['decisions']:,} decisions learned from; "
        f"{summary['conflicts']:,} contradictions sent back to the queue"
    )
    for name, title in (("gold", "gold set"), ("audited", "audited")):
        pairs = summary[name]
        if pairs["products"]:
            gain = {end: 100 * value for end, value in pairs["difference"].items()}
            say(
                f"{title}: {pairs['live']:,} of {pairs['products']:,} right now, {pairs['candidate']:,} with the "
                f"candidate; {gain['mean']:+.1f} points [{gain['low']:+.1f}, {gain['high']:+.1f}]",
                indent=2,
                hang=4,
            )
    done = "The candidate is live" if summary["promoted"] else "The candidate is not promoted"
    say(f"{done}: {summary['reason']}.")
