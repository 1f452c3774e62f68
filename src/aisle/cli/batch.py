"""``aisle batch``: millions of products, in shards that a killed run does not do twice."""

import json
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aisle.cli.catalog_options import CatalogOptions, MapOption
from aisle.cli.check import ROWS_QUARANTINED
from aisle.cli.tier_option import TierOption, check_tier

if TYPE_CHECKING:
    from aisle.batch.job import Job
    from aisle.batch.sources import Source
    from aisle.batch.workers import Pool, WorkerMaker

TERMINATED = 143
"""What a shell expects of a command that SIGTERM ended: 128 + SIGTERM."""


def batch(
    engine: Annotated[Path, typer.Argument(metavar="ENGINE", help="The folder that `aisle train` wrote.")],
    products: Annotated[
        list[str],
        typer.Argument(metavar="PRODUCTS", help="CSV, JSON lines, Parquet: files, folders, globs, addresses."),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where answers go; the same again to go on.")],
    workers: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Processes, or Ray actors; one per core by default.")
    ] = None,
    ray: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Work on a Ray cluster; local: on one of this machine's own.")
    ] = None,
    shard_rows: Annotated[int, typer.Option(metavar="N", min=1, help="Rows of a shard.")] = 2500,
    form: Annotated[str, typer.Option("--format", metavar="NAME", help="parquet, jsonl or csv.")] = "parquet",
    precision: Annotated[
        float | None, typer.Option(metavar="SHARE", help="How often an answer must be right, e.g. 0.98.")
    ] = None,
    tier: TierOption = "full",
    max_bad: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Stop when more rows than that are quarantined, e.g. 5%.")
    ] = None,
    input_format: Annotated[
        str | None, typer.Option(metavar="NAME", help="csv, jsonl or parquet, where names do not say.")
    ] = None,
    mapping: MapOption = None,
    evidence: Annotated[bool, typer.Option("--evidence/--no-evidence", help="Say what answers rest on.")] = False,
    photo_seconds: Annotated[
        float, typer.Option(metavar="N", min=0.1, help="How long one photo may take to decode.")
    ] = 20.0,
    changed_input: Annotated[
        bool, typer.Option("--allow-changed-input", help="Answer anew what has changed since the last run.")
    ] = False,
    other_engine: Annotated[
        bool, typer.Option("--allow-other-engine", help="Answer everything anew, as the engine is another.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON, for programs.")] = False,
) -> None:
    """Say in which category millions of products belong.

    Answers go to DIR/answers, a file per shard. A run that was stopped or killed goes on where it was. Rows that cannot
    be read are listed in DIR/quarantine, and the exit code is 3.
    """
    if precision is not None and not 0 < precision < 1:
        raise typer.BadParameter(f"{precision:g} is not between 0 and 1; e.g. 0.98", param_hint="--precision")
    share = None if max_bad is None else _parse_share(max_bad)
    columns = CatalogOptions.parse(Path(), mapping=mapping, separator=None, level=1).columns
    known_tier = check_tier(tier)
    _check_names(form=form, input_format=input_format)

    from aisle.batch.folder import BatchFolder, open_folder
    from aisle.batch.plan import Plan
    from aisle.batch.run import run_batch
    from aisle.batch.shard_worker import EngineWorkerMaker
    from aisle.batch.shards import plan_shards, recognise_source
    from aisle.batch.sources import find_sources
    from aisle.cli.batch_report import failures_text, say_what_was_done
    from aisle.errors import BatchError
    from aisle.settings import Settings

    settings = Settings.load()
    sources = find_sources(products, kind=input_format)
    _check_out(out, products, sources)
    recognise_source(next(source for source in sources if source.size), mapping=columns)
    job = _describe(
        engine,
        form=form,
        precision=precision,
        tier=known_tier,
        evidence=evidence,
        mapping=columns,
        shard_rows=shard_rows,
    )
    folder = BatchFolder(path=out.resolve(), form=form)
    maker = EngineWorkerMaker(
        engine=engine.resolve(),
        settings=replace(settings, threads=1),  # a core for each worker
        job=job,
        folder=folder,
        photo_seconds=photo_seconds,
    )
    with (
        _ended_by_sigterm(),
        open_folder(folder, job, sources, changed_input=changed_input, other_engine=other_engine) as ledger,
    ):
        done = run_batch(
            Plan(job, sources, plan_shards(sources, rows=shard_rows)),
            pool=_open_pool(maker, size=workers, threads=settings.threads, ray=ray),
            folder=folder,
            ledger=ledger,
            max_bad=share,
        )
    if as_json:
        print(json.dumps(done.record, indent=2, ensure_ascii=False))
    else:
        say_what_was_done(done, folder)
    if done.tally.failures:
        raise BatchError(failures_text(done.tally.failures))
    if done.tally.quarantined:
        raise typer.Exit(ROWS_QUARANTINED)


