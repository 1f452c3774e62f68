"""Why a server was not reached, in words."""

import re

_REASONS = (
    (
        r"name resolution|Name or service not known|getaddrinfo|nodename nor servname",
        "name resolution failed",
    ),
    (r"Connection refused|actively refused|ECONNREFUSED", "connection refused"),
    (r"CERTIFICATE_VERIFY_FAILED|certificate verify failed", "its certificate is not trusted here"),
    (r"407|Proxy Authentication", "the proxy asks for a login"),
    (r"ProxyError|Cannot connect to proxy", "the proxy cannot be reached"),
    (r"timed out|Timeout", "no answer in time"),
    (r"Network is unreachable|No route to host", "there is no network"),
    (r"peer closed connection|IncompleteRead|incomplete|Consistency check failed", "the download broke off"),
)


def explain(text: str) -> str | None:
    """Return the reason that the text of an error points at, or None where it points at none we know.

    >>> explain("[Errno -3] Temporary failure in name resolution")
    'name resolution failed'
    """
    return next((reason for pattern, reason in _REASONS if re.search(pattern, text, re.IGNORECASE)), None)
