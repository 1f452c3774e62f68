"""The options of every command that tunes encoders."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from aisle.finetune import FinetuneOptions

ModalityOption = Annotated[
    str | None, typer.Option("--modality", metavar="text|photo|both", help="Which encoders are tuned; both by default.")
]
JointOption = Annotated[
    bool,
    typer.Option("--joint", help="Tune both together: each photo is also matched with its own text."),
]
EpochsOption = Annotated[
    int | None, typer.Option("--epochs", metavar="N", min=1, help="Passes over the products at most.")
]
ValidationOption = Annotated[
    float | None,
    typer.Option(
        "--validation",
        metavar="SHARE",
        help="Products never learned from: training stops by them, an engine judges itself on them. 0.2 by default.",
    ),
]
Int8Option = Annotated[
    bool, typer.Option("--int8", help="Write graphs in 8 bits where these are faster here and as good.")
]
BatchOption = Annotated[
    int | None, typer.Option("--batch", metavar="N", min=2, help="Products at once; 32, or 128 on a GPU.")
]
DeviceOption = Annotated[str | None, typer.Option("--device", metavar="cpu|cuda", help="Where to compute; cpu.")]
PretuneOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--pretune",
        metavar="CATALOG",
        help="Other labelled products that the text encoder is tuned to first, e.g. titles; repeatable.",
    ),
]
TextStartOption = Annotated[
    str | None,
    typer.Option(
        "--text-encoder",
        metavar="NAME",
        help="The published text encoder to start from: minilm, bert or use; minilm by default.",
    ),
]
PhotoStartOption = Annotated[
    str | None,
    typer.Option(
        "--photo-encoder",
        metavar="NAME",
        help="The published photo encoder to start from: efficientnet-lite0-avg, efficientnet-lite2-avg or "
        "resnet50-avg (or -max: the same network, tuned with both poolings); efficientnet-lite0-avg by default.",
    ),
]


def choose_finetuning(
    *,
    modality: str | None,
    joint: bool,
    pretune: bool,
    epochs: int | None,
    validation: float | None,
    batch: int | None,
    device: str | None,
    seed: int,
    level: int | None = None,
    text_encoder: str | None = None,
    photo_encoder: str | None = None,
) -> "FinetuneOptions":
    """Return what was typed as options; where nothing was typed the defaults. `pretune`: whether --pretune was typed.

    Raises
    ------
    typer.BadParameter
        A value cannot be meant.
    MissingExtraError
        torch is not installed.
    """
    from aisle.extras import require

    require("torch", extra="finetune")
    require("jinja2", extra="finetune")
    from aisle.finetune import FinetuneOptions

    typed: dict[str, Any] = {
        "modality": modality,
        "text_epochs": epochs,
        "photo_epochs": epochs,
        "validation": validation,
        "batch": batch,
        "device": device,
        "text_encoder": text_encoder,
        "photo_encoder": photo_encoder,
    }
    given = {name: value for name, value in typed.items() if value is not None}
    try:
        options = FinetuneOptions(joint=joint, seed=seed, level=level, **given)
    except ValueError as err:
        raise typer.BadParameter(str(err)) from err
    if pretune and options.modality == "photo":
        raise typer.BadParameter(
            "only texts are tuned to other catalogues; not with --modality photo", param_hint="--pretune"
        )
    return options
