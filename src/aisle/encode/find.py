"""Encoders by what a person types: a name of the table, a folder, or a repository on a model hub."""

import contextlib
import difflib
from pathlib import Path

from aisle.encode.folder import GRAPH_FILES, OPTIONAL_FILES, RULE_FILES, folder_modality
from aisle.encode.spec import EncoderSpec
from aisle.encode.table import ENCODERS
from aisle.errors import UnknownEncoderError, WeightsNotReachableError
from aisle.settings import Settings
from aisle.weights import HubFile, fetch

HUB_PREFIX = "hub:"


def find_encoder(name: str, *, settings: Settings) -> EncoderSpec:
    """Return the row that a name stands for.

    Parameters
    ----------
    name : str
        A name of the table (``minilm``), a folder with an ONNX encoder (``./my-encoder``), or ``hub:owner/name``, with
        ``@revision`` behind it where one is wanted.
    settings : Settings
        The hub and the cache.

    Raises
    ------
    UnknownEncoderError
        It is none of these.
    EncoderFolderError
        The folder is incomplete.
    WeightsNotReachableError
        The repository cannot be fetched.
    """
    if name in ENCODERS:
        return ENCODERS[name]
    if name.startswith(HUB_PREFIX):
        return _folder_spec(name, _fetch_repository(name.removeprefix(HUB_PREFIX), settings))
    if Path(name).is_dir():
        return _folder_spec(name, Path(name))
    close = difflib.get_close_matches(name, ENCODERS, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise UnknownEncoderError(
        f"there is no encoder {name!r} and no folder of that name.{hint} "
        f"Known: {', '.join(ENCODERS)}; or a folder, or {HUB_PREFIX}owner/name"
    )


def _folder_spec(name: str, folder: Path) -> EncoderSpec:
    title = name.rstrip("/").rsplit("/", 1)[-1]
    return EncoderSpec(
        name=name, title=title, modality=folder_modality(folder), method="folder", folder=folder
    )


def _fetch_repository(name: str, settings: Settings) -> Path:
    """Fetch the files that an encoder folder has; those that a repository may lack are tried."""
    repo, _, revision = name.partition("@")

    def get(filename: str) -> Path:
        return fetch(
            HubFile(repo=repo, revision=revision or "main", filename=filename, sha256=None), settings=settings
        )

    rules: Path | None = None
    modality = ""
    reason: WeightsNotReachableError | None = None
    for modality, names in RULE_FILES.items():
        try:
            rules = get(names[0])
            break
        except WeightsNotReachableError as err:
            reason = err
    if rules is None:
        raise WeightsNotReachableError(f"{HUB_PREFIX}{name} has no usable encoder: {reason}") from reason
    for filename in GRAPH_FILES[modality]:
        try:
            get(filename)
            break
        except WeightsNotReachableError as err:
            reason = err
    else:
        raise WeightsNotReachableError(f"{HUB_PREFIX}{name} holds no ONNX graph: {reason}") from reason
    for filename in OPTIONAL_FILES:
        with contextlib.suppress(WeightsNotReachableError):
            get(filename)
    return rules.parent
