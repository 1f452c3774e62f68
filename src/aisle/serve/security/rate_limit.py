"""Token buckets: so many requests a second, and some more at once."""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import lru_cache

from starlette.types import Scope

from aisle.serve.problems import Problem

MOST = 10_000
"""Buckets kept; of more, those used longest ago are forgotten, which are full again but for a flood."""

_SHOWN_NETWORK = 64  # bits of an IPv6 address that one customer has


class TokenBuckets:
    """One bucket for each name; used on the event loop alone.

    Parameters
    ----------
    rate : float
        Tokens a second.
    burst : float
        Tokens of a full bucket.
    most : int
        Buckets kept at most.
    clock : callable
        Seconds, ever growing.
    """

    def __init__(
        self, *, rate: float, burst: float, most: int = MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        self.burst = burst
        self._most = most
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, name: str) -> None:
        """Take a token.

        Raises
        ------
        Problem
            429 ``too_many``: there is none; it says when the next one comes.
        """
        now = self._clock()
        left, since = self._buckets.pop(name, (self.burst, now))
        left = min(self.burst, left + (now - since) * self.rate)
        enough = left >= 1.0
        self._buckets[name] = (left - 1.0 if enough else left, now)
        if len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        if not enough:
            wait = (1.0 - left) / self.rate
            detail = f"At most {self.rate:g} a second are answered, {self.burst:g} at once. Try again in a moment."
            raise Problem(429, "too_many", "Too many requests", detail, retry_after=wait)


def address_of(scope: Scope, *, trusted_proxy: str | None) -> str:
    """Return whom a request comes from: an address, or the network of 64 bits where it is IPv6.

    ``X-Forwarded-For`` is read only if the peer is the trusted proxy, and only what that one added, the last address:
    what stands before it is the sender's to choose.
    """
    client = scope.get("client")
    peer = str(client[0]) if client else ""
    if trusted_proxy is not None and _is_within(peer, trusted_proxy):
        given = b",".join(value for name, value in scope["headers"] if name == b"x-forwarded-for")
        last = given.rpartition(b",")[2].strip().decode("latin-1")
        if _parse(last) is not None:
            peer = last
    return _network_of(peer)


@lru_cache(maxsize=4096)
def _network_of(text: str) -> str:
    address = _parse(text)
    if address is None:
        return text[:64]
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((address, _SHOWN_NETWORK), strict=False))
    return str(address)


@lru_cache(maxsize=4096)
def _is_within(text: str, network: str) -> bool:
    address = _parse(text)
    return address is not None and address in ipaddress.ip_network(network, strict=False)


@lru_cache(maxsize=4096)
def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
