"""``aisle audit``: labels that look wrong, with what to do about them."""

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aisle.cli.catalog_options import CatalogArgument, CatalogOptions, LevelOption, MapOption, SeparatorOption
from aisle.cli.encoder_options import PhotoEncoderOption, TextEncoderOption, read_encoders
from aisle.cli.places import check_folder

if TYPE_CHECKING:
    from aisle.audit import Audit

QUARANTINED = 3
_SHOWN = 8


def audit(
    catalog: CatalogArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the findings go; made if need be.")],
    level: LevelOption = 1,
    top: Annotated[
        str, typer.Option("--top", metavar="N|all", help="How many suspects are written, the most suspicious first.")
    ] = "100",
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of everything that is drawn.")] = 0,
    text_encoder: TextEncoderOption = None,
    photo_encoder: PhotoEncoderOption = None,
    mapping: MapOption = None,
    separator: SeparatorOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print audit.json on standard output.")] = False,
) -> None:
    """Find labels that look wrong, categories that overlap, and near-duplicates.

    DIR gets audit.html to look at, audit.csv for a spreadsheet and audit.json for programs. The catalogue is not
    changed. Where rows were set aside they are listed in DIR/quarantine.csv, and the exit code is 3.
    """
    options = CatalogOptions.parse(catalog, mapping=mapping, separator=separator, level=level)
    most = _parse_top(top)
    check_folder(out, source=catalog, example="audit", what="the audit")
    from aisle.audit import audit_catalog
    from aisle.catalog.quarantine import write_quarantine
    from aisle.engine.gather import DEFAULT_ENCODERS
    from aisle.extras import require
    from aisle.settings import Settings

    require("jinja2", extra="study")  # before the work, not after it
    started = time.perf_counter()
    settings = Settings.load()
    encoders = read_encoders(text_encoder, photo_encoder, settings) or DEFAULT_ENCODERS
    products = options.read()
    found = audit_catalog(products, level=level, seed=seed, encoders=encoders, settings=settings)
    written = found.save(out, top=most)
    if products.bad_rows:
        written["quarantine"] = out / "quarantine.csv"
        write_quarantine(written["quarantine"], products.bad_rows)
    if as_json:
        print(json.dumps(found.summary(top=most), ensure_ascii=True))
    else:
        _print_findings(found, most)
    typer.echo(f"\nWritten in {time.perf_counter() - started:.0f} s:", err=as_json)
    for path in written.values():
        typer.echo(f"  {path}", err=as_json)
    if products.bad_rows:
        raise typer.Exit(QUARANTINED)


def _parse_top(text: str) -> int | None:
    if text.strip().casefold() == "all":
        return None
    if text.strip().isascii() and text.strip().isdigit() and int(text) > 0:
        return int(text)
    raise typer.BadParameter(f"{text!r} is neither a number from 1 nor 'all'", param_hint="--top")


def _print_findings(found: "Audit", most: int | None) -> None:
    from collections import Counter

    from aisle.cli.terminal import say
    from aisle.product import format_path

    kinds = Counter(suspect.kind for suspect in found.suspects)
    say(f"{found.products:,} labelled products, categories at depth {found.level}")
    for count, text in (
        (kinds["wrong label"], "labels are contradicted by the product: probably wrong"),
        (kinds["overlap"], "products lie between two categories that overlap"),
        (kinds["unclear"], "labels are in doubt, but nothing is sure"),
        (sum(group.conflicting for group in found.duplicates), "groups of near-duplicates have different labels"),
    ):
        say(f"{count:6,}  {text}", hang=8)
    if found.suspects:
        print("\nMost suspicious")
    for suspect in found.suspects[:_SHOWN]:
        say(f"{suspect.rank:3}  {suspect.title[:100] or '(no title)'}  [{suspect.id}]", indent=1, hang=6)
        say(f"{format_path(suspect.given)}  ->  {format_path(suspect.suggested)}  ({suspect.kind})", indent=6)
        say(suspect.reason, indent=6)
    if found.overlaps:
        print("\nCategories that overlap")
    for pair in found.overlaps[:_SHOWN]:
        say(
            f"{format_path(pair.first)} / {format_path(pair.second)}: {pair.first_moved} of {pair.first_size} look "
            f"like the second, {pair.second_moved} of {pair.second_size} like the first, "
            f"{pair.first_torn + pair.second_torn} could be either",
            indent=2,
            hang=4,
        )
    _print_left_out(found, most)


def _print_left_out(found: "Audit", most: int | None) -> None:
    from aisle.cli.terminal import say

    parts = [
        (found.quarantined, "rows quarantined"),
        (found.unlabelled, "products without a category"),
        (found.unjudged, "products that could not be judged"),
        (found.seen, "products that an encoder has learned from, whose labels are not judged"),
        (len(found.suspects) - most if most is not None else 0, "suspects beyond --top"),
    ]
    shown = [f"{count:,} {what}" for count, what in parts if count > 0]
    if shown:
        print()
        say(f"Left out or set aside: {', '.join(shown)}.")
