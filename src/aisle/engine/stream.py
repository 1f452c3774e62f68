"""Many products through an engine: read, answered and written in batches, in order, in bounded memory."""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from aisle.catalog.quarantine import BadRow, open_quarantine
from aisle.catalog.stream import CatalogStream, StreamedProduct
from aisle.engine.output import open_writer
from aisle.errors import CatalogError
from aisle.files import disk_errors
from aisle.heads.tiers import Tier
from aisle.product import Prediction, Product
from aisle.progress import bar

BATCH = 256


class Answering(Protocol):
    """What is asked of an engine here."""

    def predict(
        self, products: Sequence[Product], *, precision: float | None = None, evidence: bool = True, tier: Tier = "full"
    ) -> list[Prediction]:
        """Return a prediction for each product, in order."""


@dataclass(frozen=True, kw_only=True)
class AnsweredStream:
    """What became of a stream; ``rows == sum(decisions.values()) + quarantined`` always holds.

    Attributes
    ----------
    decisions : mapping of str to int
        How many products got each decision.
    quarantined : int
        Rows set aside.
    seconds : float
        From the first row to the last.
    left_out : tuple of str
        Columns that some rows have and the format has no place for.
    """

    decisions: Mapping[str, int]
    quarantined: int
    seconds: float
    left_out: tuple[str, ...]

    @property
    def products(self) -> int:
        """Products answered."""
        return sum(self.decisions.values())

    @property
    def rows(self) -> int:
        """Rows read."""
        return self.products + self.quarantined


def answer_stream(
    engine: Answering,
    stream: CatalogStream,
    *,
    file: IO[bytes],
    place: Path,
    form: str,
    quarantine: Path,
    batch: int = BATCH,
    precision: float | None = None,
    evidence: bool = True,
    tier: Tier = "full",
    progress: bool = True,
) -> AnsweredStream:
    """Classify every product of a stream and write the predictions as they come.

    Parameters
    ----------
    engine : object with a method ``predict``
        Answers a batch.
    stream : CatalogStream
        The products.
    file : binary file
        Where predictions go; flushed after each batch.
    place : Path
        What messages call it.
    form : {"jsonl", "csv", "parquet"}
        How they are written.
    quarantine : Path
        Where rows set aside are listed; made with the first of them, whole or not at all.
    batch : int
        Products answered together, at least 1.
    precision : float, optional
        How often an answer must be right; what the engine was trained for by default.
    evidence : bool
        Whether predictions say what they rest on.
    tier : {"full", "balanced", "fast"}
        What may be spent on an answer.
    progress : bool
        Whether a bar may be shown.

    Raises
    ------
    CatalogError
        The stream has no row, or is damaged further on.
    DiskFullError
        The predictions or the rows set aside could not be written.
    """
    started = time.perf_counter()
    decisions: Counter[str] = Counter()
    with ExitStack() as stack:
        writer = stack.enter_context(open_writer(file, form=form, columns=stream.columns.unused))
        shown = bar(label="Classifying", total=None, unit=" products") if progress else nullcontext()
        shown = stack.enter_context(shown)
        set_aside = SetAside(quarantine, stack)
        for items in batches(stream, size=batch, set_aside=set_aside):
            found = engine.predict([item.product for item in items], precision=precision, evidence=evidence, tier=tier)
            with disk_errors(place):  # here, or the quarantine file would be blamed
                writer.write(found, extra=[stream.unused(item) for item in items])
                file.flush()
            decisions.update(prediction.decision for prediction in found)
            if shown is not None:
                shown.update(len(items))
        if not decisions and not set_aside.count:
            raise CatalogError(f"{stream.source} names its columns but has no rows")
    return AnsweredStream(
        decisions=dict(decisions),
        quarantined=set_aside.count,
        seconds=time.perf_counter() - started,
        left_out=tuple(sorted(writer.left_out)),
    )


class SetAside:
    """Lists rows set aside as they come.

    Parameters
    ----------
    place : Path
        The quarantine file, made with the first of them.
    stack : ExitStack
        At whose end the file takes its name.
    """

    def __init__(self, place: Path, stack: ExitStack) -> None:
        self.count = 0
        self._place = place
        self._stack = stack
        self._write: Callable[[BadRow], None] | None = None

    def add(self, bad: BadRow) -> None:
        """Write down a row.

        Raises
        ------
        CatalogError
            The file cannot be written there.
        """
        if self._write is None:
            try:
                self._write = self._stack.enter_context(open_quarantine(self._place))
            except PermissionError as err:
                raise CatalogError(
                    f"{self._place} cannot be written ({err.strerror}): name another place for the rows set aside "
                    "with --quarantine FILE"
                ) from err
        self._write(bad)
        self.count += 1


def batches(stream: CatalogStream, *, size: int, set_aside: SetAside) -> Iterator[list[StreamedProduct]]:
    """Yield the products of a stream, so many at a time; rows that are none are set aside."""
    items: list[StreamedProduct] = []
    for item in stream:
        if isinstance(item, BadRow):
            set_aside.add(item)
            continue
        items.append(item)
        if len(items) == size:
            yield items
            items = []
    if items:
        yield items
