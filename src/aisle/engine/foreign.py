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


LEAST_ALIKE = 0.99
"""Cosine between what an encoder makes of its sample here and what it made of it where the engine was trained. In 32
bits rounding alone differs; in 8 bits processors without VNNI let sums of products overflow, and quietly give
something else."""


def try_out(reader: TextReader | PhotoReader, encoder: PortableEncoder) -> None:
    """Refuse a graph that does not give the numbers that the experts read.

    Raises
    ------
    ValueError
        There are more or fewer of them than the encoder's description says, they are not finite, or they are others
        than where the engine was trained.
    """
    found = reader.sample()
    width = int(encoder.about["dimension"]) * len(encoder.about.get("outputs", [""]))
    if found.shape != (1, width) or not np.isfinite(found).all():
        raise ValueError(f"it gives {found.shape} numbers instead of {(1, width)}, or none")
    known = encoder.about.get("sample")
    if known is None:  # an engine trained before samples were kept
        return
    then, now = np.array(known, dtype=np.float64), found[0].astype(np.float64)
    lengths = np.linalg.norm(then) * np.linalg.norm(now)
    cosine = float(then @ now / lengths) if lengths > 0 else float(np.array_equal(then, now))
    if cosine < LEAST_ALIKE:
        raise ValueError(
            f"this processor makes other numbers with it than the one it was trained on (cosine {cosine:.3f} on its "
            f"sample), as happens to graphs in 8 bits; use encoders in 32 bits (`aisle finetune` without --int8)"
        )
