"""Where callers are, as they are counted: many addresses are one caller where one has many."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

PREFIX: Final = 64
"""Who has one IPv6 address usually has its whole /64 (RFC 6177 §2)."""


def address(text: str | None) -> str | None:
    """An IP address in its one spelling; None where the text is none. A mapped one is IPv4."""
    found = _address(text)
    return None if found is None else str(found)


def network(text: str | None) -> str:
    """What callers are counted by: an IPv4 address, the /64 of an IPv6 one, or `unknown`."""
    found = _address(text)
    if isinstance(found, IPv6Address):
        return str(IPv6Network((int(found) >> PREFIX << PREFIX, PREFIX)))
    return UNKNOWN if found is None else str(found)


UNKNOWN: Final = "unknown"


def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address((text or "").partition("%")[0])
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found
