"""What an engine knows, as files and back: JSON and safetensors only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from aisle.encode.portable import PortableEncoder
from aisle.engine.artifact import Artifact
from aisle.engine.soundness import check_classifier, check_encoders, check_precision, check_references, check_tiers
from aisle.engine.strict_json import dump_json
from aisle.errors import EngineError
from aisle.heads.answers import AnswerCounts
from aisle.heads.expert import Expert
from aisle.heads.fused import FusedClassifier, Pool, Subset
from aisle.heads.landmarks import Landmarks
from aisle.heads.lexicon import Lexicon
from aisle.heads.tiers import Cascade, Tiers
from aisle.heads.tree import CategoryTree

MODEL, REFERENCES, ENCODERS, EVALUATION = "model.json", "references.json", "encoders.json", "evaluation.json"
WEIGHTS, REFERENCE_WEIGHTS = "model.safetensors", "references.safetensors"

Files = dict[str, bytes]


@dataclass(frozen=True, eq=False)
class References:
    """Labelled products that answers are compared with.

    Attributes
    ----------
    ids, titles : tuple of str
    terminals : ndarray of int, shape (r,)
        Where each is filed.
    vectors : dict of str to ndarray of float16, shape (r, d)
        Field to centred unit vectors; zero where the product lacks the field.
    seen : ndarray of uint64
        Hashes of all products that the engine or an encoder of it has learned from, sorted; see `aisle.encode.seen`.
    """

    ids: tuple[str, ...]
    titles: tuple[str, ...]
    terminals: NDArray[np.int64]
    vectors: dict[str, NDArray[np.float16]]
    seen: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, dtype=np.uint64))


@dataclass(frozen=True, eq=False)
class Knowledge:
    """All that an engine is made of.

    Attributes
    ----------
    classifier : FusedClassifier
    references : References
    encoders : dict of str to PortableEncoder
        ``text`` and ``photo``, as far as an expert needs them.
    precision : float
        The precision that is asked for unless a caller asks for another.
    facts : dict of str to Any
        Plain values about the training: sizes, level, seed, what was left out.
    evaluation : dict of str to Any
        Figures on products that were held out; empty where none were.
    tiers : Tiers or None
        What is needed to answer more cheaply than with everything; None in engines of before there was such a thing.
    """

    classifier: FusedClassifier
    references: References
    encoders: dict[str, PortableEncoder]
    precision: float
    facts: dict[str, Any] = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)
    tiers: Tiers | None = None


def to_files(knowledge: Knowledge) -> Files:
    """Return everything as files, by their names in the folder."""
    classifier, references = knowledge.classifier, knowledge.references
    arrays: dict[str, NDArray[Any]] = {"tree.parents": classifier.tree.parents}
    model: dict[str, Any] = {
        "tree": [list(path) for path in classifier.tree.paths],
        "experts": [],
        "precision": knowledge.precision,
        "facts": knowledge.facts,
    }
    files: Files = {}
    for place, expert in enumerate(classifier.experts):
        name = f"expert.{place}"
        model["experts"].append({"field": expert.field, "kind": expert.kind})
        arrays[f"{name}.weights"] = expert.weights.astype(np.float16)
        arrays[f"{name}.bias"] = expert.bias
        if isinstance(expert.view, Lexicon):
            terms = {"words": list(expert.view.words), "letters": list(expert.view.letters)}
            files[f"lexicons/{expert.field}.json"] = dump_json(terms)
            arrays[f"{name}.idf"] = expert.view.weights
        else:
            arrays[f"{name}.centre"] = expert.view.centre
            arrays[f"{name}.points"] = expert.view.points.astype(np.float16)
    model["pools"] = _write_pools(classifier.pools, arrays, "pool")
    if knowledge.tiers is not None:
        model["term_pools"] = _write_pools(knowledge.tiers.terms.pools, arrays, "terms")
        cascades = {subset: Pool(each.exits, each.counts) for subset, each in knowledge.tiers.cascades.items()}
        model["cascades"] = _write_pools(cascades, arrays, "cascade")
    files[MODEL] = dump_json(model)
    files[WEIGHTS] = _save(arrays)
    known = {"ids": list(references.ids), "titles": list(references.titles), "fields": list(references.vectors)}
    files[REFERENCES] = dump_json(known)
    files[REFERENCE_WEIGHTS] = _save({"terminals": references.terminals, "seen": references.seen, **references.vectors})
    files[ENCODERS] = dump_json({name: dict(encoder.about) for name, encoder in knowledge.encoders.items()})
    for name, encoder in knowledge.encoders.items():
        if not encoder.graph:
            raise EngineError("the files of this engine's encoders were dropped: load it again to write it")
        files[f"encoders/{name}.onnx"] = encoder.graph
        if encoder.tokenizer:
            files[f"encoders/{name}.tokenizer.json"] = encoder.tokenizer
    files[EVALUATION] = dump_json(knowledge.evaluation)
    return files


def from_artifact(artifact: Artifact) -> Knowledge:
    """Read everything back.

    Raises
    ------
    EngineError
        A file is not what the manifest lists, or the files do not belong together.
    """
    try:
        return _read(artifact)
    except EngineError:
        raise
    except (KeyError, TypeError, ValueError, IndexError, AttributeError) as err:
        raise EngineError(
            f"{artifact.folder} is no engine that this version can use ({type(err).__name__}: {err}); train it anew"
        ) from err


def _read(artifact: Artifact) -> Knowledge:
    model, arrays = artifact.json(MODEL), artifact.tensors(WEIGHTS)
    tree = CategoryTree(tuple(_texts(path) for path in model["tree"]), arrays["tree.parents"])
    experts = tuple(_read_expert(artifact, row, arrays, f"expert.{n}") for n, row in enumerate(model["experts"]))
    classifier = FusedClassifier(tree, experts, _read_pools(model["pools"], arrays, "pool"))
    check_classifier(classifier)
    tiers = _read_tiers(model, arrays, classifier)
    abouts = artifact.json(ENCODERS)
    encoders = {
        name: PortableEncoder(
            about=about,
            graph=artifact.read(f"encoders/{name}.onnx"),
            tokenizer=artifact.read(f"encoders/{name}.tokenizer.json") if about["modality"] == "text" else b"",
        )
        for name, about in abouts.items()
    }
    check_encoders(classifier, encoders)
    known, vectors = artifact.json(REFERENCES), artifact.tensors(REFERENCE_WEIGHTS)
    references = References(
        _texts(known["ids"]),
        _texts(known["titles"]),
        vectors["terminals"],
        {name: vectors[name] for name in _texts(known["fields"])},
        vectors["seen"],
    )
    if references.seen.dtype != np.uint64 or references.seen.ndim != 1:
        raise ValueError("the hashes of the products learned from are not whole numbers of 64 bits")
    if len(references.ids) != len(references.titles):
        raise ValueError(f"{len(references.ids)} references have {len(references.titles)} titles")
    check_references(references.terminals, references.vectors, count=len(references.ids), classifier=classifier)
    return Knowledge(
        classifier=classifier,
        references=references,
        encoders=encoders,
        precision=check_precision(model["precision"]),
        facts=dict(model["facts"]),
        evaluation=dict(artifact.json(EVALUATION)),
        tiers=tiers,
    )


def _write_pools(pools: Mapping[Subset, Pool], arrays: dict[str, NDArray[Any]], name: str) -> list[dict[str, Any]]:
    """Put the numbers of pools among the arrays; return which pools they are."""
    for place, pool in enumerate(pools.values()):
        arrays[f"{name}.{place}.weights"] = pool.weights
        if pool.counts is not None:
            arrays |= {f"{name}.{place}.{each}": array for each, array in pool.counts.arrays().items()}
    return [{"fields": list(subset), "counted": pool.counts is not None} for subset, pool in pools.items()]


def _read_pools(rows: Sequence[Mapping[str, Any]], arrays: Mapping[str, Any], name: str) -> dict[Subset, Pool]:
    pools = {}
    for place, row in enumerate(rows):
        prefix = f"{name}.{place}."
        own = {each.removeprefix(prefix): array for each, array in arrays.items() if each.startswith(prefix)}
        counts = AnswerCounts.from_arrays(own) if row["counted"] else None
        pools[_texts(row["fields"])] = Pool(own["weights"], counts)
    return pools


def _read_tiers(model: Mapping[str, Any], arrays: Mapping[str, Any], classifier: FusedClassifier) -> Tiers | None:
    if "cascades" not in model:
        return None
    experts = tuple(expert for expert in classifier.experts if expert.kind == "terms")
    terms = FusedClassifier(classifier.tree, experts, _read_pools(model["term_pools"], arrays, "terms"))
    found = _read_pools(model["cascades"], arrays, "cascade")
    tiers = Tiers(terms, {subset: Cascade(pool.weights, pool.counts) for subset, pool in found.items()})
    check_tiers(tiers, classifier)
    return tiers


def _read_expert(artifact: Artifact, row: Mapping[str, Any], arrays: Mapping[str, Any], name: str) -> Expert:
    field_name = _text(row["field"])
    weights = _numbers(arrays[f"{name}.weights"])
    view: Lexicon | Landmarks
    if row["kind"] == "terms":
        terms = artifact.json(f"lexicons/{field_name}.json")
        view = Lexicon(_texts(terms["words"]), _texts(terms["letters"]), arrays[f"{name}.idf"])
    elif row["kind"] == "embedding":
        view = Landmarks(arrays[f"{name}.centre"], _numbers(arrays[f"{name}.points"]))
    else:
        raise ValueError(f"the expert {name!r} is of the unknown kind {row['kind']!r}")
    return Expert(field_name, view, weights, arrays[f"{name}.bias"])


def _numbers(array: NDArray[Any]) -> NDArray[np.float32]:
    """Return numbers in the precision that is computed in."""
    if array.dtype.kind != "f":
        raise TypeError(f"{array.dtype} where numbers with a fraction are expected")
    return array.astype(np.float32)


def _save(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return a safetensors file whose bytes depend on the content alone."""
    data: bytes = save({name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)})
    return data


def _texts(values: Sequence[Any]) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r:.100} is no list of texts")
    return tuple(map(_text, values))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.100} is no text")
    return value
