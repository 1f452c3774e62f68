"""What an operator may set."""

import ipaddress
from dataclasses import dataclass, field, fields
from pathlib import Path

from aisle.errors import ServeError
from aisle.review.policy import ReviewPolicy

MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """How the service runs. What protects it has a limit here, and none is off.

    Attributes
    ----------
    host, port
        Where to listen; loopback by default.
    database : str
        Its file or URL.
    photos : Path
        The folder of photos.
    max_body : int
        Bytes of a request.
    max_parts : int
        Parts of a form, files among them.
    max_pixels : int
        Of a photo; more are not decoded.
    request_seconds : float
        From the first byte of a request to the first of its answer.
    queue_size, batch_size : int
        Requests that may wait for the engine, and how many it answers together.
    workers : int or None
        Threads that answer; one for each core by default.
    key_rate, key_burst : float
        Requests a second of one key, and how many at once.
    ip_rate, ip_burst : float
        The same for one address whose requests bring no key that is known.
    trusted_proxy : str or None
        Address or network of the proxy whose ``X-Forwarded-For`` is believed.
    session_seconds : float
        How long a person stays signed in.
    secure_cookies : bool
        Cookies over HTTPS only.
    keep_alive_seconds : int
        How long an idle connection stays open (uvicorn's ``timeout_keep_alive``).
    stop_seconds : int
        How long requests may go on once the service is told to stop (``timeout_graceful_shutdown``).
    concurrency : int
        Connections and requests at a time; further ones get 503 (``limit_concurrency``).
    watch_seconds : float
        How often the database is asked which engine is live.

    Raises
    ------
    ServeError
        A limit is not positive, or the trusted proxy is no address and no network.
    """

    host: str = "127.0.0.1"
    port: int = 8000
    database: str = "aisle.db"
    photos: Path = Path("aisle-photos")
    max_body: int = 12 * MIB
    max_parts: int = 32
    max_pixels: int = 40_000_000
    request_seconds: float = 20.0
    queue_size: int = 64
    batch_size: int = 16
    workers: int | None = None
    key_rate: float = 50.0
    key_burst: float = 100.0
    ip_rate: float = 20.0
    ip_burst: float = 60.0
    allow_photo_urls: bool = False
    trusted_proxy: str | None = None
    session_seconds: float = 8 * 3600.0
    policy: ReviewPolicy = field(default_factory=ReviewPolicy)
    languages: tuple[str, ...] = ("en", "fr")
    secure_cookies: bool = False
    keep_alive_seconds: int = 5
    stop_seconds: int = 30
    concurrency: int = 512
    watch_seconds: float = 1.0

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if isinstance(value, (int, float)) and each.name != "port" and not isinstance(value, bool) and value <= 0:
                raise ServeError(f"{each.name} is {value}; it must be above 0: no limit of the service can be put off")
        if self.trusted_proxy is not None:
            try:
                ipaddress.ip_network(self.trusted_proxy, strict=False)
            except ValueError as err:
                raise ServeError(
                    f"trusted proxy {self.trusted_proxy!r} is no address; name one such as 10.0.0.1 or 10.0.0.0/8"
                ) from err
