"""Connections to receivers: guarded when dialled, and held to one answer for each request.

aiohttp keeps whatever a server says on a connection that waits for its next request, and takes it
for the answer to that. Here a connection that says more than it was asked is cut.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from socket import socket
from typing import Any, Final

from aiohttp import AddrInfoType, ClientPayloadError, ClientRequest, ClientTimeout, TCPConnector
from aiohttp.abc import AbstractResolver
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.resolver import AsyncResolver
from aiohttp.streams import StreamReader
from aiohttp.tracing import Trace

from webhooks.guard import Checked, Guard
from webhooks.post import Still

IDLE_SECONDS: Final = 4.0
"""How long a connection waits for its next request: less than servers keep theirs (5 s mostly)."""
NAMES_SECONDS: Final = 10
"""How long a name's addresses are remembered."""
INTERIM: Final = 8
"""Interim answers (1xx) to one request."""
MOST_BYTES: Final = 1_000_000
"""What a server may send for one request, in whatever way it is packed."""
_FINAL: Final = 200


class Withdrawn(Exception):
    """A request may no longer go, though there is a connection for it now."""


async def always() -> bool:
    """It may go however long that takes."""
    return True


@dataclass(slots=True)
class Trip:
    """What became of one request, told by the connection that it went by."""

    still: Still = always
    dialled: bool = False
    """A connection was made for it, or begun."""
    asked: bool = False
    """It had a connection."""


trip: ContextVar[Trip] = ContextVar("trip")
"""The request that is under way in this task, and in those that dial for it."""


@dataclass(slots=True)
class Stock:
    """How many connections are open, and how many may be kept open for later."""

    most: int
    open: int = 0


class Link(ResponseHandler):
    """One connection."""

    def __init__(self, stock: Stock, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._stock = stock
        self._due = self._interim = self._left = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._stock.open += 1
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """It is closed."""
        self._stock.open -= 1
        super().connection_lost(exc)

    @property
    def should_close(self) -> bool:
        """Whether it is no good for another request, or there are too many."""
        return super().should_close or self._stock.open > self._stock.most

    def set_response_params(self, **params: Any) -> None:
        """A request is about to be sent on it."""
        self._due, self._interim, self._left = 1, INTERIM, MOST_BYTES
        trip.get().asked = True
        super().set_response_params(**params)

    def data_received(self, data: bytes) -> None:
        """Take what comes, if something is due and it is not too much."""
        self._left -= len(data)
        if self._left >= 0 and not self._idle:
            super().data_received(data)
        elif data:
            self._cut()

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Take an answer, if one is due."""
        if 100 <= data[0].code < _FINAL and data[0].code != 101:  # noqa: PLR2004 - RFC 9110 §15.2
            self._interim -= 1
        else:
            self._due -= 1
        if self._due >= 0 <= self._interim:
            super().feed_data(data, size)
        else:
            self._cut()

    def set_exception(self, exc: BaseException, *more: BaseException) -> None:
        """It is broken: who reads a body waits for it no longer, and nothing for a farewell."""
        super().set_exception(exc, *more)
        if self.transport is not None:
            self.transport.abort()
        body = self._payload
        if body is not None and not body.is_eof() and body.exception() is None:
            body.set_exception(ClientPayloadError(str(exc)))

    @property
    def _idle(self) -> bool:
        """Whether no request is under way."""
        return self._due <= 0 and (self._payload is None or self._payload.is_eof())

    def _cut(self) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.set_exception(HttpProcessingError(message="It says more than it was asked."))

    def close(self) -> None:
        """Close it without a farewell, for which a TLS peer could have us wait."""
        self.abort()


class Connector(TCPConnector):
    """Makes connections and keeps them for later. It sets no limits: the sender does."""

    def __init__(
        self,
        guard: Guard,
        *,
        most: int,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._guard = guard
        self._resolving = resolver or AsyncResolver()
        self.stock = Stock(most)
        super().__init__(
            resolver=Checked(self._resolving, guard),
            ssl=tls or True,
            limit=0,
            ttl_dns_cache=NAMES_SECONDS,
            keepalive_timeout=IDLE_SECONDS,
            socket_factory=self._dial,
        )
        link: Callable[[], ResponseHandler] = partial(Link, self.stock, self._loop)
        self._factory = partial(link)

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: ClientTimeout,  # noqa: ASYNC109 - aiohttp's
    ) -> Connection:
        """A connection; who had to wait until one was made is asked once more.

        Raises:
            Withdrawn: the request may no longer go; the connection is kept for another.
        """
        made = await super().connect(req, traces, timeout)
        way = trip.get()
        may = False
        try:
            may = not way.dialled or await way.still()
        finally:
            if not may:
                made.release()
        if not may:
            raise Withdrawn
        return made

    def _dial(self, info: AddrInfoType) -> socket:
        made = self._guard.socket(info)
        trip.get().dialled = True
        return made

    async def close(self, *, abort_ssl: bool = True) -> None:
        """Close every connection, and the resolver."""
        await super().close(abort_ssl=abort_ssl)
        await self._resolving.close()
