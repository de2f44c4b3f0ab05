"""Watches where the log no longer reaches: their reader is told once, and all that is left."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest

from app.compose import House
from core import feed as tails
from core.domain.events import Event
from core.domain.grants import Share
from core.domain.ports import Delivery, Manner, Wanted
from core.domain.seen import Seen
from core.store.retention import Bounds
from subscriptions import watch as one_watch
from subscriptions.hub import Watching
from tests.conftest import Run
from tests.core.services.estate import SCOPES, Estate, eventually, lamp, settle, viewer_of
from tests.core.store.keep import HOUR, prune
from tests.core.test_feed import held_up
from tests.subscriptions.test_hub import change, listeners

ALL = Wanted()
one_kind = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
async def estate(house: House) -> Estate:
    """A home with two lamps, shared to a partner."""
    return await settle(house, [lamp("lamp"), lamp("other", "Study")])


class Taker:
    """Takes as a socket does, and notes what is said beside."""

    def __init__(self, watching: Watching) -> None:
        self.watching = watching
        self.seen: list[Seen] = []
        self.beside: list[dict[str, Any]] = []
        watching.attach("doc", lambda _: None)

    def has(self, count: int) -> bool:
        """Take what there is; whether it is so much by now."""
        while (seen := self.watching.take()) is not None:
            self.seen.append(seen)
            self.beside.append(dict(seen.extras))
        return len(self.seen) >= count

    @property
    def events(self) -> list[Event]:
        """What was taken."""
        return [seen.event for seen in self.seen]


@asynccontextmanager
async def taking(
    house: House, estate: Estate, after: str | None = None, manner: Manner | None = None
) -> AsyncIterator[Taker]:
    """Who takes of a watch while the block runs."""
    viewer = viewer_of(house, estate.grant)
    watching = await house.hub.watch(viewer, ALL, after, manner or Manner())
    try:
        yield Taker(watching)
    finally:
        watching.close()


@pytest.mark.parametrize("delivery", Delivery)
async def test_who_comes_back_too_late_is_told_once(estate: Estate, delivery: Delivery) -> None:
    """With the first message; then everything that is kept, and what happens, is whole."""
    after = estate.house.cursors.places(estate.grant.id, {estate.home.id: 1})
    await change(estate, 6)
    await prune(estate.house, Bounds(HOUR, 3), estate.home)
    kept = await estate.events()
    assert len(kept) == 3
    async with taking(estate.house, estate, after, Manner(delivery)) as taker:
        await eventually(partial(taker.has, 3))
        assert taker.events == kept
        assert taker.beside[0]["gap"]["reason"] == "RETENTION"
        assert taker.beside[1:] == [{}, {}]
        first = taker.seen[0].cursor
        live = await change(estate, 2)
        await eventually(partial(taker.has, 5))
        assert taker.events == [*kept, *live]
        assert not any(taker.beside[3:])
    async with taking(estate.house, estate, first) as again:
        await eventually(partial(again.has, 4))
        assert again.events == [*kept[1:], *live]
        assert not any(again.beside)


async def test_who_comes_back_to_an_empty_log_is_told_with_what_comes_next(estate: Estate) -> None:
    """There is nothing before it to be told with."""
    after = estate.house.cursors.places(estate.grant.id, {estate.home.id: 1})
    await change(estate, 3)
    await prune(estate.house, Bounds(HOUR, 0), estate.home)
    async with taking(estate.house, estate, after) as taker:
        await asyncio.sleep(0.1)
        assert not taker.has(1)
        live = await change(estate)
        await eventually(partial(taker.has, 1))
        assert (taker.events, "gap" in taker.beside[0]) == (live, True)


async def test_nothing_is_missing_for_who_was_there(estate: Estate) -> None:
    """What was shown may go."""
    async with taking(estate.house, estate) as taker:
        shown = await change(estate, 4)
        await eventually(partial(taker.has, 4))
        await prune(estate.house, Bounds(HOUR, 0), estate.home)
        shown += await change(estate, 1)
        await eventually(partial(taker.has, 5))
    async with taking(estate.house, estate, taker.seen[-2].cursor) as again:
        await eventually(partial(again.has, 1))
    assert (taker.events[:4], taker.events[4:]) == (shown[:4], again.events)
    assert not any([*taker.beside, *again.beside])


async def test_a_slow_reader_is_overtaken_by_the_end_of_the_log(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It lost its queue, and what it would have read on is gone: it is told so."""
    monkeypatch.setattr(one_watch, "QUEUE", 2)
    async with taking(estate.house, estate) as taker:
        await eventually(lambda: taker.has(0) and taker.watching.cursor is not None)
        taker.watching.lag()
        await change(estate, 9)
        await prune(estate.house, Bounds(HOUR, 2), estate.home)
        await eventually(partial(taker.has, 2))
        assert taker.events == (await estate.events())[-2:]
        assert taker.beside[0]["gap"]["reason"] == "RETENTION"
        assert taker.beside[1] == {}


