"""The guard of what is dialled: every address, each time, whatever a name led to before.

A URL is looked at when it is registered (`core.domain.targets`), but a name can lead elsewhere a
minute later. So every address that a name resolves to is looked at, and the last word is had where
a socket is made: that sees each address that is dialled, those written in the URL included.
"""

import socket
from functools import lru_cache
from socket import AF_UNSPEC, AddressFamily
from typing import Final

from aiohttp import AddrInfoType
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from core.domain.addresses import Network, objection, parsed
from core.domain.targets import HTTPS, Target, target

WINDOW_BYTES: Final = 16_384
"""How much of what a receiver sends may lie unread (Linux takes it twice): answers are short."""
_KEPT: Final = 4_096


class Inside(OSError):
    """An address must not be dialled; the text says why. Dialling raises OSErrors, so it is one."""


class Guard:
    """Says what may be dialled: public addresses on port 443, and what the operator `allowed`."""

    def __init__(self, allowed: tuple[Network, ...] = ()) -> None:
        self._allowed = allowed
        self.target = lru_cache(_KEPT)(self._target)

    def _target(self, url: str) -> tuple[URL, Target]:
        """A URL to be sent as it was written, and where it leads.

        Raises:
            Invalid: it may not be called.
        """
        return URL(url, encoded=True), target(url, self._allowed)

    def check(self, host: str, port: int) -> None:
        """See that an address may be dialled.

        Raises:
            Inside: it may not.
        """
        address = parsed(host)
        if address is None:
            sentence = f"{host} is no address."
            raise Inside(sentence)
        problem = objection(address, self._allowed, public=port == HTTPS)
        if problem is not None:
            raise Inside(problem)

    def socket(self, info: AddrInfoType) -> socket.socket:
        """A socket for what is about to be dialled.

        Raises:
            Inside: it may not be dialled.
        """
        family, kind, protocol, _, address = info
        host, port = address[0], address[1]
        self.check(str(host), int(port))
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)
        return made


class Checked(AbstractResolver):
    """A resolver whose answers are looked at: a name that leads inside as well leads nowhere."""

    def __init__(self, inner: AbstractResolver, guard: Guard) -> None:
        self._inner = inner
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: AddressFamily = AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a name.

        Raises:
            Inside: one of them may not be dialled.
        """
        found = await self._inner.resolve(host, port, family)
        if not found:
            sentence = f"{host} has no address."
            raise OSError(sentence)
        for one in found:
            self._guard.check(one["host"], one["port"])
        return found

    async def close(self) -> None:
        """Close the resolver behind it."""
        await self._inner.close()
