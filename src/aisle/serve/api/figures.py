"""What ``/v1/review/figures`` answers; the words are those of `aisle.review.figures`."""

from pydantic import BaseModel, ConfigDict, Field

_Share = float | None


class _Figures(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Automatic(_Figures):
    """What the engine decided alone."""

    received: int
    decided: int
    share: _Share


class Agreement(_Figures):
    """How often people agreed with what the engine put first, on the queue without audits."""

    judged: int
    agreed: int
    share: _Share


class Audit(_Figures):
    """How often the engine was right on a random sample of what it decided."""

    count: int
    right: int
    precision: _Share
    low: float = Field(description="Of the exact 95 % interval")
    high: float
    disputed: int = Field(description="People disagree; in no other count")
    promised: _Share
    stale: bool = Field(description="Even the upper bound lies below what was promised")


class Summary(_Figures):
    """All of it."""

    automatic: Automatic
    agreement: Agreement
    audit: Audit


class FiguresAnswer(_Figures):
    """How well engine and people do; times are microseconds since 1970 in UTC; shares of nothing are null."""

    since: int
    until: int
    now: int
    waiting: int
    audits_waiting: int
    stale: bool
    overall: Summary
    by_category: dict[str, Summary] = Field(description="By the first step of the most probable category")
    by_week: dict[str, Summary] = Field(description="By ISO week, e.g. 2026-W47")
