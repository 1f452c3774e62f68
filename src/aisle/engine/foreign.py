"""Graphs and tokenizers of an engine's folder: somebody else's, perhaps, and run only here."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from aisle.encode.portable import PhotoReader, PortableEncoder, TextReader
from aisle.errors import EngineError


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn whatever a foreign graph or tokenizer raises into the one error of engines.

    Parameters
    ----------
    what : str
        What failed, for the message.

    Raises
    ------
    EngineError
        Something was raised.
    """
    try:
        yield
    except BaseException as err:
        # Runtimes raise kinds of their own, and what panics in Rust is no Exception.
        if not isinstance(err, Exception) and type(err).__name__ != "PanicException":
            raise
        raise EngineError(f"{what}: {err}; train the engine anew") from err


def try_out(reader: TextReader | PhotoReader, encoder: PortableEncoder) -> None:
    """Refuse a graph that does not give the numbers that the experts read.

    Raises
    ------
    ValueError
        There are more or fewer of them than the encoder's description says, or they are not finite.
    """
    found = reader.sample()
    width = int(encoder.about["dimension"]) * len(encoder.about.get("outputs", [""]))
    if found.shape != (1, width) or not np.isfinite(found).all():
        raise ValueError(f"it gives {found.shape} numbers instead of {(1, width)}, or none")