def _check_names(*, form: str, input_format: str | None) -> None:
    from aisle.catalog.stream import KINDS
    from aisle.engine.output import FORMATS
    from aisle.extras import require

    if form not in FORMATS:
        raise typer.BadParameter(f"{form!r} is none of {', '.join(FORMATS)}", param_hint="--format")
    if input_format is not None and input_format not in KINDS:
        raise typer.BadParameter(f"{input_format!r} is none of {', '.join(KINDS)}", param_hint="--input-format")
    if form == "parquet":
        require("pyarrow.parquet", extra="data")


def _parse_share(text: str) -> float:
    number, percent, rest = text.strip().partition("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = -1.0
    if rest.strip() or not 0 <= share < 1:
        raise typer.BadParameter(f"{text!r} is no share of the rows; e.g. 5%", param_hint="--max-bad")
    return share


def _check_out(out: Path, products: Sequence[str], sources: "Sequence[Source]") -> None:
    from aisle.batch.storage import is_remote, local_path
    from aisle.cli.places import check_folder

    if out.parts[:1] and out.parts[0].endswith(":"):
        raise typer.BadParameter(
            "answers go to a folder of this machine, or one that is mounted; copy them from there", param_hint="--out"
        )
    check_folder(out, source=Path(products[0]), example="answers", what="answers")
    here = [local_path(source.url) for source in sources if not is_remote(source.url)]
    for inside in (path for path in here if path.resolve().is_relative_to(out.resolve())):
        raise typer.BadParameter(
            f"{inside} is read and lies in {out}, where answers would be taken for products; name another folder",
            param_hint="--out",
        )


def _describe(engine: Path, *, mapping: Mapping[str, str], **asked: Any) -> "Job":
    """Put together what is asked; the engine itself is left to the workers."""
    import aisle
    from aisle.batch.job import Job
    from aisle.catalog.photos import DECODE_VERSION
    from aisle.engine.artifact import open_artifact

    fingerprint = open_artifact(engine).fingerprint
    program = f"{aisle.__version__} (photos {DECODE_VERSION})"
    return Job(engine=fingerprint, program=program, mapping=mapping, **asked)


def _open_pool(maker: "WorkerMaker", *, size: int | None, threads: int, ray: str | None) -> "Pool":
    if ray is not None:
        from aisle.batch.ray_actors import RayPool

        return RayPool(maker, size=size, address=ray)
    from aisle.batch.processes import ProcessPool

    return ProcessPool(maker, size=size or threads)


class _TerminatedError(BaseException):
    """SIGTERM has come."""


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    """End in good order on SIGTERM, which is how schedulers ask for it."""

    def end(number: int, frame: Any) -> None:
        raise _TerminatedError

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except _TerminatedError as err:
        typer.echo("\nTerminated. Shards that were done are kept; the same command goes on from there.", err=True)
        raise typer.Exit(TERMINATED) from err
    finally:
        signal.signal(signal.SIGTERM, before)
