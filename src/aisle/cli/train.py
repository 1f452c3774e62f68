"""``aisle train``: a labelled catalogue becomes an engine."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from aisle.cli.catalog_options import CatalogArgument, CatalogOptions, MapOption, SeparatorOption


def train(
    catalog: CatalogArgument,
    out: Annotated[
        Path, typer.Option("--out", metavar="ENGINE", help="The folder to write; an engine in it is replaced.")
    ],
    level: Annotated[
        int | None, typer.Option("--level", metavar="N", min=1, help="How deep categories go; all by default.")
    ] = None,
    leaf: Annotated[bool, typer.Option("--leaf", help="As deep as the categories go (the default).")] = False,
    precision: Annotated[
        float, typer.Option("--precision", metavar="P", help="How often an answer must be right.")
    ] = 0.95,
    seed: Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Of everything that is drawn.")] = 0,
    mapping: MapOption = None,
    separator: SeparatorOption = None,
) -> None:
    """Train an engine on a labelled catalogue."""
    options = CatalogOptions.parse(catalog, mapping=mapping, separator=separator, level=1)
    from aisle.engine.artifact_writer import write_artifact
    from aisle.engine.store import to_files
    from aisle.settings import Settings
    from aisle.train import TrainingOptions, train_engine

    started = time.perf_counter()
    settings = Settings.load()
    products = options.read()
    chosen = TrainingOptions(level=None if leaf else level, precision=precision, seed=seed)
    trained = train_engine(products.products, options=chosen, settings=settings)
    fingerprint = write_artifact(out, to_files(trained.knowledge), about={})
    print(json.dumps(trained.knowledge.facts))
    typer.echo(f"{fingerprint} written to {out} in {time.perf_counter() - started:.0f} s", err=True)
