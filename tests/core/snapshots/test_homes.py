"""Snapshots of homes: right at their place, never older than they may be, and never in the way."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial

import pytest

from app.compose import House
from core import feed
from core.domain.commands import CommandStatus
from core.domain.devices import Device
from core.domain.errors import Unavailable
from core.domain.events import Lapse
from core.domain.homes import Home
from core.snapshots import homes as module
from core.snapshots.homes import HomeSnapshot, HomeSnapshots
from core.store.reads import HomeNow
from tests.core.services.estate import Estate, LeapClock, another_home, eventually, lamp, lasting

MOST = 1_000


class Strider(LeapClock):
    """A clock whose seconds that only go forward a test may hurry as well."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = 0.0

    def monotonic(self) -> float:
        """The machine's, and what was added."""
        return super().monotonic() + self.ahead


@pytest.fixture
def clock() -> Strider:
    """What the snapshots go by; the feed goes by the machine's."""
    return Strider()


@pytest.fixture
def snapshots(estate: Estate, clock: Strider) -> HomeSnapshots:
    """The snapshots of a process, of some homes at most."""
    return HomeSnapshots(estate.house.reads, estate.house.feed, clock, MOST)


def listeners(house: House, home: Home) -> int:
    """How many are told of a home's events in this process, beside those of the house."""
    tail = house.feed._tails.get(home.id)  # noqa: SLF001 - leaks do not show outside
    return len(tail.listeners) if tail else 0


async def taken(snapshots: HomeSnapshots, home: Home) -> HomeSnapshot:
    """The snapshot of a home, loaded if need be."""
    await snapshots.load([home.id])
    found = snapshots.now([home.id])
    assert found is not None
    return found[0]


async def same(estate: Estate, snapshot: HomeSnapshot) -> bool:
    """Whether a snapshot is what the store would load now."""
    now = await estate.house.reads.home_now(snapshot.home.id, MOST)
    assert now is not None
    clock = estate.house.clock
    truth = HomeSnapshot(now, clock.monotonic())
    return all(
        getattr(snapshot, name) == getattr(truth, name)
        for name in ("place", "home", "rooms", "devices")
    ) and all(
        snapshot.pending.of(one, clock) == truth.pending.of(one, clock) for one in truth.devices
    )


def while_it_loads(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Awaitable[object]]
) -> None:
    """Have something happen after the look at the store, before its answer; at each load."""
    load = estate.house.reads.home_now

    async def slow(home_id: str, most: int) -> HomeNow | None:
        found = await load(home_id, most)
        await happens()
        return found

    monkeypatch.setattr(estate.house.reads, "home_now", slow)


async def test_a_snapshot_follows_the_devices(estate: Estate, snapshots: HomeSnapshots) -> None:
    """Devices that come, change, move and go: always the same object, always what is stored."""
    services, home = estate.house.services, estate.home
    room = await services.homes.add_room(home.id, "Study")
    snapshot = await taken(snapshots, home)
    (other,) = await services.devices.reconcile(home, [lamp("other", None)])
    await services.devices.describe(estate.lamp, "Lamp", room)
    await estate.hear(1, on=True, brightness=7)
    assert snapshots.now([home.id]) == [snapshot]
    assert await same(estate, snapshot)
    await services.devices.remove(other)
    assert other.id not in snapshot.devices
    assert await same(estate, snapshot)


async def test_a_snapshot_knows_which_devices_have_open_commands(
    estate: Estate, snapshots: HomeSnapshots
) -> None:
    """From the load and from events; a device that is removed has none."""
    first = await estate.ask(on=True)
    snapshot = await taken(snapshots, estate.home)
    second = await estate.ask(brightness=3)
    assert snapshot.pending.devices == {estate.lamp.id}
    await estate.house.services.commands.cancel(estate.viewer, first)
    assert snapshot.pending.devices == {estate.lamp.id}
    await estate.house.services.commands.cancel(estate.viewer, second)
    assert snapshot.pending.devices == set()
    await estate.ask(on=True)
    await estate.house.services.devices.remove(estate.lamp)
    assert snapshot.pending.devices == set()
    assert await same(estate, snapshot)


