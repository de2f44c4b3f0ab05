"""Homes as the graph shows them, in memory while somebody reads them, advanced by the feed alone.

Whatever cannot be answered for sure is not answered: the reader then turns to the store.
"""

import asyncio
from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from core import observe
from core.domain.commands import Command
from core.domain.devices import Device
from core.domain.errors import Missing, Unavailable
from core.domain.events import AccessEntry, Entry, Event, EventType, Lapse
from core.domain.homes import Room
from core.domain.lists import DeviceOrder
from core.domain.ports import Clock
from core.feed import Feed
from core.snapshots.pending import Pending
from core.store.lists import DEVICES, Key
from core.store.reads import HomeNow, Reads

log = observe.logger(__name__)

MOST_HOMES = 32
"""Homes that one answer comes from; what speaks of more is read from the store."""
MOST_OF_HOME = 5_000
LOADS = 2
IDLE_SECONDS = 300.0
USED_SECONDS = 10.0  # a home that was read so lately does not make room for another
REFUSED_SECONDS = {"large": 60.0, "full": 10.0}
TIDY_SECONDS = 30.0


class HomeSnapshot:
    """One home at one place of its log. `sound` is false once it cannot say what comes next."""

    def __init__(self, now: HomeNow, read_at: float) -> None:
        """The home as it was read at this monotonic time."""
        self.place = now.place
        self.home = now.home
        self.rooms: dict[str, Room] = {room.id: room for room in now.rooms}
        self.devices: dict[str, Device] = {device.id: device for device in now.devices}
        self.pending = Pending(now.pending, read_at)
        self.sound = True
        self._orders: dict[DeviceOrder, list[Key]] = {}

    def __len__(self) -> int:
        """What it counts for in memory: its devices, and one for the home."""
        return len(self.devices) + 1

    def told(self, event: Event | Lapse) -> None:
        """Take in the next event. What the event does not carry has to be loaded anew."""
        if event.place <= self.place or not self.sound:
            return
        device = event.device if isinstance(event, Event) else None
        if isinstance(event, Lapse) or device is None or event.place != self.place + 1:
            self.sound = False  # a gap; or rooms and names of the home, which no event carries
            return
        self.place = event.place
        gone = event.type is EventType.DEVICE_REMOVED
        self._put(device.id, None if gone else device)
        self.pending.told(device.id, () if gone else event.pending)

    def ordered(self, order: DeviceOrder) -> Sequence[Key]:
        """The keys of its devices in this order; sorted once, then kept in order."""
        keys = self._orders.get(order)
        if keys is None:
            keys = self._orders[order] = sorted(map(DEVICES[order].key, self.devices.values()))
        return keys

    def _put(self, device_id: str, device: Device | None) -> None:
        before = self.devices.get(device_id)
        for order, keys in self._orders.items():
            key = DEVICES[order].key
            old = None if before is None else key(before)
            new = None if device is None else key(device)
            if old == new:
                continue
            if old is not None:
                del keys[bisect_left(keys, old)]
            if new is not None:
                insort(keys, new)
        if device is None:
            self.devices.pop(device_id, None)
        else:
            self.devices[device_id] = device


@dataclass(slots=True, eq=False)
class _Held:
    """A home that is kept: its snapshot, or what was told while that is being loaded."""

    home_id: str
    used_at: float
    snapshot: HomeSnapshot | None = None
    early: list[Event | Lapse] = field(default_factory=list)
    moves: list[Command] = field(default_factory=list)
    learning: asyncio.Task[None] | None = None
    loading: asyncio.Task[None] | None = None
    followed: bool = False

    def told(self, entry: Entry) -> None:
        if isinstance(entry, AccessEntry):
            return
        if self.loading is not None:
            self.early.append(entry)
        if self.snapshot is not None:
            self.snapshot.told(entry)


