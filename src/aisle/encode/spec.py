"""What an encoder is, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from aisle.catalog.photo_pixels import PixelShape
from aisle.weights import WeightsFile

MODALITIES = ("text", "photo")
ABOUT_FILE, SEEN_FILE = "encoder.json", "seen.npy"
"""In the folder of an encoder that Aisle has tuned: what is said of it, and which products it learned from."""

SEEN_BY: Mapping[str, str] = {modality: f"seen_{modality}.npy" for modality in MODALITIES}
"""The same for one modality alone, where its encoder has not seen all that another of the folder has."""


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """One row of the table of encoders.

    Attributes
    ----------
    name : str
        What the command line calls it.
    title : str
        What a report calls it.
    modality : {"text", "photo"}
        What it reads.
    method : str
        Which function opens it; see `aisle.encode.encoders`.
    learns_here : bool
        True: learned from the catalogue at hand, all products together. False: pretrained, each product
        alone.
    dimension : int or None
        Columns of the embedding; None where the catalogue decides.
    licence : str
        Of the weights; empty where there are none.
    megabytes : int
        Size of the weights, to be fetched once.
    files : mapping of str to WeightsFile
        The files it needs: ``weights``, ``tokenizer``, ``dense``.
    shape : PixelShape or None
        The pixels that a photo encoder reads.
    max_tokens : int
        Where a text is cut, for transformers.
    outputs : tuple of str
        Which outputs of the graph are kept.
    select : str
        Which of them is the embedding: encoders that differ only in this share their work.
    pooling : str
        How a BERT's states become one vector: ``mean``, ``cls`` or ``pooler``.
    folder : Path or None
        Where somebody's own encoder lies.
    default : bool
        Whether a study runs it unasked. Those that only a model hub has are tried, and reported when out of
        reach.
    """

    name: str
    title: str
    modality: str
    method: str
    learns_here: bool = False
    dimension: int | None = None
    licence: str = ""
    megabytes: int = 0
    files: Mapping[str, WeightsFile] = field(default_factory=dict)
    shape: PixelShape | None = None
    max_tokens: int = 0
    outputs: tuple[str, ...] = ("embedding",)
    select: str = "embedding"
    pooling: Literal["mean", "cls", "pooler"] = "mean"
    folder: Path | None = None
    default: bool = True
