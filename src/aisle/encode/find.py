"""Encoders by what a person types: a name of the table, a folder, or a repository on a model hub."""

import difflib
from pathlib import Path

from aisle.encode.folder import EXTRA_FILES, GRAPH_FILES, RULE_FILES, folder_modalities
from aisle.encode.spec import MODALITIES, EncoderSpec
from aisle.encode.supply import fetch_files
from aisle.encode.table import ENCODERS
from aisle.errors import EncoderFolderError, UnknownEncoderError, WeightsNotReachableError
from aisle.settings import Settings
from aisle.weights import HubFile

HUB_PREFIX = "hub:"


def find_encoder(name: str, *, settings: Settings) -> EncoderSpec:
    """Return the row that a name stands for.

    Parameters
    ----------
    name : str
        A name of the table (``minilm``), a folder with an ONNX encoder (``./my-encoder``), or
        ``hub:owner/name``, with ``@revision`` behind it where one is wanted. Where a folder or repository
        holds a text and a photo encoder, as CLIP does, ``#text`` or ``#photo`` at the end says which.
    settings : Settings
        The hub and the cache.

    Raises
    ------
    UnknownEncoderError
        It is none of these.
    EncoderFolderError
        The folder is incomplete, or holds two encoders and the name does not say which.
    WeightsNotReachableError
        The repository cannot be fetched.
    """
    if name in ENCODERS:
        return ENCODERS[name]
    place, _, asked = name.rpartition("#")
    if asked not in MODALITIES or not place:
        place, asked = name, ""
    if place.startswith(HUB_PREFIX):
        folder = _fetch_rules(place, asked, settings)
        modality = _choose(folder, name, asked)
        _fetch_graph(place, modality, settings)
    elif Path(place).is_dir():
        folder = Path(place)
        modality = _choose(folder, name, asked)
    else:
        raise UnknownEncoderError(_unknown(name))
    title = place.removeprefix(HUB_PREFIX).rstrip("/").rsplit("/", 1)[-1] or place
    return EncoderSpec(
        name=name,
        title=f"{title}, {asked}" if asked else title,
        modality=modality,
        method="folder",
        folder=folder,
    )


def _choose(folder: Path, name: str, asked: str) -> str:
    found = folder_modalities(folder)
    if asked and asked not in found:
        raise EncoderFolderError(f"{name} is asked for, but there is no {RULE_FILES[asked]} in {folder}")
    if not asked and len(found) > 1:
        both = " or ".join(f"{name}#{modality}" for modality in found)
        raise EncoderFolderError(f"{name} holds a text and a photo encoder; say which: {both}")
    return asked or found[0]


def _fetch_rules(place: str, asked: str, settings: Settings) -> Path:
    """Fetch the small files that tell what a repository holds; return the folder where they lie."""
    wanted = [asked] if asked else list(MODALITIES)
    found = [path for modality in wanted for path in _try(place, (RULE_FILES[modality],), settings)]
    if not found:
        raise WeightsNotReachableError(
            f"{place} holds neither {' nor '.join(RULE_FILES[modality] for modality in wanted)}"
        )
    return found[0].parent


def _fetch_graph(place: str, modality: str, settings: Settings) -> None:
    """Fetch the first graph that a repository has, and what may lie beside it."""
    _try(place, EXTRA_FILES[modality], settings)
    for filename in GRAPH_FILES[modality]:
        if _try(place, (filename,), settings):
            return
    raise WeightsNotReachableError(
        f"{place} holds no ONNX graph for {modality}; one of {', '.join(GRAPH_FILES[modality])} is expected"
    )


def _try(place: str, filenames: tuple[str, ...], settings: Settings) -> list[Path]:
    """Fetch those of some files that a repository has.

    Raises
    ------
    WeightsNotReachableError
        Whether it has them cannot be found out.
    """
    repo, _, revision = place.removeprefix(HUB_PREFIX).partition("@")
    found = []
    for filename in filenames:
        file = HubFile(repo=repo, revision=revision or "main", filename=filename, sha256=None)
        try:
            found.append(fetch_files({filename: file}, settings=settings)[filename])
        except WeightsNotReachableError as err:
            if not _is_absent(err):
                raise
    return found


def _is_absent(err: WeightsNotReachableError) -> bool:
    return "has no file" in str(err)


def _unknown(name: str) -> str:
    close = difflib.get_close_matches(name.lower(), ENCODERS, n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    return (
        f"there is no encoder {name!r} and no folder of that name.{hint} "
        f"Known: {', '.join(ENCODERS)}; or a folder, or {HUB_PREFIX}owner/name"
    )