class HomeSnapshots:
    """The homes that are being read in this process. `tidy` runs as a task."""

    def __init__(self, reads: Reads, feed: Feed, clock: Clock, most_devices: int) -> None:
        """Keep homes of at most so many devices in all; of none, where that is 0."""
        self._reads = reads
        self._feed = feed
        self._clock = clock
        self._most = most_devices
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._refused: dict[str, float] = {}
        self._slots = asyncio.Semaphore(LOADS)
        self.loads = 0
        """Homes read from the store so far."""

    def now(self, home_ids: Collection[str]) -> list[HomeSnapshot] | None:
        """These homes, none of them more than a second behind and each right in itself.

        None where one of them is not here or may be older. What comes back is to be read before
        anything is awaited.
        """
        if len(home_ids) > MOST_HOMES:
            return None
        found = []
        for home_id in home_ids:
            held = self._held.get(home_id)
            snapshot = held.snapshot if held is not None else None
            if held is None or snapshot is None or not snapshot.sound:
                return None
            if not self._feed.current(home_id, snapshot.place):
                return None
            held.used_at = self._clock.monotonic()
            self._held.move_to_end(home_id)
            found.append(snapshot)
        return found

    async def load(self, home_ids: Collection[str]) -> None:
        """See that these homes are here, as far as there is room; those who ask at once share it.

        What cannot be loaded is not here afterwards: the store is asked, and says why.
        """
        if len(home_ids) <= MOST_HOMES and self._most:
            loads = [load for home_id in home_ids if (load := self._loading(home_id))]
            if loads:  # who gives up waiting does not end what others wait for
                await asyncio.wait(loads)

    def pending(self, device: Device) -> Sequence[Command] | None:
        """The open commands of a device, oldest first; None where the store has to say."""
        held = self._held.get(device.home.id)
        snapshot = held.snapshot if held is not None else None
        if snapshot is None or not snapshot.sound or device.id not in snapshot.devices:
            return None
        if not self._feed.current(snapshot.home.id, snapshot.place):
            return None
        return snapshot.pending.of(device.id, self._clock)

    def moved(self, command: Command) -> None:
        """Take in that this process moved a command along; no event tells of that."""
        if (held := self._held.get(command.home_id)) is None:
            return
        if held.loading is not None:
            held.moves.append(command)
        if held.snapshot is not None:
            held.snapshot.pending.moved(command)

    async def learn(self, home_id: str) -> None:
        """Read how far the open commands of a home are, if it is here; who ask at once share it."""
        held = self._held.get(home_id)
        if held is None or held.snapshot is None:
            return
        if held.learning is None:
            held.learning = asyncio.create_task(self._learn(held, held.snapshot))
        await asyncio.wait([held.learning])

    async def _learn(self, held: _Held, snapshot: HomeSnapshot) -> None:
        read_at = self._clock.monotonic()
        try:
            statuses = await self._reads.open_statuses(held.home_id)
        except Unavailable:
            log.warning("home_unreadable", home_id=held.home_id)
        else:
            snapshot.pending.learned(statuses, read_at)
        finally:
            held.learning = None

    async def tidy(self) -> None:
        """Let go of what nobody reads any more, for ever."""
        while True:
            await self._clock.sleep(TIDY_SECONDS)
            now = self._clock.monotonic()
            for held in list(self._held.values()):
                if held.loading is None and now - held.used_at > IDLE_SECONDS:
                    self._drop(held)
            self._make_room(0)
            self._refused = {key: until for key, until in self._refused.items() if until > now}

    async def close(self) -> None:
        """End the reads under way."""
        tasks = [task for held in self._held.values() for task in (held.loading, held.learning)]
        under_way = [task for task in tasks if task is not None]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)

    @property
    def homes(self) -> int:
        """How many homes are here."""
        return sum(held.snapshot is not None for held in self._held.values())

    def __len__(self) -> int:
        """What all of them count for."""
        return sum(len(held.snapshot) for held in self._held.values() if held.snapshot is not None)

    def _loading(self, home_id: str) -> asyncio.Task[None] | None:
        """The load that this home needs, begun if nobody has; None where it needs none."""
        held = self._held.get(home_id)
        if held is None:
            if self._refused.get(home_id, 0.0) > self._clock.monotonic():
                return None
            held = self._held[home_id] = _Held(home_id, self._clock.monotonic())
        if held.loading is None and (held.snapshot is None or not held.snapshot.sound):
            held.early.clear()
            held.moves.clear()
            held.loading = asyncio.create_task(self._load(held))
        return held.loading

    async def _load(self, held: _Held) -> None:
        kept = False
        try:
            async with self._slots:
                kept = await self._fill(held)
        except Unavailable:
            log.warning("home_unreadable", home_id=held.home_id)
        except Missing:
            log.warning("home_missing", home_id=held.home_id)
        finally:
            held.loading = None
            held.early.clear()
            held.moves.clear()
            if not kept:
                self._drop(held)

    async def _fill(self, held: _Held) -> bool:
        if not held.followed:
            await self._feed.follow(held.home_id, held.told)
            held.followed = True
        read_at = self._clock.monotonic()
        now = await self._reads.home_now(held.home_id, min(MOST_OF_HOME, self._most))
        self.loads += 1
        held.snapshot = None
        if now is None:
            self._refuse(held.home_id, "large")
            return False
        snapshot = HomeSnapshot(now, read_at)
        for event in held.early:
            snapshot.told(event)
        for command in held.moves:
            snapshot.pending.moved(command)
        if not self._make_room(len(snapshot)):
            self._refuse(held.home_id, "full")
            return False
        held.snapshot, held.used_at = snapshot, self._clock.monotonic()
        return True

    def _make_room(self, wanted: int) -> bool:
        """Whether so much more fits, without what has not been read for longest."""
        size = len(self)
        for held in list(self._held.values()):
            if size + wanted <= self._most:
                return True
            if held.snapshot is None or held.loading is not None:
                continue
            if wanted and self._clock.monotonic() - held.used_at < USED_SECONDS:
                return False
            size -= len(held.snapshot)
            self._drop(held)
        return size + wanted <= self._most

    def _refuse(self, home_id: str, why: str) -> None:
        self._refused[home_id] = self._clock.monotonic() + REFUSED_SECONDS[why]

    def _drop(self, held: _Held) -> None:
        del self._held[held.home_id]
        if held.learning:
            held.learning.cancel()
        if held.followed:
            self._feed.drop(held.home_id, held.told)
