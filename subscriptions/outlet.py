"""The outlet of one connection: messages go out in order until it is closed, which happens once.

What the session says goes first, and at once; then, in the turn of their home, those who have
events are asked for them, one message each. It is written at once as long as the peer reads, and a
task is there only while that has to be waited for. What is written in a turn is sent before its
end, with what others write (`subscriptions.pump`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol, TypeAlias

import orjson

from core import observe
from core.domain.errors import LatchkeyError, Unauthenticated
from subscriptions.protocol import Close
from subscriptions.pump import Pump

CLOSE_SECONDS: Final = 1.0
"""How long a peer that does not read keeps the frame that closes it waiting."""
STALL_SECONDS: Final = 1.0
"""How long a peer may take no message before nothing is held for it any more."""
EVENTS: Final = 64
"""Events that a socket is asked for before it has another turn."""
Message: TypeAlias = Mapping[str, object]
Said: TypeAlias = tuple[bytes, Callable[[], object] | None]
"""A message, and who is told once it is taken."""

log = observe.logger(__name__)


class Gone(Exception):
    """The peer is away, or the connection closed: nobody is there to be told."""


class Wire(Protocol):
    """What carries messages."""

    @property
    def write(self) -> Callable[[bytes], bool]:
        """Take one message; whether there is room for more. If not, wait for `room` before that.

        It may be held until `flush`.

        Raises:
            Gone: the peer is away.
        """

    @property
    def flush(self) -> Callable[[], object]:
        """Send what was taken; a peer to whom nothing can be sent any more is left."""

    @property
    def room(self) -> Callable[[], Awaitable[object]]:
        """Return once the peer has read so much that there is room, or is away."""

    async def close(self, code: Close, sentence: str) -> None:
        """Say why it ends; the frames that come in end with that.

        Raises:
            Gone: the peer is away.
        """


class Source(Protocol):
    """Who has events for the peer."""

    def take(self) -> bytes | None:
        """The next message, if there is one now. To ask for it says that the last has gone out."""

    @property
    def passed(self) -> Callable[[], bool]:
        """Hear that the last message has gone out; say whether to ask for another."""

    def lag(self) -> None:
        """The peer has stopped reading: hold nothing for it."""


class Outlet:
    """What a session and its operations send by."""

    __slots__ = (
        "_cleared",
        "_flush",
        "_home_id",
        "_leave",
        "_pump",
        "_put",
        "_said",
        "_sources",
        "_stalls",
        "_waits",
        "_wire",
        "_writes",
        "_writing",
        "closed",
        "stalled",
    )

    def __init__(self, wire: Wire, pump: Pump, leave: Callable[[], object]) -> None:
        """Open. `leave` is called once it is `stalled`: nothing else would end the reading."""
        self._wire = wire
        self._put, self._flush = wire.write, wire.flush
        self._pump = pump
        self._said: tuple[Said, ...] = ()
        self._cleared: asyncio.Future[None] | None = None
        self._sources: tuple[Source, ...] = ()
        self._home_id = ""
        """Whose event came last."""
        self._waits = False
        """Whether it waits for its turn."""
        self._writes = False
        """Whether somebody writes, here or in the task."""
        self._writing: asyncio.Task[None] | None = None
        self._stalls: asyncio.TimerHandle | None = None
        self.closed = False
        self.stalled = False
        """Whether the peer did not take the frame that closes it: it has to be left as it is."""
        self._leave = leave

    async def send(self, message: Message) -> None:
        """Send a message, and wait until it is its turn to be taken by the peer.

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

    def post(self, message: Message, taken: Callable[[], object] | None = None) -> None:
        """Have a message go out without waiting for it.

        `taken` is called when it does: whoever posts has to see that not too many wait.

        Raises:
            Gone: nobody is there.
        """
        if self.closed:
            raise Gone
        self._said = (*self._said, (orjson.dumps(message), taken))
        if not self._writes:
            self._write(0)

    def announce(self, source: Source, home_id: str) -> None:
        """Ask `source` for events in the turn of this home."""
        if self.closed or source in self._sources:
            return
        self._home_id = home_id
        if self._pump.turn == home_id and not (self._writes or self._waits):
            self._write(EVENTS, source)
            return
        self._sources = (*self._sources, source)
        if not (self._writes or self._waits):
            self._await_turn()

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
            self._leave()

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
        self._said = self._sources = ()
        self._clear()

    def _clear(self) -> None:
        """Let those go on who wait for what they said."""
        if self._cleared is not None:
            self._cleared.set_result(None)
            self._cleared = None

    def _await_turn(self) -> None:
        """Have those who have events asked for them; nothing of that may be under way."""
        self._waits = True
        self._pump.add(self._home_id, self._turn)

    def _turn(self) -> None:
        self._waits = False
        if not self._writes:
            self._write(EVENTS)

    def _write(self, events: int, first: Source | None = None) -> None:
        """Write what was said and so many events, as far as the peer reads; of `first` to begin."""
        self._writes, left, room = True, events, True
        write = self._put
        try:
            while room and not self.closed:
                if self._said:
                    room = write(self._spoken())
                elif left and (first or self._sources):
                    source, first = first or self._next(), None
                    if (event := source.take()) is not None:
                        left -= 1
                        room = write(event)
                        if (not room or source.passed()) and source not in self._sources:
                            self._sources = (*self._sources, source)
                else:
                    break
            if not room:
                self._writing = asyncio.create_task(self._wait())
                return
        except Gone:
            self._close()
        except Exception as error:  # noqa: BLE001 - a bug of ours, or of what carries this
            self._fail(error)
        finally:
            self._pump.written += events - left
            self._pump.settle(self._flush)  # after a bug too: what was written before it was taken
        self._writes = False
        if self._sources and not self._waits:
            self._await_turn()

    def _next(self) -> Source:
        """The next of those who have events."""
        source, self._sources = self._sources[0], self._sources[1:]
        return source

    def _spoken(self) -> bytes:
        """The next of what was said."""
        (text, taken), self._said = self._said[0], self._said[1:]
        if taken is not None:
            taken()
        if not self._said:
            self._clear()
        return text

    async def _wait(self) -> None:
        """Wait for the peer, and go on."""
        self._stall_later()
        try:
            await self._wire.room()
        except Exception as error:  # noqa: BLE001 - a bug of ours, or of what carries this
            self._fail(error)
        finally:
            if self._stalls is not None:
                self._stalls.cancel()
            self._writing = None
            self._writes = False
        self._write(0)

    def _stall_later(self) -> None:
        self._stalls = asyncio.get_running_loop().call_later(STALL_SECONDS, self._stall)

    def _stall(self) -> None:
        self._stall_later()
        for source in self._sources:
            source.lag()

    def _fail(self, error: Exception) -> None:
        """Leave who is there, since nothing can be told to them any more."""
        log.error("wire_failed", exc_info=error)
        self._close()
        self.stalled = True
        self._leave()