@one_kind
async def test_nobody_is_shown_by_where_things_were_before_a_lapse(
    estate: Estate, database_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lamp that has left the shared room is not shown, whatever waited of it."""
    lamp_one, other = estate.devices
    assert lamp_one.room is not None
    shares = [Share(estate.home.id, room_id=lamp_one.room.id)]
    grant = await estate.house.services.grants.amend(estate.grant, SCOPES, shares)
    monkeypatch.setattr(tails, "POLL_SECONDS", 0.05)
    async with run_house(database_url) as second:
        await eventually(lambda: second.access.grants.get(grant.id) == grant)
        async with taking(second, estate) as taker:
            await eventually(lambda: taker.has(0) and second.hub.behind == 0)
            taker.watching.lag()
            async with held_up(second, monkeypatch):
                await change(estate, 3)
                await prune(estate.house, Bounds(HOUR, 0), estate.home)
            await eventually(lambda: taker.has(0) and second.hub.behind == 0)
            await change(estate, 2)
            describe = estate.house.services.devices.describe
            await describe(await estate.now(), "gone", other.room)
            head = (await estate.house.logs.heads([estate.home.id]))[estate.home.id]
            await eventually(lambda: second.feed.place(estate.home.id) == head)
            assert not taker.has(1)


async def test_no_cursor_is_beyond_a_gap_that_was_not_told(estate: Estate) -> None:
    """Whoever went away with it would come back and never know."""
    after = estate.house.cursors.places(estate.grant.id, {estate.home.id: 1})
    await change(estate, 3)
    await prune(estate.house, Bounds(HOUR, 0), estate.home)
    async with taking(estate.house, estate, after) as taker:
        await eventually(lambda: not taker.has(1) and taker.watching.cursor is None)
        await change(estate, 1)
        await eventually(partial(taker.has, 1))
        assert "gap" in taker.beside[0]
        assert taker.watching.cursor is not None


@pytest.mark.parametrize("kept", [0, 2])
async def test_a_reader_that_is_behind_when_its_process_is_held_up(
    estate: Estate, database_url: str, run_house: Run, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in no room to be told of that; it learns who is where before it is live again."""
    monkeypatch.setattr(tails, "POLL_SECONDS", 0.05)
    async with run_house(database_url) as second:
        await eventually(lambda: estate.grant.id in second.access.grants)
        async with taking(second, estate) as taker:
            await eventually(lambda: taker.has(0) and second.hub.behind == 0)
            taker.watching.lag()
            async with held_up(second, monkeypatch):
                await change(estate, 5)
                found = [lamp("lamp"), lamp("other", "Study"), lamp("new", "Attic")]
                made = await estate.house.services.devices.reconcile(estate.home, found)
                await change(estate, kept)
                await prune(estate.house, Bounds(HOUR, kept), estate.home)
            await eventually(partial(taker.has, kept))
            await eventually(lambda: taker.has(0) and second.hub.behind == 0)
            (new,) = (device for device in made if device.name == "new")
            shown = await change(estate, 2, new)
            await eventually(partial(taker.has, kept + 2))
            assert taker.events[kept:] == shown
            assert "gap" in taker.beside[0]


@pytest.mark.parametrize("kept", [0, 2])
async def test_a_process_that_was_held_up_tells_its_readers(
    estate: Estate, database_url: str, run_house: Run, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They go on in it, by a fresh look at who is where; nothing that is left is missing."""
    monkeypatch.setattr(tails, "POLL_SECONDS", 0.05)
    async with run_house(database_url) as second:
        await eventually(lambda: estate.grant.id in second.access.grants)
        async with taking(second, estate) as taker:
            async with held_up(second, monkeypatch):
                await change(estate, 5)
                await prune(estate.house, Bounds(HOUR, kept), estate.home)
            await eventually(partial(taker.has, kept))
            shown = await change(estate, 2, estate.devices[1])
            await eventually(partial(taker.has, kept + 2))
            assert taker.events[kept:] == shown
            assert "gap" in taker.beside[0]
            assert not any(taker.beside[1:])
        assert listeners(second) == 0
        assert second.dead == []
