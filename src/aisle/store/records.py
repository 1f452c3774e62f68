"""What the tables hold, as small frozen values. Times are whole microseconds since 1970 in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from aisle.product import CategoryPath, Evidence

Reason = Literal["review", "disagreement", "audit", "second", "conflict"]
"""Why a product lies on the queue: the engine would not decide; the seller chose something else; a random audit of what
was accepted; a second opinion on what a person answered, at random; people disagree."""

Kind = Literal["accept", "change", "none", "skip"]
"""What a person answers: the proposed category; another; none of the taxonomy fits; somebody else should look."""

_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class StoredProduct:
    """A product that somebody posted.

    Attributes
    ----------
    id : str
        Ours, 32 hex digits.
    owner : str
        The key that posted it.
    reference : str or None
        What the owner calls it; unique for an owner.
    photo : str or None
        SHA-256 of the file.
    volume : float
        How often it is seen or sold, in the owner's own unit; 1 when unknown.
    category : tuple of str or None
        Where it is filed now; none while undecided.
    decided_by : {"engine", "person"} or None
    """

    id: str
    owner: str
    reference: str | None = None
    title: str = ""
    description: str = ""
    attributes: Mapping[str, str] = field(default_factory=lambda: _NOTHING)
    photo: str | None = None
    volume: float = 1.0
    category: CategoryPath | None = None
    decided_by: str | None = None
    created_at: int = 0
    changed_at: int = 0


@dataclass(frozen=True, kw_only=True)
class StoredPrediction:
    """What an engine said of a product; fields as in `aisle.product.Prediction`.

    Attributes
    ----------
    precision : float
        The precision that was asked for.
    novelty : float
        How unlike every labelled product it is, in [0, 1].
    """

    id: int
    product_id: str
    engine_id: str
    decision: Literal["accept", "partial", "review"]
    path: CategoryPath
    leaf: CategoryPath
    probability: float
    precision: float
    alternatives: tuple[tuple[CategoryPath, float], ...]
    modalities: tuple[str, ...]
    evidence: Evidence
    reason: str
    novelty: float
    created_at: int


@dataclass(frozen=True, kw_only=True)
class NewDecision:
    """What a person answered."""

    product_id: str
    prediction_id: int | None
    source: Literal["seller", "moderator"]
    kind: Kind
    path: CategoryPath | None
    queue_reason: Reason | None
    decided_by: str
    decided_name: str
    decided_at: int


@dataclass(frozen=True, kw_only=True)
class StoredDecision(NewDecision):
    """The same, kept."""

    id: int
    undone_at: int | None = None
    undone_by: str | None = None


@dataclass(frozen=True, kw_only=True)
class NewItem:
    """A product on its way to the queue."""

    product_id: str
    prediction_id: int
    reason: Reason
    value: float
    top_category: str
    created_at: int


@dataclass(frozen=True, kw_only=True)
class QueueItem(NewItem):
    """A product on the queue.

    Attributes
    ----------
    skipped : int
        How often somebody passed it on; it falls behind each time.
    claimed_by : str or None
        The key of the person who looks at it, until `claimed_until`.
    not_by : str or None
        The key of the person who answered last, where somebody else is to answer.
    """

    state: Literal["waiting", "closed"]
    skipped: int
    claimed_by: str | None
    claimed_until: int | None
    closed_at: int | None
    not_by: str | None


@dataclass(frozen=True, kw_only=True)
class QueueFilters:
    """Which part of the queue is wanted; an empty one takes everything.

    Attributes
    ----------
    top_category : str or None
        First step of the most probable path.
    reasons : tuple of str
        Any of these; all when empty.
    text : str
        In the title, whatever its case.
    """

    top_category: str | None = None
    reasons: tuple[Reason, ...] = ()
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class StoredEngine:
    """An engine that can be made live.

    Attributes
    ----------
    id : str
        Its fingerprint.
    folder : str
        Where it lies on this machine.
    golden : list
        What it answered on the golden rows when it was registered; it is asked again before it goes live.
    """

    id: str
    folder: str
    golden: list[Any]
    registered_at: int
    registered_by: str


@dataclass(frozen=True, kw_only=True)
class Live:
    """Which engine answers."""

    engine_id: str
    previous_id: str | None
    generation: int
    changed_at: int
    changed_by: str


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A key, without its secret."""

    id: str
    name: str
    scopes: tuple[str, ...]
    created_at: int
    expires_at: int | None = None
    revoked_at: int | None = None
    used_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class KeptAnswer:
    """What was answered to a request that comes again."""

    status: int
    body: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """Work that survives a kill; done at least once."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    state: Literal["waiting", "running", "done", "dead"]
    attempts: int
    leased_by: str | None
    leased_until: int | None
    error: str | None
    created_at: int
