"""Writes that may come twice and have their effect once."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from aisle.serve.context import Context
from aisle.store import idempotency

REPLAYED: Final = {"Idempotency-Replayed": "true"}
"""The header of an answer that was given before."""


def once(
    here: Context,
    *,
    owner: str,
    key: str | None,
    route: str,
    digest: str,
    now: int,
    effect: Callable[[Connection], tuple[int, str]],
) -> tuple[int, str, bool]:
    """Do something in one transaction with what is answered; for a key that came before, answer that again.

    Parameters
    ----------
    here : Context
    owner : str
        The API key.
    key : str or None
        The ``Idempotency-Key``; without one it is done each time.
    route, digest : str
        What was sent where: another request with the same key is refused.
    now : int
    effect : callable
        Does it, and returns status and body.

    Returns
    -------
    tuple of (int, str, bool)
        Status, body, and whether it was answered before.

    Raises
    ------
    IdempotencyConflictError
        The key came before with another request.
    """
    with here.database.write() as c:
        if key is None:
            return *effect(c), False
        kept = idempotency.claim_key(c, owner=owner, key=key, route=route, request_hash=digest, now=now)
        if kept is not None:
            return kept.status, kept.body, True
        status, body = effect(c)
        idempotency.keep_answer(c, owner=owner, key=key, status=status, body=body)
        return status, body, False
