"""HTTP as a load speaks it: one request after the other on one connection, bytes in, bytes out."""

import asyncio
import base64
from typing import Any, cast

import httptools
import orjson

HOST = "127.0.0.1"
Answer = tuple[int, bytes]


def request(token: str, document: str, variables: dict[str, Any]) -> bytes:
    """A GraphQL request as the bytes of its POST."""
    body = orjson.dumps({"query": document, "variables": variables})
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nAccept: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def form(path: str, client_id: str, secret: str, body: str) -> bytes:
    """A form as the bytes of its POST, of a client that proves itself by Basic."""
    basic = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Basic {basic}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body.encode()


class Connection(asyncio.Protocol):
    """One connection to the server; `ask` is for one caller at a time."""

    def __init__(self) -> None:
        """Not connected yet."""
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._parts: list[bytes] = []
        self._answer: asyncio.Future[Answer] | None = None

    async def ask(self, raw: bytes) -> Answer:
        """Send a request; its answer's status and body.

        Raises:
            ConnectionError: the server hung up.
        """
        if self._transport is None or self._transport.is_closing():
            raise ConnectionError(_HUNG_UP)
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(raw)
        return await self._answer

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError(_HUNG_UP))

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._parts.append(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        body = b"".join(self._parts)
        self._parts.clear()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((self._parser.get_status_code(), body))


async def connect(port: int, count: int) -> list[Connection]:
    """So many connections to the server."""
    loop = asyncio.get_running_loop()
    return [(await loop.create_connection(Connection, HOST, port))[1] for _ in range(count)]


_HUNG_UP = "The server closed the connection."
