"""The sender: one signed request out, and what the receiver did with it as a value.

Receivers are strangers. Whatever one does costs it its own message, a place of its own for at most
`seconds`, and a few kilobytes: no redirect is followed, no cookie kept, no proxy asked, nothing
decompressed, nothing read beyond a bound.
"""

import asyncio
import ssl
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final
from weakref import WeakValueDictionary

from aiohttp import (
    ClientConnectorError,
    ClientError,
    ClientOSError,
    ClientResponse,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    ServerDisconnectedError,
)
from aiohttp.abc import AbstractResolver
from yarl import URL

from core.domain.answers import explained
from core.domain.errors import Invalid
from core.domain.ports import Clock
from core.domain.schedule import retry_after
from webhooks.connections import Connector, Trip, Withdrawn, always, trip
from webhooks.guard import Guard
from webhooks.post import Still
from webhooks.replies import Reply, readable, told

AGENT: Final = f"Latchkey-Webhooks/{version('latchkey')}"
ANSWER_BYTES: Final = 65_536
"""How much of an answer is read, so that its connection can be used again."""
_START_BYTES: Final = 4_000
_HEADERS: Final = {"User-Agent": AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}


class Place:
    """What `async with` waits for, again and again: one of each of these."""

    __slots__ = ("_of",)

    def __init__(self, *of: asyncio.Semaphore) -> None:
        """Taken in this order."""
        self._of = of

    async def __aenter__(self) -> None:
        """Wait for it."""
        had: list[asyncio.Semaphore] = []
        try:
            for one in self._of:
                await one.acquire()
                had.append(one)
        except BaseException:
            for one in had:
                one.release()
            raise

    async def __aexit__(self, *error: object) -> None:
        """Leave it to others."""
        for one in self._of:
            one.release()


class Sender:
    """Sends requests side by side, from one event loop, until closed."""

    def __init__(
        self,
        guard: Guard,
        clock: Clock,
        *,
        seconds: float = 15,
        each: int = 32,
        most: int = 512,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """At most `each` requests are under way to one host, and `most` in all."""
        self._guard = guard
        self._clock = clock
        self._seconds = seconds
        self._each = each
        self._places: WeakValueDictionary[tuple[str, int], asyncio.Semaphore] = (
            WeakValueDictionary()
        )
        self._all = asyncio.Semaphore(most)
        self._connector = Connector(guard, most=most, resolver=resolver, tls=tls)
        self._session = ClientSession(
            connector=self._connector,
            headers=_HEADERS,
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(),
            auto_decompress=False,
            trust_env=False,
            read_bufsize=16_384,
        )

    @property
    def connections(self) -> int:
        """How many connections are open, those included that wait for another request."""
        return self._connector.stock.open

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send a message and say what came of it, once there is a place for it.

        Raises:
            Unavailable: this machine cannot make connections.
        """
        async with self.place(url):
            return await self._guarded(url, headers, body, always)

    def place(self, url: str) -> "Place":
        """Have a place for one request to this URL's host, while a block runs that enters it.

        A host that is slow makes who sends to it wait for one, and nobody else; that time is not
        counted as the receiver's.
        """
        try:
            _, there = self._guard.target(url)
        except Invalid:
            return Place()  # nothing will be sent
        key = (there.host, there.port)
        places = self._places.get(key)
        if places is None:
            places = self._places[key] = asyncio.Semaphore(self._each)
        return Place(places, self._all)

    async def send(
        self, url: str, headers: Mapping[str, str], body: bytes, still: Still = always
    ) -> Reply | None:
        """As `post`, from who has a place; None where it was withdrawn (`webhooks.post.Post`)."""
        try:
            return await self._guarded(url, headers, body, still)
        except Withdrawn:
            return None

    async def close(self) -> None:
        """Close every connection; requests that are under way fail."""
        await self._session.close()

    async def _guarded(
        self, url: str, headers: Mapping[str, str], body: bytes, still: Still
    ) -> Reply:
        try:
            where, there = self._guard.target(url)
        except Invalid as error:
            return Reply(None, 0.0, error=str(error))
        return await self._sent(where, there.host, headers, body, still)

    async def _sent(
        self, url: URL, host: str, headers: Mapping[str, str], body: bytes, still: Still
    ) -> Reply:
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(self._seconds):
                response = await self._asked(url, headers, body, still)
        except (ClientError, OSError) as error:
            passed = self._clock.monotonic() - began
            return Reply(None, passed, error=self._words(error, host))
        passed = self._clock.monotonic() - began
        return Reply(
            response.status,
            passed,
            await _start(response, max(0.0, self._seconds - passed)),
            retry_after(response.headers.get("Retry-After"), self._clock.now()),
            explained(response.status) or None,
        )

    def _words(self, error: Exception, host: str) -> str:
        if isinstance(error, TimeoutError) and not trip.get().asked:
            return f"No connection to {host} could be made within {self._seconds:g} s."
        return told(error, host, self._seconds)

    async def _asked(
        self, url: URL, headers: Mapping[str, str], body: bytes, still: Still
    ) -> ClientResponse:
        """The head of the answer.

        A server may close a connection that waited, just when it is used again: that is no failure
        of the receiver, so it is asked by the next one, at last by one made for the request. Where
        that may not be made any more, the first has failed: the receiver may have read it.
        """
        broken: Exception | None = None
        while True:
            way = Trip(still)
            trip.set(way)
            try:
                return await self._session.post(
                    url, headers=headers, data=body, allow_redirects=False
                )
            except Withdrawn:
                if broken is not None:
                    raise broken from None
                raise
            except (ClientOSError, ConnectionError, ServerDisconnectedError) as error:
                if way.dialled or isinstance(error, ClientConnectorError):
                    raise
                broken = error


async def _start(response: ClientResponse, seconds: float) -> str:
    """How the body begins. The status stands, whatever becomes of the body."""
    encoding = response.headers.get("Content-Encoding")
    content = response.content
    if content.is_eof() and content.exception() is None:  # it came with the head, as most do
        whole = content.read_nowait()
        response.close()  # a connection that can be used again is back already
        return readable(whole[:_START_BYTES], encoding)
    start, length = bytearray(), 0
    try:
        async with asyncio.timeout(seconds):
            async for part in content.iter_any():
                start += part[: _START_BYTES - len(start)]
                length += len(part)
                if length > ANSWER_BYTES:
                    break
    except (ClientError, OSError):
        pass
    finally:
        response.close()  # where there is more of it; one that was read has its connection back
    return readable(bytes(start), encoding)
