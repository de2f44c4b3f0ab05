"""`Broadcast` with a fan-out that loses no subscriber and never grows.

An inbox holds the newest message of each channel. The package's own fan-out has unbounded queues,
loses concurrent first subscribers of a channel, and its listener dies with the first error; and of
its backends, none of those on a server outlives that server's restart.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from broadcaster import Broadcast, BroadcastBackend, Event

from core import observe
from core.broadcast.memory import MemoryBackend
from core.broadcast.newest import Newest
from core.broadcast.tally import Tally
from core.domain.errors import Invalid

log = observe.logger(__name__)
PAUSE_SECONDS = 0.5


class Inbox:
    """One reader of any number of channels; holds the newest unread message of each."""

    def __init__(self, hints: "Hints") -> None:
        """An inbox on no channel yet."""
        self._hints = hints
        self._waiting = Newest()
        self.channels: set[str] = set()

    async def join(self, channel: str) -> None:
        """Hear this channel; once this returns, what is published is heard."""
        await self._hints.join(self, channel)

    async def leave(self, channel: str) -> None:
        """Stop hearing this channel."""
        await self._hints.leave(self, channel)

    def put(self, event: Event) -> None:
        """Take in a message, replacing an older one of its channel."""
        self._waiting.put(event.channel, event.message)

    async def get(self) -> Event:
        """The next message, oldest channel first."""
        return Event(*await self._waiting.next())

    async def __aiter__(self) -> AsyncIterator[Event]:
        """Every message, for ever."""
        while True:
            yield await self.get()


@dataclass(slots=True)
class Turn:
    """Whose turn it is to join or leave a channel, and how many have it or wait for it."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    takers: int = 0


class Hints(Broadcast):
    """The process's one broadcast."""

    def __init__(self, backend: BroadcastBackend, tally: Tally | None = None) -> None:
        """Use this backend, which counts into the tally; `connect` starts hearing."""
        super().__init__(backend=backend)
        self.tally = tally or Tally()
        self.far = not isinstance(backend, MemoryBackend)
        """Whether other processes hear what is published, and not this one alone."""
        self._inboxes: dict[str, set[Inbox]] = {}
        self._turns: dict[str, Turn] = {}

    def inbox(self) -> Inbox:
        """A new inbox on no channel."""
        return Inbox(self)

    async def join(self, inbox: Inbox, channel: str) -> None:
        """Put the inbox on a channel. One at a time per channel: the backend may have to dial."""
        async with self._turn(channel):
            if not self._inboxes.get(channel):
                await self._backend.subscribe(channel)
            self._inboxes.setdefault(channel, set()).add(inbox)
            inbox.channels.add(channel)

    async def leave(self, inbox: Inbox, channel: str) -> None:
        """Take the inbox off a channel; the last one out ends the backend's subscription."""
        async with self._turn(channel):
            inbox.channels.discard(channel)
            readers = self._inboxes.get(channel, set())
            readers.discard(inbox)
            if not readers and self._inboxes.pop(channel, None) is not None:
                await self._backend.unsubscribe(channel)

    @asynccontextmanager
    async def _turn(self, channel: str) -> AsyncIterator[None]:
        """Alone with a channel. Counted, because a lock that is handed over looks free."""
        turn = self._turns.setdefault(channel, Turn())
        turn.takers += 1
        try:
            async with turn.lock:
                yield
        finally:
            turn.takers -= 1
            if not turn.takers:
                del self._turns[channel]

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[Inbox]:  # type: ignore[override]  # an inbox reads like a Subscriber
        """One channel's messages while the block runs."""
        inbox = self.inbox()
        await inbox.join(channel)
        try:
            yield inbox
        finally:
            await inbox.leave(channel)

    async def disconnect(self) -> None:
        """Stop hearing and hang up."""
        self._listener_task.cancel()
        await asyncio.gather(self._listener_task, return_exceptions=True)
        await self._backend.disconnect()

    async def _listener(self) -> None:
        while True:
            try:
                event = await self._backend.next_published()
            except Exception:
                log.warning("broadcast_lost", exc_info=True)
                await asyncio.sleep(PAUSE_SECONDS)
                continue
            self.tally.heard += 1
            for inbox in self._inboxes.get(event.channel, ()):
                inbox.put(event)


def _memory(_: str, tally: Tally) -> BroadcastBackend:
    return MemoryBackend(tally)


# Imported where they are used: they bring a client library that nobody else needs, of some MB.


def _redis(url: str, tally: Tally) -> BroadcastBackend:
    from core.broadcast.redis import RedisBackend  # noqa: PLC0415 - see above

    return RedisBackend(url, tally)


def _cluster(url: str, tally: Tally) -> BroadcastBackend:
    from core.broadcast.cluster import ClusterBackend  # noqa: PLC0415 - see above

    return ClusterBackend(url, tally)


def _postgres(url: str, tally: Tally) -> BroadcastBackend:
    from core.broadcast.postgres import PostgresBackend  # noqa: PLC0415 - see above

    return PostgresBackend(url, tally)


BACKENDS: Final[dict[str, Callable[[str, Tally], BroadcastBackend]]] = {
    "memory://": _memory,
    "redis://": _redis,
    "rediss://": _redis,
    "redis+cluster://": _cluster,
    "rediss+cluster://": _cluster,
    "postgresql://": _postgres,
    "postgresql+asyncpg://": _postgres,
}


def open_broadcast(url: str) -> Hints:
    """The broadcast of a `BROADCAST_URL`; its scheme picks the backend.

    Raises:
        Invalid: no backend has this scheme, or the URL names no server.
    """
    for scheme, backend in BACKENDS.items():
        if url.startswith(scheme):
            tally = Tally()
            return Hints(backend(url, tally), tally)
    choices = " or ".join(BACKENDS)
    sentence = f"LATCHKEY_BROADCAST_URL must start with {choices}."  # the URL may hold a password
    raise Invalid(sentence)
