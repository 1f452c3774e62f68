"""Products that every engine is asked about before it answers anybody else, and what it said of them."""

import base64
import io
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from aisle.engine.engine import Engine
from aisle.errors import EngineError
from aisle.product import CategoryPath, Prediction, Product, format_path

TOLERANCE = 1e-3
"""How far a probability may be from the one that was kept: other processors add in another order."""

_SMALL_JPEG = base64.b64decode(
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABALDA4MChAODQ4SERATGCgaGBYWGDEjJR0oOjM9PDkzODdASFxOQERXRTc4UG1RV19iZ2hnPk1x"
    "eXBkeFxlZ2P/2wBDARESEhgVGC8aGi9jQjhCY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2NjY2P/wAAR"
    "CAAgADADASIAAhEBAxEB/8QAGQAAAwEBAQAAAAAAAAAAAAAAAAQFBgID/8QAKxAAAQMEAAQFBAMAAAAAAAAAAQIDEQAEBSEGEjFREyJBYYEV"
    "caGxFiMy/8QAFgEBAQEAAAAAAAAAAAAAAAAAAQIA/8QAGBEBAQEBAQAAAAAAAAAAAAAAAQAhEVH/2gAMAwEAAhEDEQA/ANpRRSeWvfp2Mfug"
    "nmLafKInzEwJ9pIqJlcvxDZYsqaWS7cAT4SPSRqT0H730qS1xu2XAHrFaG/VSHAoj4IH7o4SwbV20rKZBPjlxSg2lyFA91HuZkb7T2i7aJRl"
    "mL5m/Qh9tu6cbQFJHlAECPfZ31qsMkFF8mLK9t79gP2rocbkiRqD2IOxXvWLs218N8Viz5lrtrmEpnqQo+UwD1CtT2nW62lCcgikM5Zrv8Rc"
    "2zR/sUmUjuQQQPmIp+ii1m+Ccsy5ZjGuKCXmyotjpzpOz9yCT8fNWbnHNti4uLW6csHVytbiVAomP9FCpT6CSADrr1qVmuFmMg4u4tl+BcK2"
    "REoWd9R6E63+JqerhjM3ZS3fZQLZBnbi3IMaIBgfmrx2NuC//IeMWXbfTFtyqC+WCUpMzBPqox9iNda2dJYvFWuKYLVsk+YypatqV2k+1O1K"
    "9kv/2Q=="
)
"""The face of a watch, drawn, 48 x 32 pixels: written once, since encoders of JPEG differ from version to version."""

Answer = dict[str, Any]


@cache
def golden_products() -> tuple[Product, ...]:
    """Return the products. One that changes gets a new name, or engines that are registered no longer pass."""
    drawn = _draw()
    words = "Men's analog wrist watch with a leather strap"
    texts = [
        Product(id="english", title=words, description="Water resistant to 50 m. Stainless steel case, quartz."),
        Product(id="french", title="Écharpe en soie rouge, tissée à la main", description="Légère, 180 x 70 cm."),
        Product(id="german", title="Kaffeebecher aus Keramik, 4er-Set", description="Spülmaschinenfest, 300 ml"),
        Product(id="spanish", title="Zapatillas de niño", description="Suela de goma, talla 32"),
        Product(id="hindi", title="सूती साड़ी", description="हाथ से बुनी हुई"),
        Product(id="chinese", title="女士手提包 真皮", description="大容量单肩包"),
        Product(id="arabic", title="سوار فضة للنساء", description="فضة استرليني ٩٢٥"),
        Product(id="no-description", title="Set of 6 cushion covers"),
        Product(id="no-title", description="A pair of earrings, gold plated, with a screw back."),
        Product(
            id="attributes", title="Model X-200", attributes={"Brand": "Acme", "Type": "USB cable", "Length": "1 m"}
        ),
        Product(id="unknown-words", title="zqxj wvvk ŧħø 0000"),
        Product(id="long", title="lamp " * 40, description="a table lamp with a shade of linen. " * 200),
    ]
    photos = [
        Product(id="photo", photo=drawn),
        Product(id="photo-jpeg", photo=_SMALL_JPEG),
        Product(id="photo-and-title", title=words, photo=drawn),
        Product(id="photo-and-all", title=words, description="Quartz", attributes={"Brand": "Acme"}, photo=_SMALL_JPEG),
        Product(id="photo-damaged", title="Blue ceramic mug", photo=_SMALL_JPEG[:100]),
        Product(id="nothing"),
    ]
    return (*texts, *photos)


