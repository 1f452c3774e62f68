"""Which addresses of the network are public. Whatever is not known to be so is not."""

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

_CLOSED_V4 = tuple(
    map(
        IPv4Network,
        [
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
            "168.63.129.16/32",  # the inside of a cloud, on an address that looks public
        ],
    )
)
"""IANA's special-purpose addresses (RFC 6890 and its registry): `is_global` knows more or fewer of them by version."""

_CLOSED_V6 = tuple(map(IPv6Network, ["2001::/23", "2001:db8::/32", "3fff::/20"]))
_PUBLIC_V6 = IPv6Network("2000::/3")
_EMBEDDING = tuple(map(IPv6Network, ["::ffff:0:0/96", "::/96", "64:ff9b::/96"]))
"""IPv4 in the last 32 bits: mapped, compatible, translated (RFC 4291, RFC 6052)."""

_SIX_TO_FOUR = IPv6Network("2002::/16")
_ISATAP = {0x00005EFE, 0x02005EFE}


def is_public(address: str) -> bool:
    """Return whether an address is one of the public network, as every address that it carries inside is, too.

    Parameters
    ----------
    address : str
        In numbers; names are not looked up, and are not public.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return _is_public_v4(found) if isinstance(found, IPv4Address) else _is_public_v6(found)


def _is_public_v4(address: IPv4Address) -> bool:
    closed = any(address in network for network in _CLOSED_V4)
    return not closed and address.is_global and not address.is_multicast


def _is_public_v6(address: IPv6Address) -> bool:
    if address.scope_id:
        return False
    number = int(address)
    if any(address in network for network in _EMBEDDING):
        return _is_public_v4(IPv4Address(number & 0xFFFFFFFF))
    if address in _SIX_TO_FOUR:
        return _is_public_v4(IPv4Address(number >> 80 & 0xFFFFFFFF))
    if (number >> 32 & 0xFFFFFFFF) in _ISATAP:
        return False
    closed = any(address in network for network in _CLOSED_V6)
    return address in _PUBLIC_V6 and not closed and address.is_global and not address.is_multicast
