"""Which addresses of the world may be called for somebody who only gave us a name.

`ipaddress.is_global` takes addresses for public that lead inside (NAT64, 6to4, site-local, IPv4 in
IPv6), so what may not be called is listed here. Nothing here resolves or dials.
"""

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LOOPBACK: Final = "127.0.0.0/8,::1/128"
"""The networks of this machine alone, as a list of networks is written."""

_LOW: Final = (1 << 32) - 1


def networks(text: str) -> tuple[Network, ...]:
    """Networks and addresses, comma separated.

    Raises:
        ValueError: one of them is none.
    """
    parts = (part.strip() for part in text.split(","))
    return tuple(ip_network(part, strict=False) for part in parts if part)


def within(address: Address, allowed: tuple[Network, ...]) -> bool:
    """Whether one of the networks holds the address; mapped, compatible and such are not IPv4."""
    return any(address in network for network in allowed)


def objection(
    address: Address, allowed: tuple[Network, ...] = (), *, public: bool = True
) -> str | None:
    """Why this address must not be called, in a sentence; None where it may be.

    What an operator `allowed` may be. Where it is not to be `public`, nothing else may. An IPv4
    address inside an IPv6 one is judged too: naming a network of NAT64 opens nothing behind it
    that would not be open without it.
    """
    inner = _inner(address)
    if inner is not None and (found := objection(inner, allowed, public=public)) is not None:
        return f"{found[:-1]}, and {address} leads to it."
    if within(address, allowed):
        return None
    kind = _kind(address)
    if kind is not None:
        return f"The address {address} is inside {kind}."
    return None if public else f"The address {address} is in no network that the operator allows."


def _kind(address: Address) -> str | None:
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return "the network of one interface"
    table = _INSIDE_6 if isinstance(address, IPv6Address) else _INSIDE_4
    return next((kind for network, kind in table if address in network), None)


def _inner(address: Address) -> IPv4Address | None:
    """The IPv4 address to which packets for an IPv6 one are taken, if it carries one."""
    if isinstance(address, IPv4Address):
        return None
    number = int(address)
    for network, shift in _CARRIERS:
        if address in network and (address not in _OWN):
            return IPv4Address(number >> shift & _LOW)
    if address.teredo is not None:
        return address.teredo[1]
    return None


def parsed(text: str) -> Address | None:
    """An address in its usual spelling; None where the text is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


_OWN: Final = IPv6Network("::/127")
"""Unspecified and loopback: they look like IPv4-compatible addresses and are none."""

_CARRIERS: Final = tuple(
    (IPv6Network(network), shift)
    for network, shift in (
        ("::/96", 0),
        ("::ffff:0:0/96", 0),
        ("::ffff:0:0:0/96", 0),
        ("64:ff9b::/96", 0),
        ("64:ff9b:1::/48", 0),
        ("2002::/16", 80),
    )
)
"""Where an IPv4 address is in an IPv6 one, and how far from its end."""

_INSIDE_4: Final = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("169.254.169.254/32", "the metadata service of a cloud"),
        ("168.63.129.16/32", "the metadata service of a cloud"),
        ("100.100.100.200/32", "the metadata service of a cloud"),
        ("192.0.0.192/32", "the metadata service of a cloud"),
        ("0.0.0.0/8", "the network that stands for none"),
        ("10.0.0.0/8", "a private network"),
        ("100.64.0.0/10", "a private network of a provider"),
        ("127.0.0.0/8", "the loopback network"),
        ("169.254.0.0/16", "a link-local network"),
        ("172.16.0.0/12", "a private network"),
        ("192.0.0.0/24", "a reserved network"),
        ("192.0.2.0/24", "a network for documentation"),
        ("192.88.99.0/24", "the network of 6to4 relays"),
        ("192.168.0.0/16", "a private network"),
        ("198.18.0.0/15", "a network for benchmarks"),
        ("198.51.100.0/24", "a network for documentation"),
        ("203.0.113.0/24", "a network for documentation"),
        ("224.0.0.0/4", "a multicast network"),
        ("240.0.0.0/4", "a reserved network"),
    )
)
"""IANA's special-purpose addresses (RFC 6890), and where clouds tell machines their secrets."""

_INSIDE_6: Final = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("fd00:ec2::254/128", "the metadata service of a cloud"),
        ("fd20:ce::254/128", "the metadata service of a cloud"),
        ("::/128", "the network that stands for none"),
        ("::1/128", "the loopback network"),
        ("::/96", "a network for IPv4-compatible addresses"),
        ("::ffff:0:0/96", "a network for IPv4-mapped addresses"),
        ("::ffff:0:0:0/96", "a network for translated IPv4 addresses"),
        ("64:ff9b::/96", "a network of NAT64"),
        ("64:ff9b:1::/48", "a network of NAT64"),
        ("2001::/32", "the network of Teredo"),
        ("2001:2::/48", "a network for benchmarks"),
        ("2001::/23", "a reserved network"),
        ("2001:db8::/32", "a network for documentation"),
        ("3fff::/20", "a network for documentation"),
        ("2002::/16", "the network of 6to4"),
        ("fc00::/7", "a private network"),
        ("fe80::/10", "a link-local network"),
        ("fec0::/10", "a private network"),
        ("ff00::/8", "a multicast network"),
        ("::/3", "a reserved network"),
        ("4000::/2", "a reserved network"),
        ("8000::/1", "a reserved network"),
    )
)
"""Likewise. Of all IPv6 addresses only 2000::/3 are given out; the last three rows are the rest."""
