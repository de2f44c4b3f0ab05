"""Stand-ins for the world, and records as the store would hold them; for every test."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final, TypeVar

from broadcaster import BroadcastBackend, Event

from core.domain.devices import Device
from core.domain.homes import Home, Room
from core.domain.ports import Found

T = TypeVar("T")

START: Final = datetime(2026, 1, 1, tzinfo=UTC)
TURNS: Final = 64
HOME: Final = Home("home_1", "Maple Street", "Europe/Berlin")


class FakeClock:
    """A clock that stands still until a test moves it; it starts at START, monotonic at 0."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._ages = count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """START and what has elapsed."""
        return START + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds that have elapsed."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Return once the test has moved the clock that far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heappush(self._sleepers, (self._elapsed + seconds, next(self._ages), woken))
        await woken

    def due(self) -> float | None:
        """When (monotonic) the next sleeper wakes; None if nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():
            heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    async def advance(self, seconds: float) -> None:
        """Let so much time pass; sleepers wake in due order, and the loop runs after each."""
        end = self._elapsed + seconds
        await turns()
        while (due := self.due()) is not None and due <= end:
            await self._wake()
        self._elapsed = max(self._elapsed, end)
        await turns()

    async def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Let just so much time pass as `work` needs, and return what it returns."""
        task = asyncio.ensure_future(work)
        await turns()
        while not task.done():
            assert self.due() is not None, "the work waits for something that never comes"
            await self._wake()
        return await task

    async def _wake(self) -> None:
        due, _, woken = heappop(self._sleepers)
        self._elapsed = max(self._elapsed, due)
        woken.set_result(None)
        await turns()


async def turns() -> None:
    """Let whatever is ready run, and what that makes ready, some dozens deep."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


class Wire(BroadcastBackend):
    """A broadcast server that takes its time, and fails as often as it is told to."""

    def __init__(self, lag: int = 0) -> None:
        """`lag` is how many turns of the loop subscribing takes, and unsubscribing."""
        self.lag = lag
        self.calls: list[tuple[str, str]] = []
        self.subscribed: set[str] = set()
        self.refusals: list[Exception] = []
        self.heard: asyncio.Queue[Event | Exception] = asyncio.Queue()

    async def connect(self) -> None:
        """It is always there."""

    async def disconnect(self) -> None:
        """It does not mind."""

    async def subscribe(self, group: str) -> None:
        """Carry this channel, once that has taken its time."""
        await self._take("subscribe", group)
        self.subscribed.add(group)

    async def unsubscribe(self, group: str) -> None:
        """Carry this channel no more."""
        await self._take("unsubscribe", group)
        self.subscribed.discard(group)

    async def publish(self, channel: str, message: str) -> None:
        """Carry a message, if anybody is on its channel."""
        if channel in self.subscribed:
            self.heard.put_nowait(Event(channel, message))

    async def next_published(self) -> Event:
        """What comes next; an exception in the queue is what it is."""
        heard = await self.heard.get()
        if isinstance(heard, Exception):
            raise heard
        return heard

    async def _take(self, what: str, channel: str) -> None:
        self.calls.append((what, channel))
        for _ in range(self.lag):
            await asyncio.sleep(0)
        if self.refusals:
            raise self.refusals.pop()


def stored(found: Found, number: int = 1, *, home: Home = HOME, order: int = 0) -> Device:
    """What a connector found, as the store holds it right after it was taken in."""
    return Device(
        id=f"device_{number}",
        home=home,
        room=Room(f"room_{found.room}", found.room, home) if found.room else None,
        name=found.name,
        kind=found.kind,
        capabilities=found.capabilities,
        online=found.online,
        state=found.state,
        updated_at=START,
        manufacturer=found.manufacturer,
        model=found.model,
        firmware=found.firmware,
        address=found.address,
        order=order,
    )
