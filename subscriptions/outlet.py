"""The outlet of one connection: messages go out in order until it is closed, which happens once.

What the session says goes first; then those who have events are asked for them, one message each
in turn. It is written at once as long as the peer reads, and by a task only while that waits.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol, TypeAlias

import orjson

from core.domain.errors import LatchkeyError, Unauthenticated
from subscriptions.protocol import Close
from subscriptions.pump import Pump
from subscriptions.stepping import Rest, begun

CLOSE_SECONDS: Final = 1.0
"""How long a peer that does not read keeps the frame that closes it waiting."""
STALL_SECONDS: Final = 1.0
"""How long a peer may take no message before nothing is held for it any more."""
Message: TypeAlias = Mapping[str, object]


class Gone(Exception):
    """The peer is away, or the connection closed: nobody is there to be told."""


class Wire(Protocol):
    """What carries messages."""

    async def send(self, text: str) -> None:
        """One message out; it waits while the peer does not read.

        Raises:
            Gone: the peer is away.
        """

    async def close(self, code: Close, sentence: str) -> None:
        """Say why it ends; the frames that come in end with that.

        Raises:
            Gone: the peer is away.
        """


class Source(Protocol):
    """Who has events for the peer."""

    def take(self) -> str | None:
        """The next message, if there is one now. To ask for it says that the last has gone out."""

    def lag(self) -> None:
        """The peer has stopped reading: hold nothing for it."""


class Outlet:
    """What a session and its operations send by."""

    __slots__ = (
        "_cleared",
        "_pump",
        "_said",
        "_sources",
        "_stalls",
        "_waits",
        "_wire",
        "_writes",
        "_writing",
        "closed",
        "leave",
        "stalled",
    )

    def __init__(self, wire: Wire, pump: Pump) -> None:
        """Open."""
        self._wire = wire
        self._pump = pump
        self._said: list[str] = []
        self._cleared: asyncio.Future[None] | None = None
        self._sources: list[Source] = []
        self._waits = False
        """Whether it waits for its turn."""
        self._writes = False
        """Whether somebody writes, here or in the task."""
        self._writing: asyncio.Task[None] | None = None
        self._stalls: asyncio.TimerHandle | None = None
        self.closed = False
        self.stalled = False
        """Whether the peer did not take the frame that closes it: it has to be left as it is."""
        self.leave: Callable[[], object] = _stay
        """Called then: nothing else would end the reading."""

    async def send(self, message: Message) -> None:
        """Send a message, and wait until the peer takes it.

        Raises:
            Gone: nobody is there.
        """
        self.post(message)
        while self._said and not self.closed:
            if self._cleared is None:
                self._cleared = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._cleared)
        if self.closed:
            raise Gone

    def post(self, message: Message) -> None:
        """Have a message go out without waiting for it.

        Raises:
            Gone: nobody is there.
        """
        if self.closed:
            raise Gone
        self._said.append(orjson.dumps(message).decode())
        if not self._writes:
            self._write()

    def announce(self, home_id: str, source: Source) -> None:
        """Ask `source` for events in the turn of this home."""
        if self.closed or source in self._sources:
            return
        self._sources.append(source)
        if not self._writes and not self._waits:
            self._waits = True
            self._pump.add(home_id, self._turn)

    async def close(self, code: Close, sentence: str) -> None:
        """Close with a code and a sentence; whoever comes second changes nothing."""
        if self.closed:
            return
        self._close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._wire.close(code, sentence)
        except Gone:
            pass
        except TimeoutError:
            self.stalled = True
            self.leave()

    async def close_for(self, error: LatchkeyError) -> None:
        """Close as this error asks for."""
        code = Close.TRY_LATER
        if isinstance(error, Unauthenticated):
            code = Close.UNAUTHORIZED if error.taken_back else Close.FORBIDDEN
        await self.close(code, str(error))

    async def end(self) -> None:
        """Send nothing any more; nothing of it is left."""
        self._close()
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)

    def _close(self) -> None:
        self.closed = True
        self._said.clear()
        self._sources.clear()
        self._clear()

    def _clear(self) -> None:
        """Let those go on who wait for what they said."""
        if self._cleared is not None:
            self._cleared.set_result(None)
            self._cleared = None

    def _turn(self) -> None:
        self._waits = False
        if not self._writes:
            self._write()

    def _write(self) -> None:
        """Write what there is, as far as the peer reads."""
        self._writes = True
        try:
            while (text := self._next()) is not None:
                if isinstance(rest := begun(self._wire.send(text)), Rest):
                    self._writing = asyncio.create_task(self._write_on(rest))
                    return
        except Gone:
            self._close()
        self._writes = False

    async def _write_on(self, rest: Rest[None] | None) -> None:
        """Write while the peer has to be waited for."""
        try:
            while rest is not None:
                await self._waited(rest)
                rest = None
                while rest is None and (text := self._next()) is not None:
                    rest = begun(self._wire.send(text))
        except Gone:
            self._close()
        finally:
            self._writing = None
            self._writes = False

    async def _waited(self, rest: Rest[None]) -> None:
        self._stall_later()
        try:
            await rest
        finally:
            if self._stalls is not None:
                self._stalls.cancel()

    def _stall_later(self) -> None:
        self._stalls = asyncio.get_running_loop().call_later(STALL_SECONDS, self._stall)

    def _stall(self) -> None:
        self._stall_later()
        for source in self._sources:
            source.lag()

    def _next(self) -> str | None:
        """The next message; None for now."""
        while not self.closed:
            if self._said:
                text = self._said.pop(0)
                if not self._said:
                    self._clear()
                return text
            if not self._sources:
                return None
            source = self._sources.pop(0)
            if (event := source.take()) is not None:
                self._sources.append(source)
                return event
        return None


def _stay() -> None:
    """Nobody reads."""
