"""Exchange: one HTTP request and its answer, straight on ASGI, for what is asked all day.

It does what a framework's request and response do for one endpoint, at a third of their cost. It
knows HTTP and no GraphQL.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from starlette.types import Message, Receive, Scope, Send

from app.stepping import Rest, begun

READING: Final = frozenset({"GET", "HEAD"})
"""Methods that a link or a cache may use: their parameters are in the URL, and nothing changes."""

EMPTY: Final = frozenset({204, 304})
"""Answers that have no content, and so no length of it (RFC 9110 §8.6)."""

MOST_HEADERS: Final = 200
MOST_DIGITS: Final = 15
"""Of a length that is read; a longer one is too long, whatever it says."""

Headers: TypeAlias = Mapping[str, str]


class Turned(Exception):
    """The request itself is not one: its status and one sentence."""

    def __init__(self, status: int, sentence: str, headers: Headers | None = None) -> None:
        """Answer with `status`."""
        super().__init__(sentence)
        self.status = status
        self.headers = headers or {}


class Gone(Exception):
    """The client went away before its request was whole; nobody is there to answer."""


class Exchange:
    """A request, and the way to answer it once."""

    __slots__ = ("_headers", "_receive", "_repeated", "_scope", "_send", "method")

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the head. A header that came several times is one list (RFC 9110 §5.3)."""
        self.method: str = scope["method"]
        self._scope = scope
        self._receive = receive
        self._send = send
        self._headers: dict[bytes, bytes] = {}
        self._repeated: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            first = self._headers.setdefault(name, value)
            if first is not value:
                self._repeated.setdefault(name, [first]).append(value)

    def check(self) -> None:
        """Refuse a head that nobody needs.

        Raises:
            Turned: it has too many headers.
        """
        many = len(self._scope["headers"])
        if many > MOST_HEADERS:
            raise Turned(431, f"The request has {many} headers; {MOST_HEADERS} are the most.")

    def header(self, name: bytes) -> str | None:
        """A header by its name in lower case; None where it was not sent."""
        value = self._headers.get(name)
        if value is None:
            return None
        if name in self._repeated:
            value = b", ".join(self._repeated[name])
        return value.decode("latin-1")

    @property
    def query(self) -> str:
        """What stands behind the question mark of the URL, still encoded."""
        return str(self._scope["query_string"], "latin-1")

    @property
    def source(self) -> str | None:
        """The address of who asks; None where the server does not know it."""
        client = self._scope.get("client")
        return client[0] if client else None

    async def body(self, most: int, seconds: float) -> tuple[bytes, bool]:
        """The whole body, and whether it was waited for.

        Raises:
            Turned: it has more than `most` bytes, or did not arrive within so many seconds.
            Gone: the client hung up.
        """
        declared = self._headers.get(b"content-length", b"0")
        if declared.isdigit() and (len(declared) > MOST_DIGITS or int(declared) > most):
            raise _too_large(most)
        # A body that came with its head is read without a timer, which costs more than reading it.
        first = begun(self._receive())
        if not isinstance(first, Rest):
            chunk, more = _chunk(first)
            if not more and len(chunk) <= most:
                return chunk, False
            return await self._rest(chunk, most, seconds, None), True
        return await self._rest(b"", most, seconds, first), True

    async def _rest(
        self, chunk: bytes, most: int, seconds: float, first: "Rest[Message] | None"
    ) -> bytes:
        body, more = bytearray(chunk), True
        try:
            async with asyncio.timeout(seconds):
                while more and len(body) <= most:
                    message = await (first or self._receive())
                    first = None
                    chunk, more = _chunk(message)
                    body += chunk
        except TimeoutError:
            sentence = f"The body did not arrive within {seconds:g} s."
            raise Turned(408, sentence, {"Connection": "close"}) from None
        if len(body) > most:
            raise _too_large(most)
        return bytes(body)

    async def answer(
        self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes
    ) -> None:
        """Send the answer."""
        length = () if status in EMPTY else ((b"content-length", b"%d" % len(body)),)
        lines = [*headers, *length]
        await self.begin(status, lines)
        await self._send({"type": "http.response.body", "body": body})

    async def begin(self, status: int, headers: Iterable[tuple[bytes, bytes]]) -> None:
        """Send the head of an answer that comes in parts."""
        start = {"type": "http.response.start", "status": status, "headers": list(headers)}
        await self._send(start)

    async def part(self, body: bytes) -> None:
        """Send a part of it; waits while the client does not read. Whole or, cancelled, not."""
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self) -> None:
        """Say that it is whole."""
        await self._send({"type": "http.response.body", "body": b""})

    async def gone(self) -> None:
        """Wait until the client is away; the body was read, or nobody wants it."""
        while (await self._receive())["type"] != "http.disconnect":
            pass


def _chunk(message: Message) -> tuple[bytes, bool]:
    if message["type"] == "http.disconnect":
        raise Gone
    return message.get("body", b""), message.get("more_body", False)


def _too_large(most: int) -> Turned:
    sentence = f"The body is larger than {most} bytes; send a smaller document."
    return Turned(413, sentence, {"Connection": "close"})
