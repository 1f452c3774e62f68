"""``aisle finetune``: better encoders from one's own catalogue."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aisle.cli.catalog_options import CatalogArgument, CatalogOptions, MapOption, SeparatorOption
from aisle.cli.check import ROWS_QUARANTINED
from aisle.cli.finetune_options import (
    BatchOption,
    DeviceOption,
    EpochsOption,
    Int8Option,
    JointOption,
    ModalityOption,
    PhotoStartOption,
    PretuneOption,
    TextStartOption,
    ValidationOption,
    choose_finetuning,
)
from aisle.cli.places import check_folder
from aisle.cli.terminal import say
from aisle.cli.train import DepthOption, LeafOption, choose_depth, read_extra, say_bad_rows

if TYPE_CHECKING:
    from aisle.finetune import FinetuneOptions, Tuned
    from aisle.product import Product
    from aisle.settings import Settings

_READS = {"text": "titles and descriptions", "photo": "photos"}


def finetune(
    catalog: CatalogArgument,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="The encoder folder to write; one in it is replaced.")
    ],
    modality: ModalityOption = None,
    joint: JointOption = False,
    pretune: PretuneOption = None,
    level: DepthOption = None,
    leaf: LeafOption = False,
    epochs: EpochsOption = None,
    validation: ValidationOption = None,
    batch: BatchOption = None,
    int8: Int8Option = False,
    device: DeviceOption = None,
    text_encoder: TextStartOption = None,
    photo_encoder: PhotoStartOption = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of everything that is drawn.")] = 0,
    mapping: MapOption = None,
    separator: SeparatorOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the log as JSON, for programs.")] = False,
) -> None:
    """Tune text and photo encoders to a labelled catalogue.

    `aisle train CATALOG --text-encoder DIR --photo-encoder DIR` uses them. A run that was stopped goes on when it is
    started again. Needs torch: pip install 'aisle[finetune]'.
    """
    started = time.perf_counter()
    depth = choose_depth(level, leaf)
    options = CatalogOptions.parse(catalog, mapping=mapping, separator=separator, level=1)
    check_folder(out, source=catalog, example="encoders", what="the encoders")
    tuning = choose_finetuning(
        modality=modality,
        joint=joint,
        pretune=bool(pretune),
        epochs=epochs,
        validation=validation,
        batch=batch,
        device=device,
        seed=seed,
        level=depth,
        text_encoder=text_encoder,
        photo_encoder=photo_encoder,
    )
    from aisle.finetune import finetune_to_folder
    from aisle.finetune.encoder_writer import check_destination
    from aisle.finetune.run import check_start
    from aisle.settings import Settings

    check_destination(out)
    settings = Settings.load()
    check_start(tuning, settings)
    products = options.read()
    others = read_extra(pretune or ())
    start = _pretune(products.products, others.products, tuning, out, settings) if pretune else None
    summary = finetune_to_folder(
        products.products, out, options=tuning, start=start, int8=int8, catalog=products.source, settings=settings
    )
    if as_json:
        print(json.dumps(summary, ensure_ascii=False))
    else:
        _print(summary)
    rows = {out: "the encoders", out / "README.md": "their card", out / "training.html": "how training went"}
    width = max(len(str(path)) for path in rows)
    typer.echo(f"\nWritten in {time.perf_counter() - started:.0f} s:", err=as_json)
    for path, text in rows.items():
        typer.echo(f"  {path!s:{width}}  {text}", err=as_json)
    typer.echo(f"\n  aisle train {catalog} {_used(summary, out)} --out engine", err=as_json)
    set_aside = [(catalog, len(products.bad_rows))] if products.bad_rows else []
    say_bad_rows((*set_aside, *others.bad_rows))
    if set_aside or others.bad_rows:
        raise typer.Exit(ROWS_QUARANTINED)


def _pretune(
    own: "Sequence[Product]",
    others: "Sequence[Product]",
    options: "FinetuneOptions",
    out: Path,
    settings: "Settings",
) -> "Tuned":
    from aisle.finetune import pretune
    from aisle.finetune.folder import unfinished_of
    from aisle.train.tuner import choose_pretuning

    chosen = choose_pretuning([product for product in own if product.category], others)
    return pretune(chosen, options=options, checkpoints=unfinished_of(out.resolve()), settings=settings)


def _used(summary: Mapping[str, Any], out: Path) -> str:
    return " ".join(f"--{name}-encoder {out}" for name in summary["encoders"])


def _print(summary: Mapping[str, Any]) -> None:
    say(
        f"{summary['catalog']}: tuned on {summary['learned_from']:,} of {summary['products']:,} products; "
        f"{summary['held_out']:,} were held out"
    )
    for name, each in summary["encoders"].items():
        before, after = each["before"], each["after"]
        shares = [100 * part["right"] / part["of"] for part in (before, after)]
        gain = {end: 100 * value for end, value in each["difference"].items()}
        say(
            f"{_READS[name]}: {shares[0]:.1f} % right before, {shares[1]:.1f} % after, on {after['of']:,} products "
            f"held out; the difference is {gain['mean']:+.1f} [{gain['low']:+.1f}, {gain['high']:+.1f}] points. "
            f"Epoch {each['best']} of {len(each['epochs'])} was kept.",
            indent=2,
            hang=4,
        )
        if gain["low"] <= 0:
            say("This cannot be told from chance; `aisle evaluate CATALOG --finetune` tells more.", indent=4)
        if "int8" in each:
            offered = "written in" if each["int8"]["offered"] else "not written in"
            say(f"The graph is {offered} 8 bits: {each['int8']['reason']}.", indent=4)
