"""From which confidence on may an answer be given, so that a promised precision holds?

Learn then Test (Angelopoulos, Bates, Candès, Jordan & Lei 2021, arXiv:2110.01052) for answers that may stop above the
leaf or not be given at all. Imported to predict: numpy only.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aisle.heads.answers import AnswerCounts
from aisle.heads.binomial import binomial_log_cdf, precision_lower_bound

Floats = NDArray[np.float64]

# Chosen on synthetic items (calibrated, over- and underconfident; 300 to 5000 of them; precisions from 0.9 to 0.99).
_STARTS = ((1.0, 0.5), (0.3, 0.2), (3.0, 0.2))
"""Where sequences of tests start: the threshold is 1 - factor * (1 - precision); and what part of delta they own."""
_EVERYWHERE = 0.1
"""The part of delta that is spread over all thresholds evenly."""

LEAST_CONFIDENCE = 0.5
"""No lower threshold is tested. Where a catalogue is easy even 0 keeps the precision, for products like its own; but an
answer that is more probably wrong than right convinces nobody, and is what a product of no known category gets."""


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """The lowest threshold that keeps a precision, with what speaks for it.

    Attributes
    ----------
    threshold : float
        Answer with the deepest node whose confidence is at least this.
    precision, delta : float
        What was asked: the precision, and the probability with which the certificate may be false.
    level : float
        The share of `delta` that this threshold was tested at.
    answered, wrong, items : int
        Held-out items answered at the threshold, those of them wrongly, and all there were.
    lower : float
        One-sided lower Clopper-Pearson bound of the precision at `level`; at least `precision`.
    """

    threshold: float
    precision: float
    delta: float
    level: float
    answered: int
    wrong: int
    items: int
    lower: float

    @property
    def coverage(self) -> float:
        """The share of held-out items that is answered."""
        return self.answered / self.items


@dataclass(frozen=True, kw_only=True)
class NotCertified:
    """No threshold keeps the precision as far as the held-out items can tell.

    Attributes
    ----------
    precision, delta : float
        What was asked.
    reason : str
        Why not, in plain words.
    best : float
        A precision, in whole tenths of a percent, that can be asked for after it was read here: its bound holds for all
        thresholds at once. A somewhat higher one, fixed beforehand, may be certified, too. 0 if there is none.
    needed : int
        Error-free answers without which nothing is certified at this precision.
    answered : int
        The most answers that any threshold gives.
    """

    precision: float
    delta: float
    reason: str
    best: float
    needed: int
    answered: int


def items_needed(precision: float, delta: float = 0.05) -> int:
    """Return how many error-free answers a single test needs: the least n with ``precision ** n <= delta``.

    Examples
    --------
    >>> [items_needed(precision) for precision in (0.95, 0.98, 0.99)]
    [59, 149, 299]
    """
    _check(precision, delta)
    return math.ceil(math.log(delta) / math.log(precision))


def certify(counts: AnswerCounts, *, precision: float, delta: float = 0.05) -> Threshold | NotCertified:
    """Find the lowest threshold whose answers are right with at least the asked precision.

    With probability at least ``1 - delta`` over the held-out items, the true precision of the answers at the returned
    threshold is at least `precision`. That is said of one precision, fixed beforehand: who tries several and keeps the
    one they like should divide `delta` among them.

    Notes
    -----
    *One threshold.* The hypothesis to reject: at threshold t answers are wrong with probability ``R(t) >= e``, where
    ``e = 1 - precision``. How many items are answered is itself random. But given that number n the answered items are
    independent draws from the products answered at t, so the wrong ones among them are Binomial(n, R(t)), and the
    p-value ``P(Binomial(n, e) <= wrong)`` is at most u with probability at most u, whatever n is; hence also
    on average over n. (With n = 0 it is 1.)

    *Many thresholds* are tested by the fallback procedure (Wiens 2003; Wiens & Dmitrienko 2005), which contains
    Bonferroni's and fixed-sequence testing from several starts, and rejects whatever they reject. Thresholds are taken
    in descending order. Each owns a fixed share of `delta`, and the shares sum to `delta`; a rejected one hands what it
    was tested with down to the next. A tenth is spread evenly: Bonferroni's floor. The rest lies where sequences
    start: at t = precision (an engine that is calibrated errs less than ``1 - t`` there), a little above it and a
    little below. Starts depend on the asked precision, never on the items.

    *Why it is valid.* Let t1 > t2 > ... be the thresholds whose hypotheses are true: a list that no data changes. If
    anything is rejected falsely, take the first. No true hypothesis above it was rejected, so what was handed down
    stopped at the true one before it, and this one was tested with at most the shares of the thresholds after that one
    and up to itself. These stretches do not overlap, so by the union bound the probability of any false rejection is
    at most the sum of all shares, `delta`. The tests may depend on each other in any way, the error rate need not rise
    as the threshold falls, and since all rejections hold at once the lowest may be picked.

    Parameters
    ----------
    counts : AnswerCounts
        From items that neither the engine nor its calibration has seen.
    precision : float
        Between 0 and 1, both excluded.
    delta : float
        How probable a false certificate may be.

    Raises
    ------
    ValueError
        `precision` or `delta` is not between 0 and 1.

    Examples
    --------
    >>> from aisle.heads.answers import count_answers
    >>> counts = count_answers([[0.99]] * 200, [[True]] * 200)
    >>> certify(counts, precision=0.98).threshold
    0.5
    >>> certify(counts, precision=0.99).reason
    'needs at least 367 error-free held-out answers to certify 99 %; there were 200'
    """
    _check(precision, delta)
    shares = delta * _shares(counts.thresholds, precision)
    found, carried = None, 0.0
    for place in range(len(shares) - 1, -1, -1):
        if counts.thresholds[place] < LEAST_CONFIDENCE:
            break
        level = carried + shares[place]
        answered, wrong = int(counts.answered[place]), int(counts.wrong[place])
        rejected = answered > 0 and binomial_log_cdf(wrong, answered, 1 - precision) <= math.log(level)
        carried = level if rejected else 0.0
        if rejected:
            found = place, level
    if found is None:
        return _explain(counts, precision, delta, float(shares.max()))
    place, level = found
    answered, wrong = int(counts.answered[place]), int(counts.wrong[place])
    return Threshold(
        threshold=float(counts.thresholds[place]),
        precision=precision,
        delta=delta,
        level=float(level),
        answered=answered,
        wrong=wrong,
        items=counts.items,
        lower=max(precision, precision_lower_bound(answered - wrong, answered, level=float(level))),
    )


def best_certified(counts: AnswerCounts, *, delta: float = 0.05) -> tuple[float, int] | None:
    """Return the highest precision that some threshold is certified for, and the place of that threshold.

    Clopper-Pearson bounds at the floor share of every threshold: they hold together, so the highest may be picked, and
    `certify` accepts it.
    """
    level = delta * _EVERYWHERE / len(counts.thresholds)
    best, where = 0.0, None
    # The test is quick and the bound is not: after the likeliest, hardly a threshold can beat the best so far.
    usable = counts.thresholds >= LEAST_CONFIDENCE
    likely = np.argsort(-(counts.answered - counts.wrong - 4 * np.sqrt(counts.wrong + 4)) / (counts.answered + 1))
    for place in likely[usable[likely]].tolist():
        answered, wrong = int(counts.answered[place]), int(counts.wrong[place])
        if answered and (best == 0 or binomial_log_cdf(wrong, answered, 1 - best) < math.log(level)):
            bound = precision_lower_bound(answered - wrong, answered, level=level)
            if bound > best:
                best, where = bound, place
    return None if where is None else (best, where)


def _shares(thresholds: Floats, precision: float) -> Floats:
    """Return what part of delta each threshold owns; they sum to 1."""
    shares = np.full(len(thresholds), _EVERYWHERE / len(thresholds))
    for factor, share in _STARTS:
        place = int(np.searchsorted(thresholds, 1 - factor * (1 - precision)))
        shares[min(place, len(thresholds) - 1)] += share
    return shares


def _explain(counts: AnswerCounts, precision: float, delta: float, level: float) -> NotCertified:
    most = int(counts.answered.max())
    needed = items_needed(precision, level)
    asked = _percent(precision)
    best, where = best_certified(counts, delta=delta) or (0.0, 0)
    best = math.floor(best * 1000) / 1000
    if most < needed:
        reason = f"needs at least {needed} error-free held-out answers to certify {asked}; there were {most}"
    elif best:
        wrong, answered = counts.wrong[where], counts.answered[where]
        reason = (
            f"{asked} cannot be certified: what may safely be asked for is {_percent(best)} "
            f"({wrong} of {answered} held-out answers wrong)"
        )
    else:
        reason = f"{asked} cannot be certified, nor any other precision: too many held-out answers are wrong"
    return NotCertified(precision=precision, delta=delta, reason=reason, best=best, needed=needed, answered=most)


def _percent(share: float) -> str:
    return f"{round(100 * share, 6):g} %"


def _check(precision: float, delta: float) -> None:
    for name, value in (("precision", precision), ("delta", delta)):
        if not 0 < value < 1:
            raise ValueError(f"{name} {value} must lie between 0 and 1, e.g. 0.95 for 95 %")
