"""From products to what an engine's experts need: texts, and embeddings by the encoders that it carries."""

from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from aisle.catalog.photos import MAX_FILE_BYTES
from aisle.encode.memory import Memory, content_key
from aisle.encode.parallel import map_threads
from aisle.encode.portable import PhotoReader, TextReader, open_portable
from aisle.engine.fields import TEXT_FIELDS, field_texts
from aisle.engine.foreign import explained, try_out
from aisle.engine.store import Knowledge
from aisle.errors import EngineError, PhotoError
from aisle.heads.expert import FieldData
from aisle.heads.landmarks import Landmarks
from aisle.product import Product

Row = NDArray[np.float32]


class Reader:
    """Reads products for one engine.

    Parameters
    ----------
    knowledge : Knowledge
        Its experts and encoders.
    threads : int
        Cores to use.

    Raises
    ------
    EngineError
        An encoder cannot be opened, or does not give what was learned from.
    """

    def __init__(self, knowledge: Knowledge, *, threads: int) -> None:
        self._fields = knowledge.classifier.fields
        self._abouts = {name: encoder.about for name, encoder in knowledge.encoders.items()}
        self._threads = threads
        self._embedded = {expert.field for expert in knowledge.classifier.experts if isinstance(expert.view, Landmarks)}
        with explained("an encoder of this engine cannot be opened"):
            readers = {name: open_portable(encoder) for name, encoder in knowledge.encoders.items()}
            for name, reader in readers.items():
                try_out(reader, knowledge.encoders[name])
        self._text, self._photo = readers.get("text"), readers.get("photo")
        self.remember(0)

    def remember(self, most: int) -> None:
        """Keep the embeddings of so many texts and photos, and forget those that are kept."""
        self._remembers = most > 0
        self._texts_known = Memory[Row](most)
        self._photos_known = Memory[Row | PhotoError](most)

    def read(self, products: Sequence[Product]) -> tuple[dict[str, FieldData], dict[int, PhotoError]]:
        """Return the fields of products, and why some photos could not be read, by position."""
        problems: dict[int, PhotoError] = {}
        texts = {name: field_texts(products, name) for name in self._fields if name in TEXT_FIELDS}

        def read(name: str) -> FieldData:
            if name not in texts:
                data, broken = self._read_photos(products)
                problems.update(broken)
                return data
            present = np.array([bool(text) for text in texts[name]], dtype=np.bool_)
            return FieldData(
                present, texts[name], self._embed(texts[name], present) if name in self._embedded else None
            )

        # One product is too little to be shared out among the cores: its fields are, the slowest (the last) first.
        names = self._fields[::-1]
        given = sum(any(texts[name] if name in texts else (each.photo for each in products)) for name in names)
        few = given > 1 and len(products) < self._threads
        fields = dict(
            zip(names, map_threads(read, names, threads=self._threads) if few else map(read, names), strict=True)
        )
        return {name: fields[name] for name in self._fields}, problems

    def read_texts(self, products: Sequence[Product], *, embed: bool) -> dict[str, FieldData]:
        """Return the texts of products, with embeddings or without."""
        found = {}
        for name in self._fields:
            if name in TEXT_FIELDS:
                texts = field_texts(products, name)
                present = np.array([bool(text) for text in texts], dtype=np.bool_)
                found[name] = FieldData(
                    present, texts, self._embed(texts, present) if embed and name in self._embedded else None
                )
        return found

    def read_photos(self, products: Sequence[Product]) -> tuple[FieldData | None, dict[int, PhotoError]]:
        """Return the photos of products, None where the engine reads none, and why some could not be read."""
        return self._read_photos(products) if "photo" in self._fields else (None, {})

    def _embed(self, texts: Sequence[str], present: NDArray[np.bool_]) -> NDArray[np.float32] | None:
        if not isinstance(self._text, TextReader):
            return None
        encoder, given = self._text, [text for text, here in zip(texts, present.tolist(), strict=True) if here]

        def encode(places: list[int]) -> Sequence[Row]:
            with explained("the text encoder of this engine fails"):
                return list(encoder.read([given[place] for place in places], threads=self._threads))

        width = int(self._abouts["text"]["dimension"])
        matrix = np.zeros((len(texts), width), dtype=np.float32)
        if given:
            matrix[present] = self._texts_known.read(
                [content_key(text.encode("utf-8", "surrogatepass")) for text in given], encode
            )
        return matrix

    def _read_photos(self, products: Sequence[Product]) -> tuple[FieldData, dict[int, PhotoError]]:
        if not isinstance(self._photo, PhotoReader):
            raise EngineError("this engine reads photos but carries no encoder for them; train it anew")
        named = [(row, product.photo) for row, product in enumerate(products) if product.photo is not None]
        encoder, photos = self._photo, [photo for _, photo in named]

        own: set[int] = set()

        def encode(places: Sequence[int]) -> list[Row | PhotoError]:
            own.update(places)
            with explained("the photo encoder of this engine fails"):
                return encoder.read([photos[place] for place in places], threads=self._threads)

        if len(photos) > 1 or self._remembers:
            found = self._photos_known.read([_photo_key(photo) for photo in photos], encode)
        else:
            found = encode(range(len(photos)))
        problems: dict[int, PhotoError] = {}
        about = self._abouts["photo"]
        matrix = np.zeros((len(products), int(about["dimension"]) * len(about["outputs"])), dtype=np.float32)
        present = np.zeros(len(products), dtype=np.bool_)
        for place, ((row, _), result) in enumerate(zip(named, found, strict=True)):
            if isinstance(result, PhotoError) and place not in own:
                (result,) = encode([place])  # what is wrong is said of each photo by its own name
            if isinstance(result, PhotoError):
                problems[row] = result
            else:
                matrix[row], present[row] = result, True
        return FieldData(present, embeddings=matrix), problems


def _photo_key(photo: Path | bytes) -> bytes:
    """Return what tells a photo's content from others; one that cannot be read is like no other."""
    if isinstance(photo, bytes):
        return content_key(photo)
    try:
        small = photo.is_file() and photo.stat().st_size <= MAX_FILE_BYTES  # a pipe would be waited for
        return content_key(photo.read_bytes()) if small else uuid4().bytes
    except (OSError, ValueError):
        return uuid4().bytes
