"""An engine, and the encoders that it carries: a contestant of `speed.py`."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import timed

import aisle
from aisle.errors import EngineError
from aisle.heads.tiers import TIERS
from aisle.settings import Settings

AT_ONCE = 256


def open_contestant(inputs: dict[str, Any], warm: list[timed.Row]) -> dict[str, timed.Work]:
    """Open the engine."""
    settings = Settings.load()
    engine = aisle.load(inputs["engine"], settings=settings)
    reader = engine._reader  # there is no other way to what an engine embeds with
    outputs = engine.knowledge.encoders["photo"].about["outputs"]

    def texts(rows: list[timed.Row]) -> object:
        return reader._text.read([timed.one_text(row) for row in rows], threads=settings.threads)

    def photos(rows: list[timed.Row]) -> object:
        found = np.stack(reader._photo.read([Path(row["photo"]) for row in rows], threads=settings.threads))
        return np.split(found, len(outputs), axis=1)[outputs.index("features_avg")]

    works: dict[str, timed.Work] = {"texts": texts, "photos": photos}
    for tier in TIERS:
        for attributes in (False, True):

            def answer(rows: list[timed.Row], tier: Any = tier, attributes: bool = attributes) -> dict[str, int]:
                stages: Counter[str] = Counter()
                for at in range(0, len(rows), AT_ONCE):
                    products = [product(row, attributes=attributes) for row in rows[at : at + AT_ONCE]]
                    stages.update(each.stage for each in engine.predict(products, evidence=False, tier=tier))
                return dict(stages)

            try:
                answer(warm)
            except EngineError:  # trained before there were tiers
                continue
            works[f"{tier}, attributes" if attributes else tier] = answer
    return works


def product(row: timed.Row, *, attributes: bool) -> aisle.Product:
    """Return a product as an engine reads it."""
    known = {"attributes": row["attributes"]} if attributes else {}
    return aisle.Product(title=row["title"], description=row["description"], photo=Path(row["photo"]), **known)


if __name__ == "__main__":
    timed.run(open_contestant)
