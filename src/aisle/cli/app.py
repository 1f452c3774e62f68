"""The ``aisle`` command: its options, and the one place where errors become a line and an exit code."""

import io
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import aisle
from aisle.cli.audit import audit
from aisle.cli.batch import batch
from aisle.cli.check import check
from aisle.cli.classify import classify
from aisle.cli.db import db
from aisle.cli.demo import demo
from aisle.cli.engines import engines
from aisle.cli.evaluate import evaluate
from aisle.cli.finetune import finetune
from aisle.cli.index import index
from aisle.cli.keys import keys
from aisle.cli.models import models
from aisle.cli.retrain import retrain
from aisle.cli.sample import sample
from aisle.cli.serve import serve
from aisle.cli.study import study
from aisle.cli.train import train
from aisle.errors import AisleError

INTERRUPTED = 130
"""What a shell expects of a command that Ctrl-C ended: 128 + SIGINT."""

_SURVIVES = {
    "check": "Nothing was written.",
    "sample": "The folder holds part of a sample; the same command replaces it.",
    "models": "Files that were complete are kept; the same command fetches the rest.",
    "study": "Results that were complete are kept; the same command goes on from there.",
    "finetune": "Epochs that were complete are kept; the same command goes on from there.",
    "train": "The engine that was there, if any, is untouched.",
    "evaluate": "Embeddings that were complete are kept; nothing else was written.",
    "audit": "Nothing was written; embeddings that were complete are kept.",
    "serve": "Requests that were under way were answered.",
    "retrain": "The live engine is untouched.",
    "demo": "What was complete is kept; the same command starts anew.",
    "index": "The index that was there, if any, is untouched.",
    "batch": "Shards that were done are kept; the same command goes on from there.",
    "classify": "Lines already printed stand; with --out nothing was written.",
}
_LEVELS = (logging.WARNING, logging.INFO, logging.DEBUG)


class Group(TyperGroup):
    """Commands whose errors end in one line on standard error, not in a traceback (unless AISLE_DEBUG=1)."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; flush its output while a closed pipe can still be told from a failure."""
        with _one_line_errors(ctx):
            result = super().invoke(ctx)
            sys.stdout.flush()
            return result


app = typer.Typer(
    cls=Group,
    name="aisle",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help is fast, and as readable in a pipe as on a terminal
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line; the entry point of the package."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A name that the terminal cannot show must not end the command.
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="aisle")


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"aisle {aisle.__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    verbose: Annotated[
        int,
        typer.Option("--verbose", "-v", count=True, metavar="", help="Say more on stderr; -vv: everything."),
    ] = 0,
) -> None:
    """Put every product in the right aisle.

    A CATALOG is a CSV, JSON-lines or Parquet file, or a folder with one and its photos.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logger = logging.getLogger("aisle")
    logger.handlers = [handler]
    logger.setLevel(_LEVELS[min(verbose, 2)])


app.command()(sample)
app.command()(check)
app.command()(study)
app.command()(audit)
app.command()(finetune)
app.command()(train)
app.command()(classify)
app.command()(batch)
app.command()(evaluate)
app.command()(serve)
app.command()(retrain)
app.command()(demo)
app.add_typer(index)
app.add_typer(engines)
app.add_typer(keys)
app.add_typer(db)
app.add_typer(models)


@contextmanager
def _one_line_errors(ctx: Any) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as err:
        # The reader of a pipe (head, less) has seen enough. Python would complain once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(1) from err
    except KeyboardInterrupt as err:
        survives = _SURVIVES.get(ctx.invoked_subcommand or "", "Nothing was written.")
        typer.echo(f"\nStopped. {survives}", err=True)
        raise typer.Exit(INTERRUPTED) from err
    except (AisleError, OSError) as err:
        if os.environ.get("AISLE_DEBUG") == "1":
            raise
        typer.echo(f"Error: {_sentence(err)}", err=True)
        raise typer.Exit(1) from err


def _sentence(err: Exception) -> str:
    """Return the message of an error as one line; an OSError of the system's names its file."""
    if isinstance(err, AisleError):
        text = (err.strerror if isinstance(err, OSError) else None) or str(err)
    else:
        place = f"{err.filename}: " if isinstance(err, OSError) and err.filename else ""
        text = f"{place}{getattr(err, 'strerror', None) or err}"
    return " ".join(str(text).split())
