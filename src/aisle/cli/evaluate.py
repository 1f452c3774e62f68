"""``aisle evaluate``: how good an engine is on labelled products, or how good one of a catalogue would be."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aisle.cli.catalog_options import CatalogOptions, MapOption, SeparatorOption
from aisle.cli.check import ROWS_QUARANTINED
from aisle.cli.cross_validation import CrossValidation, Finetuning
from aisle.cli.encoder_options import PhotoEncoderOption, TextEncoderOption
from aisle.cli.finetune_options import (
    BatchOption,
    DeviceOption,
    EpochsOption,
    JointOption,
    ModalityOption,
    PretuneOption,
    ValidationOption,
)
from aisle.cli.places import check_folder
from aisle.cli.tier_option import TierOption, check_tier
from aisle.cli.train import DepthOption, ExtraOption, LeafOption, check_share, choose_depth

if TYPE_CHECKING:
    from aisle.catalog import Catalog
    from aisle.heads.tiers import Tier

_FOLDS = 5


def evaluate(
    engine: Annotated[
        Path,
        typer.Argument(metavar="ENGINE", help="What `aisle train` wrote; with --cross-validate CATALOG in its place."),
    ],
    catalog: Annotated[Path | None, typer.Argument(metavar="CATALOG", help="Labelled products to judge it on.")] = None,
    cross_validate: Annotated[
        bool,
        typer.Option("--cross-validate", help="Train and judge on parts of CATALOG in turn; no engine is needed."),
    ] = False,
    precision: Annotated[
        float | None,
        typer.Option("--precision", metavar="SHARE", help="How often an answer must be right; the engine's own."),
    ] = None,
    folds: Annotated[
        int | None, typer.Option("--folds", metavar="N", min=2, help="Cross-validation: parts; 5 by default.")
    ] = None,
    repeats: Annotated[
        int | None, typer.Option("--repeats", metavar="N", min=1, help="Cross-validation: deals; 5 by default.")
    ] = None,
    grouped: Annotated[
        bool, typer.Option("--grouped", help="Cross-validation: near-duplicates stay on one side.")
    ] = False,
    level: DepthOption = None,
    leaf: LeafOption = False,
    extra: ExtraOption = None,
    seed: Annotated[
        int | None,
        typer.Option("--seed", metavar="N", min=0, help="Cross-validation: of the first deal; 0 by default."),
    ] = None,
    text_encoder: TextEncoderOption = None,
    photo_encoder: PhotoEncoderOption = None,
    finetune: Annotated[
        bool, typer.Option("--finetune", help="Cross-validation: tune encoders anew in every fold, beside frozen ones.")
    ] = False,
    modality: ModalityOption = None,
    joint: JointOption = False,
    pretune: PretuneOption = None,
    epochs: EpochsOption = None,
    validation: ValidationOption = None,
    batch: BatchOption = None,
    device: DeviceOption = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Also write evaluation.json and plots there.")
    ] = None,
    mapping: MapOption = None,
    separator: SeparatorOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    tier: TierOption = "full",
) -> None:
    """Say how good answers are, on products that they were not learned from.

    `aisle evaluate ENGINE CATALOG` judges an engine's decisions; products that it was trained on are left
    aside. `aisle evaluate CATALOG --cross-validate` judges what an engine of a catalogue would be worth; with
    `--finetune`, one deal unless `--repeats` says more, also what encoders tuned to the catalogue would add.
    """
    only = {"--folds": folds, "--repeats": repeats, "--grouped": grouped or None, "--level": level,
            "--leaf": leaf or None, "--extra": extra, "--seed": seed, "--text-encoder": text_encoder,
            "--photo-encoder": photo_encoder, "--finetune": finetune or None}  # fmt: skip
    tuning = Finetuning(finetune, modality, joint, pretune or (), epochs, validation, batch, device, seed or 0)
    tuning.check()
    if tier != "full" and (cross_validate or finetune):
        raise typer.BadParameter("for an engine; --cross-validate tells of every tier", param_hint="--tier")
    cross_validate = cross_validate or finetune
    if precision is not None:
        check_share(precision)
    source = _check_use(engine, catalog, cross_validate, only=only, precision=precision)
    options = CatalogOptions.parse(source, mapping=mapping, separator=separator, level=1)
    if out is not None:
        check_folder(out, source=source, example="evaluation", what="the evaluation")
    if cross_validate:
        depth = choose_depth(level, leaf)
        named = (text_encoder, photo_encoder)
        deals = repeats or (1 if finetune else _FOLDS)
        asked = CrossValidation(depth, folds or _FOLDS, deals, grouped, extra or (), seed or 0, named, tuning)
        products, found, drawn = asked.run(options)
    else:
        products = options.read()
        found, drawn = _judge_engine(engine, products, precision, check_tier(tier))
    _print(found, cross_validate, as_json=as_json)
    if out is not None:
        _write(out, found, drawn)
    if products.bad_rows:
        _set_aside(products, source, out)
    if any(found.get("bad_rows", {}).values()):
        raise typer.Exit(ROWS_QUARANTINED)


def _check_use(
    first: Path, second: Path | None, cross_validate: bool, *, only: Mapping[str, Any], precision: float | None
) -> Path:
    """Return the catalogue; refuse what cannot be meant, and say what to type instead."""
    is_engine = [place is not None and (place / "manifest.json").is_file() for place in (first, second)]
    if cross_validate:
        if precision is not None:
            raise typer.BadParameter("not with --cross-validate, which tells of several", param_hint="--precision")
        if second is not None or is_engine[0]:
            raise typer.BadParameter(
                "--cross-validate needs a catalogue alone: aisle evaluate CATALOG --cross-validate",
                param_hint="ENGINE CATALOG",
            )
        return first
    for name in (name for name, value in only.items() if value is not None):
        raise typer.BadParameter("only with --cross-validate", param_hint=name)
    if second is not None:
        if is_engine[1] and not is_engine[0]:
            message = f"the engine comes first: aisle evaluate {second} {first}"
            raise typer.BadParameter(message, param_hint="ENGINE CATALOG")
        return second
    if is_engine[0]:
        message = f"name labelled products as well: aisle evaluate {first} CATALOG"
    else:
        message = (
            f"name an engine first: aisle evaluate ENGINE {first}; or see what an engine of it would be worth: "
            f"aisle evaluate {first} --cross-validate"
        )
    raise typer.BadParameter(message, param_hint="CATALOG")


def _judge_engine(
    folder: Path, products: "Catalog", precision: float | None, tier: "Tier"
) -> tuple[dict[str, Any], dict[str, str]]:
    from aisle.engine import load_engine
    from aisle.settings import Settings
    from aisle.train import evaluate_engine
    from aisle.train.card.plots import coverage_plot, reliability_plot

    engine = load_engine(folder, settings=Settings.load())
    found = evaluate_engine(engine, products.products, precision=precision, tier=tier)
    whole = {"subsets": [{"fields": ["as they are"], "figures": found["figures"]}]}
    drawn = {"reliability": reliability_plot(found["figures"]["calibration"]), "coverage": coverage_plot(whole)}
    return {"catalog": products.source, **found}, drawn


def _print(found: Mapping[str, Any], cross_validated: bool, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    from aisle.cli.evaluate_report import print_cross_validation, print_engine_evaluation

    (print_cross_validation if cross_validated else print_engine_evaluation)(found)


def _write(out: Path, found: Mapping[str, Any], drawn: Mapping[str, str]) -> None:
    from aisle.files import write_text

    out.mkdir(parents=True, exist_ok=True)
    texts = {"evaluation.json": json.dumps(found, ensure_ascii=False, indent=2)}
    texts |= {f"{name}.svg": text for name, text in drawn.items()}
    typer.echo("\nWritten:", err=True)
    for name, text in texts.items():
        write_text(out / name, f"{text}\n")
        typer.echo(f"  {out / name}", err=True)


def _set_aside(products: "Catalog", catalog: Path, out: Path | None) -> None:
    """List the rows that were set aside beside what was written, else in the working folder."""
    from aisle.catalog.quarantine import write_quarantine

    name = catalog.resolve().name if catalog.is_dir() else catalog.stem
    place = (out or Path()) / f"{name}.quarantine.csv"
    write_quarantine(place, products.bad_rows)
    typer.echo(f"{len(products.bad_rows):,} rows were set aside; they are listed in {place}", err=True)
    raise typer.Exit(ROWS_QUARANTINED)
