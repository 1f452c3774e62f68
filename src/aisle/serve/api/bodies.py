"""What programs send and are answered: strict models, from which the OpenAPI document is drawn."""

import base64
import binascii
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from aisle.product import CategoryPath, Evidence, Prediction, format_path
from aisle.store.text import clean

MOST_PRODUCTS: Final = 64
"""Of a batch."""

Line = Annotated[str, AfterValidator(clean)]
"""Text without what no database holds: that is replaced."""

Title = Annotated[Line, Field(max_length=500)]
Description = Annotated[Line, Field(max_length=20_000)]
Name = Annotated[Line, Field(min_length=1, max_length=200)]
Value = Annotated[Line, Field(max_length=2_000)]
Step = Annotated[Line, Field(min_length=1, max_length=500)]
Path = Annotated[list[Step], Field(min_length=1, max_length=20)]
Precision = Annotated[float, Field(gt=0, lt=1)]


def _decode(value: object) -> object:
    """Read base64; anything else is left for the model to refuse."""
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as err:
        raise ValueError("it is no base64") from err


_BASE64: Final = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"

Photo = Annotated[bytes, BeforeValidator(_decode, json_schema_input_type=Annotated[str, Field(pattern=_BASE64)])]


class Body(BaseModel):
    """Nothing is guessed: no other fields, no other types, no NaN."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class Item(Body):
    """A product."""

    title: Title = ""
    description: Description = ""
    attributes: Annotated[dict[Name, Value], Field(max_length=100)] = Field(default_factory=dict)
    photo_base64: Photo | None = Field(default=None, description="A JPEG, PNG, WebP or GIF file, in base64")
    photo_url: Annotated[Line, Field(max_length=2_000)] | None = Field(
        default=None, description="Fetched only where the operator has allowed it"
    )


class ClassifyBody(Item):
    """A product to be classified."""

    precision: Precision | None = Field(default=None, description="How often an answer must be right")
    evidence: bool = Field(default=True, description="Whether to say what the answer rests on")


class BatchBody(Body):
    """Products to be classified together."""

    products: Annotated[list[Item], Field(min_length=1, max_length=MOST_PRODUCTS)]
    precision: Precision | None = None
    evidence: bool = False


class PostBody(Item):
    """A product to be classified and kept."""

    reference: Annotated[Line, Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="What you call it; unique among your products"
    )
    volume: Annotated[float, Field(ge=0, le=1e12)] = Field(default=1.0, description="How often it is seen or sold")
    chosen: Path | None = Field(default=None, description="The category that the seller chose")


class DecisionBody(Body):
    """What a person answers about a product that they have claimed."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"properties": {"kind": {"const": "accept"}}},
                {"properties": {"kind": {"const": "change"}, "path": {"type": "array"}}, "required": ["path"]},
                {"properties": {"kind": {"enum": ["none", "skip"]}, "path": {"type": "null"}}},
            ]
        }
    )

    product_id: Annotated[Line, Field(min_length=1, max_length=32)]
    kind: Literal["accept", "change", "none", "skip"] = Field(
        description="What the engine put first; another category; none of the taxonomy; somebody else should look"
    )
    path: Path | None = Field(default=None, description="The category, for a change", validate_default=True)

    @field_validator("path")
    @classmethod
    def _belongs(cls, path: list[str] | None, info: ValidationInfo) -> list[str] | None:
        kind = info.data.get("kind")
        if kind == "change" and path is None:
            raise ValueError("a change needs a category")
        if kind in ("none", "skip") and path is not None:
            raise ValueError(f"{kind} names no category: leave it out, or answer change")
        return path


class Alternative(BaseModel):
    """A category and its probability."""

    path: list[str]
    path_text: str
    probability: float


class NeighbourAnswer(BaseModel):
    """A labelled product that is like it."""

    id: str
    title: str
    category: list[str]
    similarity: float


class EvidenceAnswer(BaseModel):
    """What an answer rests on."""

    shares: dict[str, float]
    terms: list[tuple[str, float]]
    nearest: list[NeighbourAnswer]


class WarningEntry(BaseModel):
    """What could not be used."""

    code: str
    field: str
    detail: str


class Answer(BaseModel):
    """Where a product belongs."""

    decision: Literal["accept", "partial", "review"]
    path: list[str] = Field(description="The answer; empty where a person should look")
    path_text: str
    probability: float
    leaf: list[str] = Field(description="The most probable category, whatever the decision")
    alternatives: list[Alternative]
    fields: list[str] = Field(description="What was used of the product")
    evidence: EvidenceAnswer | None
    reason: str = Field(description="Why it stopped above the leaf, or was not answered")
    precision: float = Field(description="How often answers are right, as asked")
    engine: str = Field(description="Its fingerprint; thresholds and calibration are part of it")
    taxonomy: str = Field(description="Version of the taxonomy")
    warnings: list[WarningEntry]


class RowProblem(BaseModel):
    """Why one product of a batch has no answer."""

    status: int
    code: str
    detail: str
    field: str | None


class Row(BaseModel):
    """One product of a batch: answered, or not."""

    answer: Answer | None = None
    problem: RowProblem | None = None


class BatchAnswer(BaseModel):
    """The products of a batch, in their order."""

    results: list[Row]


def evidence_answer(evidence: Evidence) -> EvidenceAnswer:
    """Return evidence as it is answered."""
    nearest = [
        NeighbourAnswer(id=each.id, title=each.title, category=list(each.category), similarity=each.similarity)
        for each in evidence.nearest
    ]
    return EvidenceAnswer(shares=dict(evidence.shares), terms=list(evidence.terms), nearest=nearest)


def alternatives_answer(found: tuple[tuple[CategoryPath, float], ...]) -> list[Alternative]:
    """Return alternatives as they are answered."""
    return [Alternative(path=list(path), path_text=format_path(path), probability=share) for path, share in found]


def prediction_answer(
    prediction: Prediction, *, precision: float, taxonomy: str, evidence: bool, warnings: list[WarningEntry]
) -> Answer:
    """Return a prediction as it is answered."""
    return Answer(
        decision=prediction.decision,
        path=list(prediction.path),
        path_text=format_path(prediction.path),
        probability=prediction.probability,
        leaf=list(prediction.leaf),
        alternatives=alternatives_answer(prediction.alternatives),
        fields=list(prediction.modalities),
        evidence=evidence_answer(prediction.evidence) if evidence else None,
        reason=prediction.reason,
        precision=precision,
        engine=prediction.engine,
        taxonomy=taxonomy,
        warnings=warnings,
    )