async def test_a_move_of_this_process_is_known_at_once(estate: Estate) -> None:
    """No event tells that a command was sent, and nobody reads its row for that."""
    homes, commands = estate.house.homes, estate.house.services.commands
    command = await estate.ask(on=True)
    await taken(homes, estate.home)
    assert statuses(homes, estate) == [CommandStatus.ACCEPTED]
    await commands.dispatch(command)
    assert statuses(homes, estate) == [CommandStatus.DISPATCHED]


async def test_a_move_while_a_home_loads_is_not_lost(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows were read before it."""
    homes, commands = estate.house.homes, estate.house.services.commands
    command = await estate.ask(on=True)
    while_it_loads(estate, monkeypatch, lambda: commands.dispatch(command))
    await taken(homes, estate.home)
    assert statuses(homes, estate) == [CommandStatus.DISPATCHED]


async def test_a_move_of_another_process_is_read(
    estate: Estate, snapshots: HomeSnapshots, clock: Strider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What rows said is good for half a second; those who ask at once read them once."""
    command = await estate.ask(on=True)
    await taken(snapshots, estate.home)
    assert statuses(snapshots, estate) == [CommandStatus.ACCEPTED]
    await estate.house.services.commands.dispatch(command)  # these snapshots are not told
    clock.ahead += 0.6
    assert snapshots.pending(estate.lamp) is None
    read = Counter[str]()
    learn = estate.house.reads.open_statuses

    async def counted(home_id: str) -> dict[str, CommandStatus]:
        read[home_id] += 1
        return await learn(home_id)

    monkeypatch.setattr(estate.house.reads, "open_statuses", counted)
    await asyncio.gather(*(snapshots.learn(estate.home.id) for _ in range(3)))
    assert statuses(snapshots, estate) == [CommandStatus.DISPATCHED]
    assert read == {estate.home.id: 1}


async def test_what_cannot_be_learned_is_left_to_the_store(
    estate: Estate, snapshots: HomeSnapshots, clock: Strider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Homes that are not here, and rows that cannot be read."""
    await snapshots.learn(estate.home.id)
    await estate.ask(on=True)
    await taken(snapshots, estate.home)

    async def failing(home_id: str) -> dict[str, CommandStatus]:
        raise Unavailable(home_id)

    clock.ahead += 0.6
    monkeypatch.setattr(estate.house.reads, "open_statuses", failing)
    await snapshots.learn(estate.home.id)
    assert snapshots.pending(estate.lamp) is None


def statuses(snapshots: HomeSnapshots, estate: Estate) -> list[CommandStatus]:
    """How far the lamp's open commands are."""
    found = snapshots.pending(estate.lamp)
    assert found is not None
    return [command.status for command in found]


async def test_what_no_event_carries_is_loaded_anew(
    estate: Estate, snapshots: HomeSnapshots
) -> None:
    """A home's name and rooms: after HOME_UPDATED the snapshot is not used before it was loaded."""
    services, home = estate.house.services, estate.home
    await taken(snapshots, home)
    room = await services.homes.add_room(home.id, "Attic")
    assert snapshots.now([home.id]) is None
    assert room.id in (await taken(snapshots, home)).rooms
    await services.homes.rename(home.id, "Elsewhere")
    assert snapshots.now([home.id]) is None
    snapshot = await taken(snapshots, home)
    assert snapshot.devices[estate.lamp.id].home.name == "Elsewhere" == snapshot.home.name
    assert await same(estate, snapshot)
    assert listeners(estate.house, home) == 1


async def test_a_gap_is_repaired_from_the_store(estate: Estate, snapshots: HomeSnapshots) -> None:
    """A snapshot that misses an event is not used, and takes in nothing more."""
    snapshot = await taken(snapshots, estate.home)
    snapshot.place -= 2
    await estate.hear(1, on=True)
    assert not snapshot.sound
    assert snapshots.now([estate.home.id]) is None
    assert await same(estate, await taken(snapshots, estate.home))


async def test_own_commits_are_seen_at_once(estate: Estate, snapshots: HomeSnapshots) -> None:
    """Whoever wrote finds it in the snapshot as soon as it knows that it was written."""
    await taken(snapshots, estate.home)

    async def write(order: int) -> None:
        await estate.hear(order, brightness=order)
        found = snapshots.now([estate.home.id])
        assert found is not None
        brightness = found[0].devices[estate.lamp.id].state.brightness
        assert brightness is not None
        assert brightness >= order

    for order in range(1, 60, 3):
        await asyncio.gather(*(write(order + more) for more in range(3)))


async def test_what_happens_while_it_loads_is_not_lost(
    estate: Estate, snapshots: HomeSnapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes after the look at the store are taken in."""

    async def happens() -> None:
        await estate.hear(1, on=True)

    while_it_loads(estate, monkeypatch, happens)
    snapshot = await taken(snapshots, estate.home)
    assert snapshot.devices[estate.lamp.id].state.on is True
    monkeypatch.undo()
    assert await same(estate, snapshot)


async def test_a_home_that_changes_while_it_loads_is_read_from_the_store(
    estate: Estate, snapshots: HomeSnapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new name after the look: this load is of no use, and nobody loads for ever."""
    names = iter("abc")

    async def happens() -> None:
        await estate.house.services.homes.rename(estate.home.id, next(names))

    while_it_loads(estate, monkeypatch, happens)
    await snapshots.load([estate.home.id])
    assert snapshots.now([estate.home.id]) is None
    monkeypatch.undo()
    assert (await taken(snapshots, estate.home)).home.name == "a"


async def test_concurrent_readers_share_one_load(
    estate: Estate, snapshots: HomeSnapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where one of them gives up: the load goes on for the others."""
    loads = []

    async def happens() -> None:
        loads.append(1)
        await asyncio.sleep(0.05)

    while_it_loads(estate, monkeypatch, happens)
    readers = [asyncio.create_task(snapshots.load([estate.home.id])) for _ in range(5)]
    await asyncio.sleep(0.01)
    readers[0].cancel()
    await asyncio.gather(*readers[1:])
    assert snapshots.now([estate.home.id]) is not None
    assert (len(loads), listeners(estate.house, estate.home)) == (1, 1)
    assert (snapshots.loads, snapshots.homes) == (1, 1)


async def test_a_load_that_fails_leaves_nothing(
    estate: Estate, snapshots: HomeSnapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lost database, a home that is not there, a process that ends."""

    async def lost(*_: object) -> None:
        raise Unavailable("no")

    with monkeypatch.context() as patch:
        patch.setattr(estate.house.reads, "home_now", lost)
        await snapshots.load([estate.home.id, "home_none"])
    assert (len(snapshots), listeners(estate.house, estate.home)) == (0, 0)
    assert (snapshots.loads, snapshots.homes) == (0, 0)
    while_it_loads(estate, monkeypatch, asyncio.Event().wait)
    reader = asyncio.create_task(snapshots.load([estate.home.id]))
    await eventually(lambda: listeners(estate.house, estate.home) == 1)
    await snapshots.close()
    await reader
    assert snapshots.now([estate.home.id]) is None
    assert listeners(estate.house, estate.home) == 0


async def test_a_reload_that_fails_lets_go(
    estate: Estate, snapshots: HomeSnapshots, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old snapshot is of no use any more, and is not served."""

    async def lost(*_: object) -> None:
        raise Unavailable("no")

    await taken(snapshots, estate.home)
    await estate.house.services.homes.rename(estate.home.id, "New")
    with monkeypatch.context() as patch:
        patch.setattr(estate.house.reads, "home_now", lost)
        await snapshots.load([estate.home.id])
    assert snapshots.now([estate.home.id]) is None
    assert (len(snapshots), listeners(estate.house, estate.home)) == (0, 0)
    assert (await taken(snapshots, estate.home)).home.name == "New"


async def test_no_more_devices_are_kept_than_there_is_room_for(
    estate: Estate, clock: Strider
) -> None:
    """What was read longest ago goes; what is being read stays, and the newcomer waits."""
    homes = [await another_home(estate, name) for name in "abc"]
    snapshots = HomeSnapshots(estate.house.reads, estate.house.feed, clock, 4)
    for home in homes:
        await snapshots.load([home.id])
    assert [snapshots.now([home.id]) is not None for home in homes] == [True, True, False]
    clock.ahead += module.USED_SECONDS + 1
    assert snapshots.now([homes[0].id]) is not None
    await snapshots.load([homes[2].id])
    assert [snapshots.now([home.id]) is not None for home in homes] == [True, False, True]
    assert [listeners(estate.house, home) for home in homes] == [1, 0, 1]
    assert len(snapshots) == 4


async def test_large_homes_and_many_homes_are_not_kept(
    estate: Estate, snapshots: HomeSnapshots, monkeypatch: pytest.MonkeyPatch, clock: Strider
) -> None:
    """Nor are they looked at again at each read; a home that shrinks is taken in later."""
    monkeypatch.setattr(module, "MOST_OF_HOME", 1)
    (other,) = await estate.house.services.devices.reconcile(estate.home, [lamp("other")])
    await snapshots.load([estate.home.id])
    await estate.house.services.devices.remove(other)
    await snapshots.load([estate.home.id])
    assert (snapshots.now([estate.home.id]), listeners(estate.house, estate.home)) == (None, 0)
    clock.ahead += module.REFUSED_SECONDS["large"] + 1
    assert await taken(snapshots, estate.home)
    many = [f"home_{number}" for number in range(module.MOST_HOMES + 1)]
    await snapshots.load(many)
    assert snapshots.now(many) is None
    assert snapshots.now([]) == []


async def test_nothing_is_kept_where_nothing_may_be(estate: Estate, clock: Strider) -> None:
    """A limit of 0 turns snapshots off."""
    snapshots = HomeSnapshots(estate.house.reads, estate.house.feed, clock, 0)
    await snapshots.load([estate.home.id])
    assert snapshots.now([estate.home.id]) is None


async def test_what_nobody_reads_is_let_go(
    estate: Estate, snapshots: HomeSnapshots, clock: Strider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what is still read stays."""
    monkeypatch.setattr(module, "TIDY_SECONDS", 0.01)
    cabin = await another_home(estate)
    await snapshots.load([estate.home.id, cabin.id])
    tidying = asyncio.create_task(snapshots.tidy())
    clock.ahead += module.IDLE_SECONDS - 5
    assert snapshots.now([cabin.id]) is not None
    clock.ahead += 6
    await eventually(lambda: listeners(estate.house, estate.home) == 0)
    assert snapshots.now([cabin.id]) is not None
    tidying.cancel()


async def test_a_home_that_grows_is_counted(
    estate: Estate, clock: Strider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What outgrows the room is let go by the next tidying."""
    monkeypatch.setattr(module, "TIDY_SECONDS", 0.01)
    snapshots = HomeSnapshots(estate.house.reads, estate.house.feed, clock, 3)
    await taken(snapshots, estate.home)
    await estate.house.services.devices.reconcile(estate.home, [lamp("1", None), lamp("2", None)])
    assert len(snapshots) == 4
    tidying = asyncio.create_task(snapshots.tidy())
    await eventually(lambda: len(snapshots) == 0)
    tidying.cancel()


@pytest.mark.punctual
async def test_another_process_is_heard_within_a_second(estate: Estate, second: House) -> None:
    """From the commit on, the snapshot says the new, or nothing, a second later at the latest."""
    snapshots = HomeSnapshots(second.reads, second.feed, second.clock, MOST)
    await taken(snapshots, estate.home)

    def told() -> float | None:
        found = snapshots.now([estate.home.id])
        return None if found is None else found[0].devices[estate.lamp.id].state.brightness

    def late(order: int) -> bool:
        return told() not in {order, None}

    for order in range(1, 4):
        await estate.hear(order, brightness=order)
        assert await lasting(partial(late, order)) <= 1.0
    # Where it said nothing, it may still be taking in an earlier one.
    await eventually(lambda: told() == 3)


@pytest.mark.punctual
async def test_a_deaf_process_says_nothing(
    estate: Estate, second: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the logs cannot be read, a snapshot is not used for longer than a second."""
    snapshots = HomeSnapshots(second.reads, second.feed, second.clock, MOST)

    async def lost(*_: object, **__: object) -> None:
        raise Unavailable("no")

    await taken(snapshots, estate.home)
    monkeypatch.setattr(second.logs, "marks", lost)
    said = await lasting(lambda: snapshots.now([estate.home.id]) is not None)
    assert said <= feed.FRESH_SECONDS + 0.1
    monkeypatch.undo()
    await eventually(lambda: snapshots.now([estate.home.id]) is not None)


async def test_what_is_known_to_have_happened_is_not_hidden(
    estate: Estate, second: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that is known to have moved, and cannot be read: the snapshot waits."""
    snapshots = HomeSnapshots(second.reads, second.feed, second.clock, MOST)
    await taken(snapshots, estate.home)
    read = asyncio.Event()
    really = second.logs.read

    async def slow(*given: object) -> object:
        await read.wait()
        return await really(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(second.logs, "read", slow)
    await estate.hear(1, on=True)
    second.feed.expect(estate.home.id, second.feed.place(estate.home.id) + 1)
    assert snapshots.now([estate.home.id]) is None
    read.set()
    await eventually(lambda: snapshots.now([estate.home.id]) is not None)
    found = snapshots.now([estate.home.id])
    assert found is not None
    assert found[0].devices[estate.lamp.id].state.on is True


async def test_a_page_of_the_log_that_cuts_a_transaction_is_read_on(
    estate: Estate, second: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A snapshot is never used between the events of one transaction."""
    services, home = estate.house.services, estate.home
    found = [replace(lamp(f"{number}"), room=None) for number in range(8)]
    devices: list[Device] = await services.devices.reconcile(home, found)
    room = await services.homes.add_room(home.id, "Hall 2")
    for device in devices:
        await services.devices.describe(device, device.name, room)
    snapshots = HomeSnapshots(second.reads, second.feed, second.clock, MOST)
    monkeypatch.setattr(feed, "PAGE", 3)
    await taken(snapshots, home)
    await services.homes.rename_room(room, "Hall 3")

    def names() -> set[str]:
        seen = snapshots.now([home.id])
        if seen is None:
            return set()
        rooms = (seen[0].devices[device.id].room for device in devices)
        return {one.name for one in rooms if one is not None}

    async def renamed() -> bool:
        assert len(names()) <= 1
        await snapshots.load([home.id])
        return names() == {"Hall 3"}

    await eventually(renamed)


async def test_a_lapse_has_a_home_be_loaded_anew(estate: Estate, snapshots: HomeSnapshots) -> None:
    """What its log no longer holds, no event will tell; what it knows already, it need not."""
    snapshot = await taken(snapshots, estate.home)
    (held,) = snapshots._held.values()  # noqa: SLF001 - no process is held up for days here
    held.told(Lapse(estate.home.id, snapshot.place))
    assert snapshots.now([estate.home.id]) == [snapshot]
    held.told(Lapse(estate.home.id, snapshot.place + 1))
    assert snapshots.now([estate.home.id]) is None
    again = await taken(snapshots, estate.home)
    assert again is not snapshot
    assert await same(estate, again)
