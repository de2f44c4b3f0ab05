"""Bare sockets that speak `graphql-transport-ws`: cheap enough for thousands in one process."""

import asyncio
import socket as sockets
from collections.abc import Callable
from dataclasses import dataclass
from fcntl import ioctl
from struct import unpack
from termios import FIONREAD
from typing import Any, Final, TypeAlias

import orjson

from bench.load.frames import CLOSE, PING, PONG, TEXT, Frames, framed

HOST: Final = "127.0.0.1"
GONE: Final = 1006
"""What an end without a close frame is called (RFC 6455 §7.4.1)."""
HEAD_END: Final = b"\r\n\r\n"
UPGRADE: Final = (
    f"GET /graphql HTTP/1.1\r\nHost: {HOST}\r\nUpgrade: websocket\r\n"
    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    "Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
).encode()
Message: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """How a connection ended."""

    code: int
    reason: str


class Cut(Exception):
    """The connection ended before what was waited for."""

    def __init__(self, end: End) -> None:
        super().__init__(f"{end.code} {end.reason}")
        self.end = end


class Socket(asyncio.Protocol):
    """One connection; what comes goes to a function. Pings are answered, as every client does."""

    def __init__(self, on_message: Callable[[Message], None]) -> None:
        loop = asyncio.get_running_loop()
        self._on_message = on_message
        self._frames = Frames()
        self._head: bytes | None = b""
        self._transport: asyncio.Transport | None = None
        self._stays = loop.create_future()
        self.ended: asyncio.Future[End] = loop.create_future()

    async def init(self, token: str) -> None:
        """Ask for the upgrade and introduce oneself; returns once that is acknowledged.

        Raises:
            Cut: it was refused.
        """
        assert self._transport is not None
        self._transport.write(UPGRADE)
        await self._until(self._stays)
        self._stays = asyncio.get_running_loop().create_future()
        self.send({"type": "connection_init", "payload": {"authorization": f"Bearer {token}"}})
        await self._until(self._stays)

    async def _until(self, happens: asyncio.Future[Any]) -> None:
        await asyncio.wait({happens, self.ended}, return_when=asyncio.FIRST_COMPLETED)
        if self.ended.done():
            raise Cut(self.ended.result())

    def subscribe(self, query: str, key: str = "1", **variables: Any) -> None:
        """Start an operation."""
        payload = {"query": query, "variables": variables}
        self.send({"id": key, "type": "subscribe", "payload": payload})

    def send(self, message: Message) -> None:
        """Say something."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(framed(TEXT, orjson.dumps(message)))

    def stop_reading(self) -> None:
        """Read nothing more, until `read_on`."""
        if self._transport is not None:
            self._transport.pause_reading()

    def read_on(self) -> None:
        """Read what has come meanwhile, and what comes."""
        if self._transport is not None:
            self._transport.resume_reading()

    @property
    def unread(self) -> int:
        """How many bytes have come that it has not read."""
        assert self._transport is not None
        raw = self._transport.get_extra_info("socket")
        (count,) = unpack("i", ioctl(raw.fileno(), FIONREAD, bytes(4)))
        return int(count)

    def hold_more(self) -> None:
        """Have more kept of what it does not read, so that all of it comes sooner."""
        if self._transport is not None:
            raw = self._transport.get_extra_info("socket")
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 1 << 20)

    def vanish(self) -> None:
        """Go at once, without a word of goodbye; what was not read is lost."""
        if self._transport is not None:
            self._transport.abort()
        self._end(End(GONE, "we went"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        if self._head is not None:
            head, found, data = (self._head + data).partition(HEAD_END)
            if not found:
                self._head = head
                return
            self._head = None
            if not head.startswith(b"HTTP/1.1 101 "):
                self._end(End(GONE, head.decode(errors="replace")))
                return
            self._stays.set_result(None)
        for opcode, payload in self._frames.feed(data):
            self._take(opcode, payload)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        self._transport = None
        self._end(End(GONE, str(exc or "")))

    def _take(self, opcode: int, payload: bytes) -> None:
        if self.ended.done():
            return
        if opcode == TEXT:
            self._heard(orjson.loads(payload))
        elif opcode == CLOSE:
            self._end(End(int.from_bytes(payload[:2]), payload[2:].decode()))
        elif opcode == PING and self._transport is not None:
            self._transport.write(framed(PONG, payload))

    def _heard(self, message: Message) -> None:
        if message["type"] == "ping":
            self.send({"type": "pong"})
        if message["type"] == "connection_ack":
            self._stays.set_result(None)
        else:
            self._on_message(message)

    def _end(self, end: End) -> None:
        if not self.ended.done():
            self.ended.set_result(end)
        if self._transport is not None:
            self._transport.close()


async def connect(
    port: int, token: str, on_message: Callable[[Message], None], *, holds: int | None = None
) -> Socket:
    """A connection that is acknowledged; `holds` is what is kept of bytes that it does not read.

    Raises:
        Cut: it was refused.
        OSError: nobody listens.
    """
    raw = sockets.socket()
    try:
        if holds is not None:
            # Without small segments the other end's buffer takes megabytes before anybody waits.
            raw.setsockopt(sockets.IPPROTO_TCP, sockets.TCP_MAXSEG, 1_000)
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, holds)
        raw.setblocking(False)  # noqa: FBT003 - the standard library's
        loop = asyncio.get_running_loop()
        await loop.sock_connect(raw, (HOST, port))
        _, one = await loop.create_connection(lambda: Socket(on_message), sock=raw)
    except BaseException:
        raw.close()
        raise
    try:
        await one.init(token)
    except BaseException:
        one.vanish()
        raise
    return one
