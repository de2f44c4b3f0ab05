"""Rosters: which devices are in a home now, never behind what the feed has told."""

import asyncio

import pytest

from app.compose import House
from core.domain.errors import Missing, Unavailable
from core.domain.events import Entry, Event, Lapse
from core.snapshots.rosters import Rosters
from tests.core.services.estate import Estate, eventually, lamp


@pytest.fixture
def rosters(estate: Estate) -> Rosters:
    """The rosters of a process."""
    return Rosters(estate.house.logs, estate.house.feed)


def listeners(house: House, estate: Estate) -> int:
    """How many are told of the home's events in this process."""
    tail = house.feed._tails.get(estate.home.id)  # noqa: SLF001 - leaks do not show outside
    return len(tail.listeners) if tail else 0


async def truth(estate: Estate) -> dict[str, str | None]:
    """What the store says."""
    _, rooms = await estate.house.logs.rooms_now(estate.home.id)
    return rooms


async def test_a_roster_follows_the_home(estate: Estate, rosters: Rosters) -> None:
    """Devices that come, move and go, rooms that are renamed and removed."""
    services, home = estate.house.services, estate.home
    roster = await rosters.take(home.id)
    assert roster.rooms == await truth(estate) != {}
    room = await services.homes.add_room(home.id, "Study")
    (other,) = await services.devices.reconcile(home, [lamp("other", None)])
    await services.devices.describe(estate.lamp, "lamp", room)
    assert roster.rooms == {estate.lamp.id: room.id, other.id: None}
    await services.homes.remove_room(room)
    await services.devices.remove(other)
    assert roster.rooms == await truth(estate) == {estate.lamp.id: None}


async def test_a_roster_is_shared_and_kept_while_it_is_used(
    estate: Estate, rosters: Rosters
) -> None:
    """All readers have the same one, and the last one to give it back ends it."""
    many = await asyncio.gather(*(rosters.take(estate.home.id) for _ in range(5)))
    assert len({id(roster) for roster in many}) == 1
    assert listeners(estate.house, estate) == 1
    for roster in many:
        rosters.give_back(roster)
    assert listeners(estate.house, estate) == 0
    assert await rosters.take(estate.home.id) is not many[0]


async def test_what_happens_while_it_loads_is_not_lost(
    estate: Estate, rosters: Rosters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes after the look at the store, before its answer, are taken in."""
    load = estate.house.logs.rooms_now

    async def slow(home_id: str) -> tuple[int, dict[str, str | None]]:
        await estate.hear(1, on=True)
        found = await load(home_id)
        await estate.house.services.devices.remove(estate.lamp)
        return found

    monkeypatch.setattr(estate.house.logs, "rooms_now", slow)
    roster = await rosters.take(estate.home.id)
    assert roster.rooms == {}


async def test_a_roster_that_cannot_be_loaded_leaves_nothing(
    estate: Estate, rosters: Rosters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a home that is not there nor a lost database leaves a listener."""
    with pytest.raises(Missing):
        await rosters.take("home_none")

    async def lost(_: str) -> None:
        raise Unavailable("no")

    monkeypatch.setattr(estate.house.logs, "rooms_now", lost)
    with pytest.raises(Unavailable):
        await rosters.take(estate.home.id)
    assert listeners(estate.house, estate) == 0


async def test_a_roster_knows_before_those_who_came_after_it(
    estate: Estate, rosters: Rosters
) -> None:
    """Whoever follows the home after taking its roster finds it up to each event."""
    roster, seen = await rosters.take(estate.home.id), list[bool]()

    def told(entry: Entry) -> None:
        if isinstance(entry, Event) and entry.device is not None:
            seen.append(entry.device.id in roster.rooms)

    await estate.house.feed.follow(estate.home.id, told)
    await estate.house.services.devices.reconcile(estate.home, [lamp("other")])
    await estate.house.services.devices.remove(estate.lamp)
    assert seen == [True, False]


async def test_a_roster_hears_other_processes(estate: Estate, second: House) -> None:
    """What another process changes is known here within a second."""
    elsewhere = Rosters(second.logs, second.feed)
    roster = await elsewhere.take(estate.home.id)
    await estate.house.services.devices.remove(estate.lamp)
    assert await eventually(lambda: roster.rooms == {}) < 1.5


async def test_a_roster_that_lapsed_is_taken_anew(estate: Estate, rosters: Rosters) -> None:
    """Where the log does not reach back to what it knows, the store has to say; once for all."""
    one = await rosters.take(estate.home.id)
    await estate.house.services.devices.reconcile(estate.home, [lamp("other")])
    (place, rooms), known = await estate.house.logs.rooms_now(estate.home.id), dict(one.rooms)
    one.told(Lapse(estate.home.id, place))
    assert not one.lapsed, "of what it knows already"
    one.told(Lapse(estate.home.id, place + 1))
    await estate.house.services.devices.remove(estate.lamp)
    assert (one.lapsed, one.rooms) == (True, known)
    two, three = await asyncio.gather(*(rosters.take(estate.home.id) for _ in range(2)))
    assert two is three is not one
    assert two.rooms == await truth(estate) != rooms
    for roster in (one, two, three):
        rosters.give_back(roster)
    assert listeners(estate.house, estate) == 0
    assert await rosters.take(estate.home.id) is not two
