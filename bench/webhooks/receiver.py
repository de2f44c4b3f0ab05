"""Receivers that cost next to nothing: a good one, and as many bad ones as a benchmark asks for.

Says `{"ports": {kind: port}}` when they listen, and ends when its stdin does. A GET at the good one
tells what it got (`bench.webhooks.got`), and makes it forget it.
"""

import argparse
import asyncio
import socket
import struct
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Final

import orjson
import uvloop

from app.ending import asked_to_end

HOST: Final = "127.0.0.1"
HEAD_END: Final = b"\r\n\r\n"
LENGTH: Final = b"content-length:"
OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BROKEN: Final = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno"
FLOOD_BYTES: Final = 1 << 30
FLOOD: Final = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % FLOOD_BYTES
PART: Final = b"x" * 65_536
DRIP_SECONDS: Final = 0.5


@dataclass(slots=True)
class Tally:
    """What the good receiver got since it was last asked."""

    keeps: bool
    """Whether every request is kept, and not the first alone."""
    count: int = 0
    first: float | None = None
    last: float | None = None
    kept: list[tuple[float, bytes, bytes]] = field(default_factory=list)

    def add(self, head: bytes, body: bytes) -> None:
        """One more request, which is whole now."""
        self.last = monotonic()
        self.count += 1
        if self.first is None:
            self.first = self.last
        if self.keeps or self.count == 1:
            self.kept.append((self.last, head, body))

    def told(self) -> bytes:
        """As JSON."""
        got = [(at, head.decode(), body.decode()) for at, head, body in self.kept]
        said = {"count": self.count, "first": self.first, "last": self.last, "got": got}
        return orjson.dumps(said)


class Receiver(asyncio.Protocol):
    """One connection: reads requests, and answers each as its kind does."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._left = b""
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Take what comes, and answer what is whole."""
        self._left += data
        while (end := self._left.find(HEAD_END)) >= 0:
            whole = end + len(HEAD_END) + _length(self._left[:end])
            if len(self._left) < whole:
                return
            head, body = self._left[:end], self._left[end + len(HEAD_END) : whole]
            self._left = self._left[whole:]
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        """Say nothing at all; other kinds do more."""


class Good(Receiver):
    """Takes everything, at once."""

    def __init__(self, tally: Tally) -> None:
        """Counts here."""
        super().__init__()
        self._tally = tally

    def answer(self, head: bytes, body: bytes) -> None:
        """Take it; a GET is the benchmark's own question."""
        if not head.startswith(b"GET "):
            self._tally.add(head, body)
            self.transport.write(OK)
            return
        told, tally = self._tally.told(), self._tally
        tally.count, tally.first, tally.last = 0, None, None
        tally.kept.clear()
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(told), told))


class Broken(Receiver):
    """Fails."""

    def answer(self, head: bytes, body: bytes) -> None:
        """Answer 500."""
        del head, body
        self.transport.write(BROKEN)


class Reset(Receiver):
    """Hangs up rudely."""

    def answer(self, head: bytes, body: bytes) -> None:
        """Reset the connection."""
        del head, body
        line = self.transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


class Drip(Receiver):
    """Answers, a byte at a time."""

    def answer(self, head: bytes, body: bytes, at: int = 0) -> None:
        """Say the next byte of a head that takes a minute."""
        if not self.transport.is_closing():
            self.transport.write(OK[at : at + 1])
            loop = asyncio.get_running_loop()
            loop.call_later(DRIP_SECONDS, self.answer, head, body, (at + 1) % len(OK))


class Flood(Receiver):
    """Answers with a gigabyte, as fast as it is read."""

    def __init__(self) -> None:
        """Nothing is said yet."""
        super().__init__()
        self._due = 0
        self._full = False

    def answer(self, head: bytes, body: bytes) -> None:
        """Begin."""
        del head, body
        self.transport.write(FLOOD)
        self._due = FLOOD_BYTES
        self._go_on()

    def pause_writing(self) -> None:
        """Nobody reads it for now."""
        self._full = True

    def resume_writing(self) -> None:
        """Somebody does again."""
        self._full = False
        self._go_on()

    def _go_on(self) -> None:
        while self._due > 0 and not self._full and not self.transport.is_closing():
            self.transport.write(PART)
            self._due -= len(PART)


KINDS: Final[Mapping[str, Callable[[], Receiver]]] = {
    "hang": Receiver,
    "drip": Drip,
    "reset": Reset,
    "500": Broken,
    "flood": Flood,
}
"""The bad ones."""


def _length(head: bytes) -> int:
    lines = head.lower().split(b"\r\n")
    return sum(int(one.removeprefix(LENGTH)) for one in lines if one.startswith(LENGTH))


async def run(kinds: list[str], *, keeps: bool) -> None:
    """Receive until stdin ends or the process is asked to end."""
    end, loop = asked_to_end(), asyncio.get_running_loop()
    loop.add_reader(sys.stdin, end.set)  # the benchmark is gone
    tally = Tally(keeps)
    makes: dict[str, Callable[[], Receiver]] = {"good": lambda: Good(tally)}
    makes |= {kind: KINDS[kind] for kind in kinds}
    servers = {kind: await loop.create_server(make, HOST, 0) for kind, make in makes.items()}
    ports = {kind: one.sockets[0].getsockname()[1] for kind, one in servers.items()}
    sys.stdout.buffer.write(orjson.dumps({"ports": ports}) + b"\n")
    sys.stdout.flush()
    await end.wait()


def main() -> None:
    """Receive."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], help="bad ones besides")
    parser.add_argument("--keep", action="store_true", help="every request, not the first alone")
    given = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run(given.kinds, keeps=given.keep))


if __name__ == "__main__":
    main()
