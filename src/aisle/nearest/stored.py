"""An index as columns, and back: a file may say what no index is."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aisle.errors import NearestError
from aisle.nearest.folder import Columns
from aisle.nearest.lists import NOWHERE, Lists
from aisle.nearest.rows import Vectors
from aisle.nearest.texts import Texts


def text_columns(name: str, texts: Texts) -> dict[str, NDArray[Any]]:
    """Return texts as columns."""
    return {f"{name}_letters": texts.letters, f"{name}_ends": texts.ends}


def list_columns(lists: Lists | None) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return lists as columns, and what is to be known of them."""
    if lists is None:
        return {}, {"lists": None}
    about = {"probes": lists.probes, "recall": lists.recall}
    return {"centres": lists.centres, "homes": lists.of_row}, {"lists": about}


@contextlib.contextmanager
def reading(source: Path) -> Iterator[None]:
    """Turn what is wrong with columns into the one error.

    Raises
    ------
    NearestError
        Something is missing, or is not what an index holds.
    """
    try:
        yield
    except NearestError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as err:
        raise NearestError(f"{source} is no index that this version can use ({err}); build it anew") from err


def read_index(columns: Columns, about: Mapping[str, Any]) -> tuple[Vectors, Texts, Lists | None]:
    """Return the vectors, the ids and the lists of a folder.

    Raises
    ------
    KeyError, TypeError, ValueError
        They are missing, or do not belong together.
    """
    vectors = columns["vectors"]
    check(vectors, "vectors", kind="float16", shape=(None, None))
    if not vectors.shape[1]:
        raise ValueError("the vectors have no numbers")
    return vectors, read_texts(columns, "ids", count=len(vectors)), _read_lists(columns, about, vectors=vectors)


def read_texts(columns: Columns, name: str, *, count: int) -> Texts:
    """Return texts of a folder.

    Raises
    ------
    KeyError, ValueError
        They are missing, not as many as asked, or no texts.
    """
    texts = Texts(columns[f"{name}_letters"], columns[f"{name}_ends"])
    check(texts.letters, f"letters of {name}", kind="uint8", shape=(None,))
    check(texts.ends, f"ends of {name}", kind="int64", shape=(count,))
    if not texts.sound():
        raise ValueError(f"the {name} end where there is nothing")
    return texts


def _read_lists(columns: Columns, about: Mapping[str, Any], *, vectors: Vectors) -> Lists | None:
    if about["lists"] is None:
        return None
    count, dimension = vectors.shape
    centres, homes = columns["centres"], columns["homes"]
    check(centres, "centres", kind="float32", shape=(None, dimension))
    check(homes, "homes", kind="int32", shape=(count,))
    if not len(centres) or not np.isfinite(centres).all():
        raise ValueError("the centres are no vectors")
    if count and not (int(homes.min()) >= NOWHERE and int(homes.max()) < len(centres)):
        raise ValueError("a vector is in a list that does not exist")
    probes, recall = about["lists"]["probes"], about["lists"]["recall"]
    if type(probes) is not int or not 1 <= probes <= len(centres):
        raise ValueError(f"{probes!r} of {len(centres)} lists cannot be read")
    if type(recall) is not float or not 0 <= recall <= 1:
        raise ValueError(f"{recall!r} is no share")
    # In memory, so that what was checked stays so.
    return Lists(np.array(centres), np.array(homes), probes=probes, recall=recall)


def check(array: NDArray[Any], what: str, *, kind: str, shape: tuple[int | None, ...]) -> None:
    """Refuse an array of another type or shape; None is any size.

    Raises
    ------
    ValueError
        It is another.
    """
    fits = len(array.shape) == len(shape) and all(
        size is None or size == found for size, found in zip(shape, array.shape, strict=True)
    )
    if array.dtype.name != kind or not fits:
        raise ValueError(f"the {what} are {array.dtype.name} of shape {array.shape}, not {kind} of shape {shape}")
