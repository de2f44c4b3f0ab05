"""Subscribers: `graphql-transport-ws` over bare sockets, one subscription each."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import orjson

from bench.load.frames import CLOSE, PING, PONG, TEXT, Frames, framed
from bench.load.http import HOST

HEAD_END = b"\r\n\r\n"
UPGRADE = (
    "GET /graphql HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
)


class Cut(Exception):
    """The server refused or ended what it should have kept up."""


class Line(asyncio.Protocol):
    """One socket with one subscription; what comes is for `_read`, the end for `_cut`."""

    def __init__(self, key: str = "1") -> None:
        """Not connected yet; `key` will be the operation's id."""
        self.key = key
        self._transport: asyncio.Transport | None = None
        self._head: bytearray | None = bytearray()
        self._frames = Frames()
        self._upgraded: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def subscribe(
        self, port: int, token: str, document: str, variables: dict[str, Any]
    ) -> None:
        """Open the session and start the subscription.

        Raises:
            Cut: the server refused.
        """
        self._write(UPGRADE.format(host=HOST, port=port).encode())
        await self._upgraded
        payload = {"authorization": f"Bearer {token}"}
        self._send({"type": "connection_init", "payload": payload})
        await self._acknowledged
        asked = {"query": document, "variables": variables}
        self._send({"id": self.key, "type": "subscribe", "payload": asked})

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if self._head is not None:
            self._head += data
            head, found, data = bytes(self._head).partition(HEAD_END)
            if not found:
                return
            self._head = None
            if not head.startswith(b"HTTP/1.1 101 "):
                self._ended(head.decode(errors="replace"))
                return
            _done(self._upgraded)
        for opcode, payload in self._frames.feed(data):
            if opcode == TEXT:
                self._read(payload)
            elif opcode == PING:
                self._write(framed(PONG, payload))
            elif opcode == CLOSE:
                self._ended(f"Closed: {int.from_bytes(payload[:2])} {payload[2:].decode()}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._ended(f"The connection is gone: {exc}.")

    def _read(self, raw: bytes) -> None:
        """Take a message."""
        raise NotImplementedError

    def _cut(self, cut: Cut) -> None:
        """Know of the end."""
        raise NotImplementedError

    def _payload(self, raw: bytes) -> dict[str, Any] | None:
        """The payload of a message of the subscription; any other is dealt with here."""
        message = orjson.loads(raw)
        kind = message["type"]
        if kind == "next" and "errors" not in message["payload"]:
            payload: dict[str, Any] = message["payload"]
            return payload
        if kind == "connection_ack":
            _done(self._acknowledged)
        elif kind == "ping":
            self._send({"type": "pong"})
        elif kind != "pong":
            self._ended(f"Got {message}.")
        return None

    def _ended(self, sentence: str) -> None:
        for waiting in (self._upgraded, self._acknowledged):
            if not waiting.done():
                waiting.set_exception(Cut(sentence))
                return
        self._cut(Cut(sentence))

    def _send(self, message: dict[str, Any]) -> None:
        self._write(framed(TEXT, orjson.dumps(message)))

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


def _done(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():  # whoever waited may have given up
        waiting.set_result(None)


class Subscriber(Line):
    """A line whose payloads go to `on_next`, its end to `on_end`."""

    def __init__(
        self, on_next: Callable[[dict[str, Any]], None], on_end: Callable[[Cut], None]
    ) -> None:
        """Not connected yet."""
        super().__init__()
        self._on_next = on_next
        self._on_end = on_end

    def _cut(self, cut: Cut) -> None:
        self._on_end(cut)

    def _read(self, raw: bytes) -> None:
        if (payload := self._payload(raw)) is not None:
            self._on_next(payload)
