"""Everything that an engine's folder holds: what was learned, its evaluation, and the card with its plots."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import version
from typing import Any

from aisle.catalog.photos import DECODE_VERSION
from aisle.engine.layout import CARD
from aisle.engine.store import Knowledge, to_files
from aisle.engine.taxonomy import taxonomy_version
from aisle.train.card.card import model_card
from aisle.train.card.plots import plots
from aisle.train.evaluation import held_out_evaluation
from aisle.train.limits import limits_of
from aisle.train.training import Trained


@dataclass(frozen=True, eq=False)
class EngineFolder:
    """An engine ready to be written with `aisle.engine.artifact_writer.write_artifact`.

    Attributes
    ----------
    knowledge : Knowledge
        What was learned, with its evaluation.
    files : mapping of str to bytes
        By name in the folder.
    about : mapping of str to Any
        For the manifest.
    """

    knowledge: Knowledge
    files: Mapping[str, bytes]
    about: Mapping[str, Any]


def engine_folder(trained: Trained, *, own: int | None = None) -> EngineFolder:
    """Evaluate what was learned on the products held out, and lay out its folder.

    Parameters
    ----------
    trained : Trained
    own : int, optional
        How many of the products are the catalogue's own, which alone are judged; all of them by default.
    """
    evaluation = held_out_evaluation(trained, own=own) | {"limits": limits_of(trained, own=own)}
    knowledge = replace(trained.knowledge, evaluation=evaluation)
    drawn = plots(evaluation)
    files = to_files(knowledge)
    files |= {f"plots/{name}.svg": f"{text}\n".encode() for name, text in drawn.items()}
    files[CARD] = model_card(knowledge, drawn=tuple(drawn)).encode("utf-8", "replace")
    return EngineFolder(knowledge, files, about_engine(knowledge))


def about_engine(knowledge: Knowledge) -> dict[str, Any]:
    """Return what the manifest says of an engine: versions, and no time, so that equal engines are equal bytes."""
    return {
        "taxonomy": taxonomy_version(knowledge.classifier.tree.paths),
        "decode": DECODE_VERSION,
        "encoders": {name: str(encoder.about["fingerprint"]) for name, encoder in sorted(knowledge.encoders.items())},
        "aisle": version("aisle"),
    }
