"""Where webhooks may be sent, as far as the text of a URL tells; names are looked at when dialled.

A URL is read strictly, so that nobody after us can read it as one that leads elsewhere.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final
from urllib.parse import urlsplit

from core.domain.addresses import Address, Network, objection, parsed
from core.domain.errors import Invalid
from core.domain.uris import FORBIDDEN

LONGEST: Final = 2_048
HTTPS: Final = 443
_PORTS: Final = {"http": 80, "https": HTTPS}
_MOST: Final = 65_535
_AUTHORITY: Final = re.compile(
    r"(?P<host>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::(?P<port>[0-9]{1,5}))?", re.IGNORECASE
)
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LETTERS: Final = 253
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_HERE: Final = (IPv4Address("127.0.0.1"), IPv6Address("::1"))


@dataclass(frozen=True, slots=True)
class Target:
    """What a URL leads to: a host, by name or address, and a port."""

    host: str
    port: int
    address: Address | None


def target(url: str, allowed: tuple[Network, ...] = (), field: str = "url") -> Target:
    """What a webhook's URL leads to.

    Everybody may use https on port 443 of public addresses. Whatever else there is, http and other
    ports, is for receivers in the networks that an operator `allowed`.

    Raises:
        Invalid: it is no such URL, or leads inside.
    """
    try:
        return _target(url, allowed)
    except ValueError as error:
        raise Invalid(str(error), field) from None


def _target(url: str, allowed: tuple[Network, ...]) -> Target:
    scheme, authority = _split(url)
    if scheme == "http" and not allowed:
        raise ValueError(_PLAIN)
    found = _AUTHORITY.fullmatch(authority)
    port = int(found["port"] or _PORTS[scheme]) if found else 0
    if found is None or not 0 < port <= _MOST:
        sentence = f"{authority} is no host, or no host and port, that a URL can have."
        raise ValueError(sentence)
    if scheme == "http" and port == HTTPS:
        raise ValueError("Port 443 is for https: begin the URL with https://.")
    if port != HTTPS and not allowed:
        sentence = f"Webhooks are sent to port 443, not to {port}."
        raise ValueError(sentence)
    there = Target(found["host"].lower(), port, _address(found["host"].lower()))
    if (problem := _inside(there, allowed)) is not None:
        raise ValueError(problem)
    return there


def _split(url: str) -> tuple[str, str]:
    """The scheme, and what names host and port."""
    if len(url) > LONGEST:
        sentence = f"A webhook's URL has at most {LONGEST} characters; this has {len(url)}."
        raise ValueError(sentence)
    if not (url.isascii() and url.isprintable()) or FORBIDDEN & set(url):
        raise ValueError(_SPELLING)
    scheme, mark, _ = url.partition("://")
    if not mark or scheme.lower() not in _PORTS:
        raise ValueError(_PLAIN)
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError(_NONE) from None
    if "#" in url:
        raise ValueError("A webhook's URL has no fragment: leave out what begins with #.")
    if "@" in parts.netloc:
        raise ValueError(_USER)
    if not parts.netloc:
        raise ValueError(_NONE)
    return parts.scheme, parts.netloc


def _address(host: str) -> Address | None:
    """The address that a host is; None where it is a name."""
    if host.startswith("["):
        address = parsed(host[1:-1])
        if address is None:
            sentence = f"{host} is no IPv6 address."
            raise ValueError(sentence)
        return address
    if _NUMBER.fullmatch(host.rpartition(".")[2]):  # resolvers read 127.1 and 0x7f000001 as IPv4
        address = parsed(host)
        if address is None:
            sentence = f"{host} is no IPv4 address: write it as four decimal numbers."
            raise ValueError(sentence)
        return address
    if len(host) > _LETTERS or not _NAME.fullmatch(host):
        sentence = f"{host} is no name that a host can have."
        raise ValueError(sentence)
    return None


def _inside(there: Target, allowed: tuple[Network, ...]) -> str | None:
    """Why this may not be called, told from its text alone."""
    public = there.port == HTTPS
    if there.address is not None:
        return objection(there.address, allowed, public=public)
    if there.host.rpartition(".")[2] == "localhost":  # RFC 6761 §6.3
        problems = [objection(address, allowed, public=public) for address in _HERE]
        return problems[0] if all(problems) else None
    return None


_PLAIN: Final = "A webhook's URL begins with https:// and names a host."
_NONE: Final = "This is no URL: one looks like https://example.com/hooks."
_SPELLING: Final = (
    'A URL is ASCII without spaces and without any of "<>\\^`{|}: percent-encode what is not, and '
    "write a host's name as xn--..."
)
_USER: Final = (
    "A webhook's URL carries no user and no password: deliveries are signed, which tells more."
)