def golden_answers(engine: Engine) -> list[Answer]:
    """Return what an engine answers, as plain JSON.

    Raises
    ------
    EngineError
        It answers with a probability that is none.
    """
    return _answers(engine)[0]


def check_golden(engine: Engine, answers: Sequence[Any]) -> None:
    """Refuse an engine that does not answer as it did.

    Parameters
    ----------
    engine : Engine
    answers : sequence of mapping
        What `golden_answers` returned, perhaps of another version of this program: products that are unknown here are
        passed over.

    Raises
    ------
    EngineError
        A decision differs, a probability by `TOLERANCE` or more, or there is nothing to compare with.
    """
    kept = _by_product(answers)
    found, probabilities = _answers(engine)
    compared = 0
    for now, known in zip(found, probabilities, strict=True):
        before = kept.get(now["product"])
        if before is None:
            continue
        compared += 1
        if difference := _difference(before, now, known):
            raise EngineError(
                f"engine {engine.fingerprint} does not answer as it did when it was registered: of the golden product "
                f"{now['product']!r}, {difference}. Copy the engine again, or register it anew"
            )
    if not compared:
        raise EngineError(f"engine {engine.fingerprint} has no golden answers to compare with: register it anew")


def _answers(engine: Engine) -> tuple[list[Answer], list[dict[CategoryPath, float]]]:
    """Return the answers, and the probability of each category for each product."""
    found, logs = engine.predict_with_probabilities(golden_products(), evidence=True)
    if len(found) != len(golden_products()) or np.isnan(logs).any():
        raise EngineError(f"engine {engine.fingerprint} does not answer the golden products with probabilities")
    terminals = engine.tree.terminals
    paths = [engine.tree.paths[place] for place in terminals.tolist()]
    shares = np.exp(np.minimum(logs[:, terminals], 0.0)).tolist()
    return [_plain(each) for each in found], [dict(zip(paths, row, strict=True)) for row in shares]


def _plain(prediction: Prediction) -> Answer:
    return {
        "product": prediction.id,
        "decision": prediction.decision,
        "path": list(prediction.path),
        "probability": prediction.probability,
        "modalities": list(prediction.modalities),
        "alternatives": [[list(path), share] for path, share in prediction.alternatives],
    }


def _by_product(answers: Sequence[Any]) -> dict[str, Mapping[str, Any]]:
    try:
        return {str(answer["product"]): answer for answer in answers}
    except (TypeError, KeyError) as err:
        raise EngineError("the golden answers that were kept are none: register the engine anew") from err


def _difference(before: Mapping[str, Any], now: Answer, known: Mapping[CategoryPath, float]) -> str:
    """Say how an answer differs from the one kept; empty where it does not."""
    try:
        for name in ("decision", "path", "modalities"):
            if before[name] != now[name]:
                return f"the {name} is {now[name]!r} and was {before[name]!r}"
        if not abs(before["probability"] - now["probability"]) < TOLERANCE:
            return f"the probability is {now['probability']:.4f} and was {before['probability']:.4f}"
        for path, share in before["alternatives"]:
            if not abs(share - known.get(tuple(path), -1.0)) < TOLERANCE:
                return f"{format_path(tuple(path))} has {known.get(tuple(path), 0.0):.4f} and had {share:.4f}"
    except (TypeError, KeyError, ValueError) as err:
        return f"the answer that was kept is none ({err!r})"
    return ""


def _draw() -> bytes:
    """Draw a mug; PNG keeps every pixel, whichever version writes it."""
    picture = Image.new("RGB", (320, 240), (238, 236, 230))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((90, 60, 200, 200), fill=(38, 84, 150))
    pen.rectangle((200, 95, 240, 165), outline=(38, 84, 150), width=14)
    pen.rectangle((90, 60, 200, 72), fill=(20, 50, 100))
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()
