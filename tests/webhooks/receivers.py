"""Receivers on loopback, as bad as they come: raw servers that say whatever a test has them say."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from core.domain.addresses import LOOPBACK, networks
from core.domain.time import SystemClock
from webhooks.guard import Guard
from webhooks.sender import Sender

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GONE = b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n"
HEADERS = {"webhook-id": "msg_1", "content-type": "application/json"}


async def request(reader: asyncio.StreamReader) -> bytes:
    """One request, as it came."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    lengths = [int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")]
    return head + await reader.readexactly(lengths[0] if lengths else 0)


@dataclass
class Receiver:
    """A server: where it is, what it got, and how many connections were made to it."""

    port: int = 0
    got: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        """Its URL by address."""
        return f"http://127.0.0.1:{self.port}/hooks"


@asynccontextmanager
async def receiver(serve: Serve, tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A server whose every connection is served by `serve` while the block runs."""
    here, tasks = Receiver(), set[asyncio.Task[Any]]()

    async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.connections += 1
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await serve(reader, writer)
        writer.transport.abort()
        tasks.discard(task)

    server = await asyncio.start_server(accepted, "127.0.0.1", 0, ssl=tls)
    here.port = server.sockets[0].getsockname()[1]
    try:
        yield here
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[Receiver]:
    """A good server: it takes requests and gives these answers in turn, the last one for ever."""
    left = list(answers) or [OK]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            here.got.append(await request(reader))
            writer.write(left.pop(0) if len(left) > 1 else left[0])
            await writer.drain()

    async with receiver(serve) as here:
        yield here


@asynccontextmanager
async def sending(allow: str = LOOPBACK, **more: Any) -> AsyncIterator[Sender]:
    """A sender that may call this machine, closed with the block and without a connection left."""
    sender = Sender(Guard(networks(allow)), SystemClock(), **more)
    try:
        yield sender
    finally:
        await sender.close()
        for _ in range(100):
            if sender.connections:
                await asyncio.sleep(0.01)
        assert sender.connections == 0


class Names(AbstractResolver):
    """A resolver that knows what a test tells it."""

    def __init__(self, **known: list[str]) -> None:
        """Each name without its `.test`, and the addresses that it leads to."""
        self.known = known
        self.asked = 0

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """What it was told; a name that nobody told it is not there, `silence` gets no answer."""
        self.asked += 1
        name = host.removesuffix(".test")
        await asyncio.sleep(60 if name == "silence" else 0)
        if name not in self.known:
            raise OSError(None, "DNS lookup failed")
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0)
            for one in self.known[name]
        ]

    async def close(self) -> None:
        """Nothing is open."""
