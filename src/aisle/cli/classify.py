"""``aisle classify``: categories for new products, many as a stream or one in the terminal."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from aisle.cli.catalog_options import CatalogOptions, MapOption
from aisle.cli.check import ROWS_QUARANTINED
from aisle.cli.tier_option import TierOption, check_tier

if TYPE_CHECKING:
    from aisle.catalog import CatalogStream
    from aisle.engine.stream import AnsweredStream

_STANDARD_INPUT = "-"
_BATCH = 256
_DECISIONS = ("accept", "partial", "review")
_STDOUT = Path("standard output")  # how messages name it


def classify(
    engine: Annotated[Path, typer.Argument(metavar="ENGINE", help="The folder that `aisle train` wrote.")],
    products: Annotated[
        str | None,
        typer.Argument(metavar="PRODUCTS", help="CSV, JSON lines, Parquet or a folder; - is standard input."),
    ] = None,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Classify one product: its name.")] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="One product: its description.")] = None,
    brand: Annotated[str | None, typer.Option(metavar="TEXT", help="One product: its brand.")] = None,
    photo: Annotated[
        Path | None, typer.Option(metavar="FILE", exists=True, dir_okay=False, help="One product: its photo.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One product: print JSON, for programs.")] = False,
    form: Annotated[
        str | None,
        typer.Option("--format", metavar="NAME", help="jsonl, csv or parquet; by the name of --out, else jsonl."),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to, instead of standard output.")] = None,
    precision: Annotated[
        float | None, typer.Option(metavar="SHARE", help="How often an answer must be right, e.g. 0.98.")
    ] = None,
    quarantine: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where rows set aside go; NAME.quarantine.csv by default.")
    ] = None,
    batch: Annotated[
        int | None, typer.Option(metavar="N", min=1, help=f"Products classified together; {_BATCH} by default.")
    ] = None,
    input_format: Annotated[
        str | None, typer.Option(metavar="NAME", help="csv, jsonl or parquet, where PRODUCTS does not say.")
    ] = None,
    mapping: MapOption = None,
    separator: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Taken as by other commands; labels are not read here.")
    ] = None,
    no_evidence: Annotated[bool, typer.Option("--no-evidence", help="Do not say what answers rest on.")] = False,
    tier: TierOption = "full",
) -> None:
    """Say in which category products belong, or that a person should look.

    Every product gives a line, in order, with the columns that play no part kept. Rows that cannot be read
    are listed in a quarantine file, and the exit code is 3.
    """
    if precision is not None and not 0 < precision < 1:
        raise typer.BadParameter(f"{precision:g} is not between 0 and 1; e.g. 0.98", param_hint="--precision")
    asked = _Asked(engine=engine, precision=precision, evidence=not no_evidence, tier=check_tier(tier))
    bulk = {"PRODUCTS": products, "--format": form, "--out": out, "--quarantine": quarantine, "--batch": batch,
            "--input-format": input_format, "--map": mapping, "--separator": separator}  # fmt: skip
    if photo is not None or not (title is description is brand is None):
        for name in (name for name, value in bulk.items() if value is not None):
            raise typer.BadParameter("not together with one product (--title, --photo, ...)", param_hint=name)
        texts = {"title": title or "", "description": description or "", "brand": brand or ""}
        _classify_one(asked, texts, photo, as_json=as_json)
        return
    if products is None:
        raise typer.BadParameter(
            "name a file or a folder, - for standard input, or one product with --title and --photo",
            param_hint="PRODUCTS",
        )
    if as_json:
        raise typer.BadParameter("for one product; many are JSON lines unless told otherwise", param_hint="--json")
    options = CatalogOptions.parse(Path(products), mapping=mapping, separator=separator, level=1)
    job = _Job(
        source=products,
        columns=options.columns,
        kind=_check_kind(input_format),
        form=_pick_format(form, out),
        out=out,
        quarantine=quarantine or _default_place(products, out),
        batch=batch or _BATCH,
    )
    job.check_places()
    if _classify_many(asked, job).quarantined:
        raise typer.Exit(ROWS_QUARANTINED)


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What is asked of which engine."""

    engine: Path
    precision: float | None
    evidence: bool
    tier: str

    def load(self) -> Any:
        """Load the engine."""
        from aisle.engine import load_engine
        from aisle.settings import Settings

        return load_engine(self.engine, settings=Settings.load())

    @property
    def how(self) -> dict[str, Any]:
        """The options of a prediction."""
        return {"precision": self.precision, "evidence": self.evidence, "tier": self.tier}


@dataclass(frozen=True, kw_only=True)
class _Job:
    """Many products: where from, where to, and how."""

    source: str
    columns: Mapping[str, str]
    kind: str | None
    form: str
    out: Path | None
    quarantine: Path
    batch: int

    def check_places(self) -> None:
        """Find out before the work what can never be written, or must not be written over.

        Raises
        ------
        typer.BadParameter
            Of such a place.
        """
        if self.out is not None:
            _check_place(self.out, option="--out", source=self.source)
            if self.out.resolve() == self.quarantine.resolve():
                raise typer.BadParameter(f"{self.out} is where --out goes; name another", param_hint="--quarantine")
        _check_place(self.quarantine, option="--quarantine", source=self.source)

    def open_stream(self) -> "CatalogStream":
        """Open the products; their labels are of no interest."""
        from aisle.catalog import stream_catalog

        return stream_catalog(self.source, columns=self.columns, labels=False, kind=self.kind)


