"""``aisle models``: which encoders there are, and fetching their weights ahead of time."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from aisle.encode import EncoderSpec
    from aisle.settings import Settings

models = typer.Typer(
    name="models",
    no_args_is_help=True,
    rich_markup_mode=None,
    help="List the encoders, or fetch their weights ahead of time.",
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@models.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """Show every encoder: what it reads, its licence, its size, and whether its weights are here."""
    from aisle.encode.table import ENCODERS
    from aisle.settings import Settings

    settings = Settings.load()
    rows = [_describe(spec, settings) for spec in ENCODERS.values()]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    header = ("name", "reads", "columns", "licence", "MB", "from", "here")
    cells = [
        (
            row["name"],
            row["modality"],
            str(row["dimension"] or "-"),
            row["licence"] or "-",
            str(row["megabytes"] or "-"),
            row["source"],
            {True: "yes", False: "no", None: "-"}[row["cached"]],
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    for line in (header, *cells):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    typer.echo(f"\nWeights are kept in {settings.cache_dir}; fetch more: aisle models pull NAME", err=True)


@models.command("pull")
def pull_models(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Encoders to fetch; without one, the default ones of the index."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch weights, verify them and draw their graphs, so that later commands work offline."""
    from aisle.encode import ENCODERS, find_encoder, open_spec
    from aisle.errors import WeightsError
    from aisle.settings import Settings

    settings = Settings.load()
    wanted = list(
        dict.fromkeys(names or [name for name, spec in ENCODERS.items() if _from_index(spec) and spec.default])
    )
    if names is None and not settings.offline:
        typer.echo(f"Fetching {', '.join(wanted)} from the package index.", err=True)
    specs = [find_encoder(name, settings=settings) for name in wanted]
    reasons: dict[str, str] = {}
    for spec in specs:
        if not spec.files:
            typer.echo(f"{spec.name}: needs no weights", err=True)
            continue
        known = _is_cached(spec, settings)
        typer.echo(f"{spec.name}: {'checking' if known else f'fetching {spec.megabytes} MB'} ...", err=True)
        try:
            open_spec(spec, settings=settings)
        except WeightsError as err:
            reasons[spec.name] = str(err)
            typer.echo(f"{spec.name}: {err}", err=True)
    ready = [spec.name for spec in specs if spec.name not in reasons]
    if as_json:
        print(json.dumps({"ready": ready, "failed": reasons, "cache": str(settings.cache_dir)}, indent=2))
    elif ready:
        print(f"Ready: {', '.join(ready)} (in {settings.cache_dir})")
    if reasons:
        raise typer.Exit(1)


def _describe(spec: "EncoderSpec", settings: "Settings") -> dict[str, Any]:
    return {
        "name": spec.name,
        "title": spec.title,
        "modality": spec.modality,
        "dimension": spec.dimension,
        "licence": spec.licence,
        "megabytes": spec.megabytes,
        "source": _source(spec),
        "cached": _is_cached(spec, settings) if spec.files else None,
    }


def _from_index(spec: "EncoderSpec") -> bool:
    from aisle.weights import WheelFile

    return bool(spec.files) and all(isinstance(file, WheelFile) for file in spec.files.values())


def _source(spec: "EncoderSpec") -> str:
    """Say where the weights come from; an encoder without any learns from the catalogue itself."""
    if not spec.files:
        return "your catalogue"
    return "package index" if _from_index(spec) else "model hub"


def _is_cached(spec: "EncoderSpec", settings: "Settings") -> bool:
    """Tell whether all files lie in the cache; their hashes are compared when they are used."""
    from aisle.weights import LocalFile, cache_path

    places = (
        file.path if isinstance(file, LocalFile) else cache_path(file, settings=settings)
        for file in spec.files.values()
    )
    return all(place.is_file() for place in places)
