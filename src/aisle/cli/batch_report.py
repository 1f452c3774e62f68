"""What ``aisle batch`` says when it is done."""

from collections.abc import Sequence

import typer

from aisle.batch.folder import BatchFolder
from aisle.batch.run import Finished
from aisle.batch.summary import Failure


def say_what_was_done(done: Finished, folder: BatchFolder) -> None:
    """Say on standard error what a run came to and where it is."""
    tally = done.tally
    counts = [f"{number:,} {name}" for name, number in done.record["decisions"].items()]
    _say(f"{tally.rows:,} row{'s' * (tally.rows != 1)}: {', '.join(counts)}, {tally.quarantined:,} quarantined")
    if tally.done or not tally.skipped:
        speed = f"{done.record['rows_per_second']:,.1f} rows per second"
        _say(f"Shards: {tally.done:,} done, {tally.skipped:,} done before, {tally.redone:,} tried again; {speed}")
    else:
        _say(f"All shards ({tally.skipped:,}) were done before.")
    _say(f"Answers are in {folder.path / 'answers'}, the summary is {folder.summary}")
    if tally.quarantined:
        _say(f"Rows set aside are listed in {folder.quarantines}")
    if tally.left_out:
        names = ", ".join(dict.fromkeys(tally.left_out))
        _say(f"Note: photos that took too long to decode were left out: {names}")


def failures_text(failures: Sequence[Failure]) -> str:
    """Say which shards were given up, why, and what to do."""
    first, several = failures[0], len(failures) > 1
    return (
        f"{len(failures):,} shard{'s were' if several else ' was'} given up after {len(first.reasons)} attempts each, "
        f"everything else is done; {'the first is' if several else 'it is'} {first.task}: {first.reasons[-1]}. The "
        "same command tries again; if memory ran out, take fewer --workers, or begin elsewhere with fewer --shard-rows"
    )


def _say(text: str) -> None:
    typer.echo(text, err=True)