def _classify_many(asked: _Asked, job: _Job) -> "AnsweredStream":
    from aisle.engine.stream import answer_stream

    # A wrong path is told at once; but what a pipe brings may be long in coming.
    stream = None if job.source == _STANDARD_INPUT else job.open_stream()
    engine = asked.load()
    if stream is None:
        if sys.stdin is not None and sys.stdin.isatty():
            typer.echo("Reading products from the terminal; Ctrl-D ends them.", err=True)
        stream = job.open_stream()
    for note in stream.notes:
        typer.echo(f"Note: {note}", err=True)
    # Lines that scroll by on a terminal are progress enough, and a bar would run through them.
    progress = job.out is not None or not sys.stdout.isatty()
    with _open_output(job.out) as file:
        done = answer_stream(
            engine, stream, file=file, place=job.out or _STDOUT, form=job.form, quarantine=job.quarantine,
            batch=job.batch, progress=progress, **asked.how,
        )  # fmt: skip
    _say_what_was_done(done, job)
    return done


def _say_what_was_done(done: "AnsweredStream", job: _Job) -> None:
    counts = [f"{done.decisions.get(name, 0):,} {name}" for name in _DECISIONS]
    typer.echo(
        f"{done.rows:,} row{'s' * (done.rows != 1)}: {', '.join(counts)}, {done.quarantined:,} quarantined", err=True
    )
    if done.left_out:
        typer.echo(
            f"Note: some rows have keys that the first ones do not ({', '.join(done.left_out)}); "
            f"{job.form} has no column for them, --format jsonl keeps them",
            err=True,
        )
    speed = done.products / max(done.seconds, 1e-9)
    typer.echo(f"{speed:,.0f} products per second; written to {job.out or _STDOUT}", err=True)
    if done.quarantined:
        typer.echo(f"Rows set aside are listed in {job.quarantine}", err=True)


def _classify_one(asked: _Asked, texts: Mapping[str, str], photo: Path | None, *, as_json: bool) -> None:
    from aisle.engine.record import format_record, prediction_record, valid_text
    from aisle.product import Product

    title, description, brand = (valid_text(texts[name]).strip() for name in ("title", "description", "brand"))
    if not (title or description or photo):
        raise typer.BadParameter("a product needs a title, a description or a photo", param_hint="--title")
    product = Product(title=title, description=description, photo=photo, attributes={"brand": brand} if brand else {})
    engine = asked.load()
    [found] = engine.predict([product], **asked.how)
    if as_json:
        with _open_output(None) as file:
            file.write(f"{format_record(prediction_record(found), indent=2)}\n".encode())
        return
    from aisle.cli.classify_report import print_answer

    print_answer(found, product=product, precision=engine.precision if asked.precision is None else asked.precision)


@contextmanager
def _open_output(out: Path | None) -> Iterator[IO[bytes]]:
    """Open what data go to: a file that is whole or not there, or standard output, in UTF-8 whatever the terminal."""
    from aisle.errors import AisleError
    from aisle.files import atomic_write, disk_errors

    if out is None:
        with disk_errors(_STDOUT):
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(atomic_write(out))
        except PermissionError as err:
            raise AisleError(f"{out} cannot be written ({err.strerror}); name another place with --out FILE") from err
        yield file


def _pick_format(form: str | None, out: Path | None) -> str:
    from aisle.engine.output import FORMAT_OF_SUFFIX, FORMATS

    suffix = out.suffix.lower() if out is not None else ""
    known = ", ".join(FORMATS)
    if form is None:
        form = FORMAT_OF_SUFFIX.get(suffix, "") if suffix else "jsonl"
        if not form:
            raise typer.BadParameter(f"{suffix} is the name of no format; say --format: {known}", param_hint="--out")
    if form not in FORMATS:
        raise typer.BadParameter(f"{form!r} is none of {known}", param_hint="--format")
    if form == "parquet" and out is None:
        raise typer.BadParameter("parquet needs a file: --out FILE", param_hint="--format")
    return form


def _check_kind(kind: str | None) -> str | None:
    from aisle.catalog.stream import KINDS

    if kind is not None and kind not in KINDS:
        raise typer.BadParameter(f"{kind!r} is none of {', '.join(KINDS)}", param_hint="--input-format")
    return kind


def _default_place(source: str, out: Path | None) -> Path:
    """Name the quarantine file: beside the answers, else in the working folder, as the source's may be read-only."""
    if out is not None:
        return out.parent / f"{out.stem}.quarantine.csv"
    path = Path(source)
    name = path.resolve().name if path.is_dir() else path.stem
    return Path(f"{name if source != _STANDARD_INPUT and name else 'products'}.quarantine.csv")


def _check_place(place: Path, *, option: str, source: str) -> None:
    problem = ""
    if place.is_dir():
        problem = f"is a folder; name a file, e.g. {place / 'answers.jsonl'}"
    elif place.exists() and not place.is_file():
        problem = "is not a file"  # a device that is replaced by a file would be gone
    elif source != _STANDARD_INPUT and place.exists() and Path(source).exists() and place.samefile(source):
        problem = "is what is read; name another file"
    elif (
        ".quarantine." not in place.name and Path(source).is_dir() and place.parent.resolve() == Path(source).resolve()
    ):
        problem = "lies in the folder of the products, where it would be taken for one of their tables"
    if problem:
        raise typer.BadParameter(f"{place} {problem}", param_hint=option)
