"""The options of every command that embeds a catalogue for an engine."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from aisle.engine.gather import Encoders
    from aisle.settings import Settings

_METAVAR = "NAME|DIR|hub:OWNER/NAME"

TextEncoderOption = Annotated[
    str | None,
    typer.Option("--text-encoder", metavar=_METAVAR, help="What reads the texts; minilm by default."),
]
PhotoEncoderOption = Annotated[
    str | None,
    typer.Option("--photo-encoder", metavar=_METAVAR, help="What reads the photos; efficientnet-lite0-avg by default."),
]


def read_encoders(text: str | None, photo: str | None, settings: "Settings") -> "Encoders | None":
    """Return the encoders that were named; None where none was, and nothing is loaded to find that out.

    Raises
    ------
    UnknownEncoderError
        There is no such encoder, or it cannot be the one of that modality.
    EncoderFolderError
        A folder is incomplete.
    """
    if text is None and photo is None:
        return None
    from aisle.engine.gather import find_encoders

    return find_encoders(text=text, photo=photo, settings=settings)
