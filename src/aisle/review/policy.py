"""What a marketplace decides about its review."""

from dataclasses import dataclass

from aisle.errors import ReviewError


@dataclass(frozen=True, kw_only=True)
class ReviewPolicy:
    """How much people look at, and how far one of them is trusted.

    Attributes
    ----------
    audit_share : float
        Which share of what the engine decided people judge as well, at random: the only figure of its precision that is
        not biased by what it left to them.
    second_share : float
        Which share of what people answer another person answers as well, at random and without knowing it: the only way
        to learn how far people agree. Where only one person decides there is no other, and none is drawn.
    lease_seconds : int
        How long a claim on a product holds.
    influence_cap : float
        Which share of all labels one person gives at most.

    Raises
    ------
    ReviewError
        A share is not between 0 and 1, or the lease is not positive.
    """

    audit_share: float = 0.015
    second_share: float = 0.03
    lease_seconds: int = 300
    influence_cap: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.audit_share <= 1:
            raise ReviewError(f"audit share {self.audit_share} must lie between 0 and 1, e.g. 0.015 for 1.5 %")
        if not 0 <= self.second_share <= 1:
            raise ReviewError(f"second share {self.second_share} must lie between 0 and 1, e.g. 0.03 for 3 %")
        if not 0 < self.influence_cap <= 1:
            raise ReviewError(f"influence cap {self.influence_cap} must lie above 0 and up to 1, which is no cap")
        if self.lease_seconds <= 0:
            raise ReviewError(f"a claim of {self.lease_seconds} s ends before it begins: name some seconds, e.g. 300")

    @property
    def lease_us(self) -> int:
        """How long a claim holds, in microseconds."""
        return int(self.lease_seconds * 1_000_000)


DEFAULT_POLICY = ReviewPolicy()
"""What holds where nothing else is said."""
