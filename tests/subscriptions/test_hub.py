"""The hub: who watches sees what the grant shows, once each, in order, for as long as it does."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from app.compose import House
from core import feed
from core.domain.accounts import Viewer
from core.domain.devices import Device
from core.domain.errors import (
    Invalid,
    LatchkeyError,
    Missing,
    Refused,
    Unauthenticated,
    Unavailable,
)
from core.domain.events import Event, EventType
from core.domain.grants import Scope, Share
from core.domain.ports import Wanted
from core.domain.seen import Seen
from core.services import events as paging
from core.snapshots.rosters import Roster, Rosters
from subscriptions import hub as room, watch as one_watch
from tests.conftest import Run
from tests.core.services.estate import (
    SCOPES,
    Estate,
    another_home,
    eventually,
    lamp,
    settle,
    viewer_of,
)

ALL = Wanted()
H, S = EventType.HOME_UPDATED, EventType.DEVICE_STATUS_CHANGED

one_kind = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what happens in memory, whichever the database."""


@pytest.fixture
async def estate(house: House) -> Estate:
    """A home with two lamps, shared to a partner."""
    return await settle(house, [lamp("lamp"), lamp("other", "Study")])


class Reader:
    """Who reads a watch, as fast as it comes unless held."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self.error: LatchkeyError | None = None
        self.go = asyncio.Event()
        self.go.set()

    async def read(self, watching: AsyncIterator[Seen]) -> None:
        """Read to the end."""
        try:
            await self.go.wait()
            async for seen in watching:
                self.seen.append(seen)
                await self.go.wait()
        except LatchkeyError as error:
            self.error = error

    @property
    def events(self) -> list[Event]:
        """What was seen."""
        return [seen.event for seen in self.seen]

    @property
    def places(self) -> list[int]:
        """The places of what was seen."""
        return [event.place for event in self.events]

    def has(self, count: int) -> bool:
        """Whether so much was seen."""
        return len(self.seen) >= count

    def ended(self) -> bool:
        """Whether the watch was ended with an error."""
        return self.error is not None


@asynccontextmanager
async def watching(
    house: House,
    viewer: Viewer,
    wanted: Wanted = ALL,
    after: str | None = None,
    *,
    held: bool = False,
) -> AsyncIterator[Reader]:
    """A watch that is read while the block runs."""
    reader = Reader()
    if held:
        reader.go.clear()
    watch = await house.hub.watch(viewer, wanted, after)
    task = asyncio.create_task(reader.read(watch))
    try:
        yield reader
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await watch.aclose()


async def change(estate: Estate, times: int = 1, device: Device | None = None) -> list[Event]:
    """Let so many events of a device (the lamp) happen; they are returned."""
    before, device = await estate.events(), device or estate.lamp
    name = estate.house.services.devices.describe
    for number in range(times):
        await name(await estate.now(device), f"{number}", (await estate.now(device)).room)
    return (await estate.events())[len(before) :]


def listeners(house: House) -> int:
    """How many listen in this process, to homes or to grants."""
    tails = house.feed._tails.items()  # noqa: SLF001 - leaks do not show outside
    homes = sum(len(tail.listeners) for log_id, tail in tails if log_id != "access")
    return homes + len(house.access._watchers)  # noqa: SLF001 - likewise


async def test_events_come_as_they_happen(estate: Estate) -> None:
    """From the moment on at which the watch was opened, in the order of the log."""
    await change(estate)
    async with watching(estate.house, estate.viewer) as reader:
        happened = await change(estate, 5)
        await eventually(partial(reader.has, 5))
        assert reader.events == happened


async def test_events_of_other_processes_come_too(
    estate: Estate, database_url: str, run_house: Run
) -> None:
    """Within a second, in order."""
    async with run_house(database_url) as other, watching(estate.house, estate.viewer) as reader:
        happened = await change(replace(estate, house=other), 5)
        assert await eventually(partial(reader.has, 5)) < 1.5
        assert reader.events == happened


async def test_a_cursor_goes_on_after_its_event(estate: Estate) -> None:
    """From wherever it was taken: what was missed first, and then what happens."""
    async with watching(estate.house, estate.viewer) as reader:
        await change(estate, 4)
        await eventually(partial(reader.has, 4))
    for position, seen in enumerate(reader.seen):
        missed = await estate.events()
        missed = [event for event in missed if event.place > seen.event.place]
        async with watching(estate.house, estate.viewer, after=seen.cursor) as again:
            live = await change(estate)
            await eventually(partial(again.has, len(missed) + 1))
            assert again.events == [*missed, *live], position


async def test_a_cursor_belongs_to_its_grant(estate: Estate) -> None:
    """Another grant's cursor, or any other text, is refused and leaves nothing behind."""
    give = estate.house.services.grants.give
    grant = await give(estate.user.id, estate.client.id, SCOPES, [Share(estate.home.id)])
    foreign = estate.house.cursors.places(grant.id, {estate.home.id: 0})
    for after in (foreign, "", "no cursor"):
        with pytest.raises(Invalid, match="after is not a cursor"):
            await estate.house.hub.watch(estate.viewer, ALL, after)
    assert listeners(estate.house) == 0


async def test_homes_that_a_cursor_does_not_name_start_live(estate: Estate) -> None:
    """And homes that it names but nobody watches are passed over."""
    cabin = await another_home(estate)
    shares = [Share(estate.home.id), Share(cabin.id)]
    grant = await estate.house.services.grants.amend(estate.grant, SCOPES, shares)
    begun = estate.house.feed.place("access")
    assert begun
    missed = await change(estate, 2)
    await estate.house.services.homes.rename(cabin.id, "not seen")
    places = {estate.home.id: missed[0].place - 1, "home_" + "0" * 32: 5}
    after = estate.house.cursors.places(grant.id, places)
    async with watching(estate.house, estate.viewer, after=after) as reader:
        await eventually(partial(reader.has, 2))
        await estate.house.services.homes.rename(cabin.id, "seen")
        await eventually(partial(reader.has, 3))
        assert reader.events[:2] == missed
        assert reader.events[2].home.name == "seen"


@pytest.mark.parametrize("reach", [3, 500])
async def test_a_slow_reader_reads_on_from_the_log(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, reach: int
) -> None:
    """A full queue is given up, nothing is lost or repeated, and the reader is live again."""
    monkeypatch.setattr(one_watch, "QUEUE", 4)
    monkeypatch.setattr(paging, "PAGE", reach)
    async with watching(estate.house, estate.viewer) as reader:
        happened = await change(estate)
        await eventually(partial(reader.has, 1))
        reader.go.clear()
        happened += await change(estate, 12)
        reader.go.set()
        await eventually(partial(reader.has, 13))
        happened += await change(estate, 2)
        await eventually(partial(reader.has, 15))
        assert reader.events == happened


@one_kind
async def test_a_reader_who_never_reads_costs_a_bounded_queue(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However much happens, the watch holds no more than its queue."""
    monkeypatch.setattr(one_watch, "QUEUE", 4)
    push, lengths = one_watch.Watch.push, list[int]()

    def noted(watch: one_watch.Watch, news: Sequence[Seen]) -> None:
        push(watch, news)
        lengths.append(len(watch.queue))

    monkeypatch.setattr(one_watch.Watch, "push", noted)
    async with watching(estate.house, estate.viewer) as reader:
        await change(estate)
        await eventually(partial(reader.has, 1))
        reader.go.clear()
        await change(estate, 12)
        assert max(lengths) == 4


async def test_narrowing_takes_a_device_away_at_once(estate: Estate) -> None:
    """Not even what happened before, and waits to be read, is shown any more."""
    lamp_one, other = estate.devices
    target = Share(estate.home.id, device_id=other.id)
    async with watching(estate.house, estate.viewer, held=True) as reader:
        await change(estate, 3)
        await estate.house.services.grants.amend(estate.grant, SCOPES, [target])
        await change(estate, 1, lamp_one)
        reader.go.set()
        (seen,) = await change(estate, 1, other)
        await eventually(partial(reader.has, 1))
        assert reader.events == [seen]


async def test_narrowing_during_a_replay_takes_effect(estate: Estate) -> None:
    """A page that was read before is not shown by the grant as it was."""
    lamp_one, other = estate.devices
    after = estate.house.cursors.places(estate.grant.id, {estate.home.id: 0})
    before, _ = await change(estate), await change(estate, 3)
    seen = await change(estate, 3, other)
    watch = await estate.house.hub.watch(estate.viewer, ALL, after)
    assert [(await anext(watch)).event] == before
    shares = [Share(estate.home.id, device_id=other.id)]
    await estate.house.services.grants.amend(estate.grant, SCOPES, shares)
    await change(estate, 1, lamp_one)
    seen += await change(estate, 1, other)
    assert [(await anext(watch)).event for _ in seen] == seen
    await watch.aclose()


TAKEN: dict[str, Callable[[Estate], Awaitable[object]]] = {
    "revoked": lambda estate: estate.house.services.grants.revoke(estate.grant),
    "user": lambda estate: estate.house.services.accounts.disable_user(estate.user.id),
    "client": lambda estate: estate.house.services.accounts.disable_client(estate.client.id),
}


@pytest.mark.parametrize("how", TAKEN)
async def test_access_that_is_taken_back_ends_the_watch(estate: Estate, how: str) -> None:
    """At once, idle or not, and says so; nothing is left behind."""
    async with watching(estate.house, estate.viewer) as reader:
        await change(estate)
        await eventually(partial(reader.has, 1))
        await TAKEN[how](estate)
        await eventually(reader.ended)
        assert isinstance(reader.error, Unauthenticated)
        assert reader.error.taken_back
        assert listeners(estate.house) == 0


async def test_access_that_is_taken_back_elsewhere_ends_the_watch(
    estate: Estate, database_url: str, run_house: Run
) -> None:
    """By another process, within two seconds."""
    async with (
        run_house(database_url) as other,
        watching(other, viewer_of(other, estate.grant)) as r,
    ):
        await estate.house.services.grants.revoke(estate.grant)
        assert await eventually(r.ended) < 2


@one_kind
async def test_access_that_is_taken_back_while_a_home_joins_ends_the_watch(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change during the look at an earlier change is not forgotten."""
    cabin, grants = await another_home(estate), estate.house.services.grants
    take = Rosters.take

    async def slow(self: Rosters, home_id: str) -> Roster:
        if home_id == cabin.id:
            await grants.revoke(estate.grant)
        return await take(self, home_id)

    async with watching(estate.house, estate.viewer) as reader:
        await change(estate)
        await eventually(partial(reader.has, 1))
        monkeypatch.setattr(Rosters, "take", slow)
        await grants.amend(estate.grant, SCOPES, [Share(estate.home.id), Share(cabin.id)])
        await eventually(reader.ended)
        assert isinstance(reader.error, Unauthenticated)


@one_kind
async def test_a_token_that_expires_ends_the_watch(estate: Estate) -> None:
    """An idle reader is told at that moment, and a slow one sees nothing that came later."""
    viewer = viewer_of(estate.house, estate.grant, seconds=0.4)
    async with watching(estate.house, viewer) as idle, watching(estate.house, viewer) as slow:
        await change(estate)
        await eventually(partial(slow.has, 1))
        slow.go.clear()
        await change(estate, 3)
        assert await eventually(idle.ended) < 1
        slow.go.set()
        await eventually(slow.ended)
        for reader in (idle, slow):
            assert isinstance(reader.error, Unauthenticated)
            assert reader.error.expired
        assert (len(idle.seen), len(slow.seen)) == (4, 2)


@one_kind
async def test_a_scope_that_is_lost_ends_the_watch(estate: Estate) -> None:
    """The refusal names the scope; without it no watch is opened either."""
    left = SCOPES - {Scope.EVENTS_SUBSCRIBE}
    with pytest.raises(Refused):
        await estate.house.hub.watch(viewer_of(estate.house, estate.grant, left), ALL, None)
    async with watching(estate.house, estate.viewer) as reader:
        await estate.house.services.grants.amend(estate.grant, left, [Share(estate.home.id)])
        await eventually(reader.ended)
        assert isinstance(reader.error, Refused)
        assert reader.error.scopes == ("events:subscribe",)
    assert listeners(estate.house) == 0


async def test_a_home_that_joins_the_grant_joins_the_watch(estate: Estate) -> None:
    """From the moment at which it was shared: nothing in between is lost, nothing before seen."""
    cabin, services = await another_home(estate), estate.house.services
    async with watching(estate.house, estate.viewer) as reader:
        shares = [Share(estate.home.id), Share(cabin.id)]
        await services.homes.rename(cabin.id, "before")
        await services.grants.amend(estate.grant, SCOPES, shares)
        for name in ("at once", "a little later"):
            await services.homes.rename(cabin.id, name)
        await eventually(partial(reader.has, 2))
        await services.homes.rename(cabin.id, "later")
        await change(estate)
        await eventually(partial(reader.has, 4))
        names = [event.home.name for event in reader.events if event.home.id == cabin.id]
        assert names == ["at once", "a little later", "later"]


async def test_a_home_that_leaves_the_grant_leaves_the_watch(estate: Estate) -> None:
    """The others go on, and if it comes back, it goes on from there."""
    cabin, grants = await another_home(estate), estate.house.services.grants
    rename, mine = estate.house.services.homes.rename, Share(estate.home.id)
    await grants.amend(estate.grant, SCOPES, [mine, Share(cabin.id)])
    async with watching(estate.house, estate.viewer) as reader:
        await grants.amend(estate.grant, SCOPES, [mine])
        await rename(cabin.id, "hidden")
        await change(estate)
        await eventually(partial(reader.has, 1))
        await grants.amend(estate.grant, SCOPES, [mine, Share(cabin.id)])
        await rename(cabin.id, "seen")
        await eventually(partial(reader.has, 2))
        assert [event.home.name for event in reader.events] == [estate.home.name, "seen"]


@one_kind
async def test_too_many_homes_are_refused(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the start and once they become too many; naming one of them helps."""
    monkeypatch.setattr(room, "MOST_HOMES", 2)
    cabins = [await another_home(estate, f"{number}") for number in range(2)]
    shares = [Share(home.id) for home in (estate.home, *cabins)]
    async with watching(estate.house, estate.viewer) as reader:
        await estate.house.services.grants.amend(estate.grant, SCOPES, shares)
        await eventually(reader.ended)
        assert isinstance(reader.error, Invalid)
    with pytest.raises(Invalid, match="3 homes, and one subscription watches at most 2"):
        await estate.house.hub.watch(estate.viewer, ALL, None)
    async with watching(estate.house, estate.viewer, Wanted(home_id=cabins[0].id)) as one:
        await estate.house.services.homes.rename(cabins[0].id, "seen")
        await eventually(partial(one.has, 1))
    assert listeners(estate.house) == 0


async def test_conditions_hold_together(estate: Estate) -> None:
    """Only of this type, only of these devices, only of this home."""
    lamp_one, other = estate.devices
    wishes = [
        Wanted(types=frozenset({H})),
        Wanted(types=frozenset({S})),
        Wanted(device_ids=frozenset({other.id})),
        Wanted(types=frozenset({S}), device_ids=frozenset({other.id}), home_id=estate.home.id),
    ]
    after = estate.house.cursors.places(
        estate.grant.id, {estate.home.id: len(await estate.events())}
    )
    await estate.house.services.homes.rename(estate.home.id, "x")
    await estate.hear(1, on=True)
    await change(estate, 1, other)
    shown = []
    for wanted in wishes:
        async with watching(estate.house, estate.viewer, wanted, after) as reader:
            await estate.house.services.homes.rename(estate.home.id, "y")
            await change(estate, 1, lamp_one)
            await asyncio.sleep(0.1)
            shown.append([event.type for event in reader.events])
            assert all(wanted.matches(event) for event in reader.events)
    assert [len(types) for types in shown] == [2, 1, 1, 0]


@one_kind
async def test_what_is_hidden_cannot_be_watched(estate: Estate) -> None:
    """It is as missing as what is not there, and nothing is left of the attempt."""
    cabin = await another_home(estate)
    (hidden,) = await estate.house.devices_of(cabin.id)
    for wanted in (
        Wanted(home_id=cabin.id),
        Wanted(device_ids=frozenset({hidden.id})),
        Wanted(device_ids=frozenset({"device_none"})),
    ):
        with pytest.raises(Missing):
            await estate.house.hub.watch(estate.viewer, wanted, None)
    assert listeners(estate.house) == 0


async def test_a_removal_is_seen_by_who_saw_the_device(estate: Estate) -> None:
    """With its commands' ends hidden once it is gone, and not by who never saw it."""
    lamp_one, other = estate.devices
    give = estate.house.services.grants.give
    grants = [
        await give(
            estate.user.id, estate.client.id, SCOPES, [Share(estate.home.id, device_id=one.id)]
        )
        for one in estate.devices
    ]
    viewers = [viewer_of(estate.house, grant) for grant in grants]
    async with (
        watching(estate.house, viewers[0]) as owner,
        watching(estate.house, viewers[1]) as no,
    ):
        await estate.house.services.devices.remove(lamp_one)
        await change(estate, 1, other)
        await eventually(partial(no.has, 1))
        await eventually(partial(owner.has, 1))
        assert [event.type for event in owner.events] == [EventType.DEVICE_REMOVED]
        assert [event.type for event in no.events] == [EventType.DEVICE_UPDATED]


async def test_a_device_that_leaves_a_shared_room_is_seen_no_more(estate: Estate) -> None:
    """Nor is what it did there, once it is elsewhere; what comes into the room is seen."""
    lamp_one, other = estate.devices
    assert lamp_one.room is not None
    shares = [Share(estate.home.id, room_id=lamp_one.room.id)]
    give, describe = estate.house.services.grants.give, estate.house.services.devices.describe
    grant = await give(estate.user.id, estate.client.id, SCOPES, shares)
    async with watching(estate.house, viewer_of(estate.house, grant), held=True) as reader:
        await change(estate, 2)
        await describe(lamp_one, "moved out", other.room)
        await describe(other, "moved in", lamp_one.room)
        await change(estate)
        reader.go.set()
        await eventually(partial(reader.has, 1))
        await asyncio.sleep(0.05)
        assert [event.device and event.device.name for event in reader.events] == ["moved in"]


async def closed_unread(estate: Estate) -> None:
    """Close a watch that was never read."""
    await (await estate.house.hub.watch(estate.viewer, ALL, None)).aclose()


async def closed_amid(estate: Estate) -> None:
    """Close a watch between two events, twice."""
    watch = await estate.house.hub.watch(estate.viewer, ALL, None)
    await change(estate, 2)
    await anext(watch)
    await watch.aclose()
    await watch.aclose()
    with pytest.raises(StopAsyncIteration):
        await anext(watch)


async def cancelled_idle(estate: Estate) -> None:
    """Cancel whoever waits for the next event."""
    watch = await estate.house.hub.watch(estate.viewer, ALL, None)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(watch), 0.05)


async def cancelled_opening(estate: Estate) -> None:
    """Cancel whoever opens a watch, at several moments."""
    for turns in range(30):
        task = asyncio.create_task(estate.house.hub.watch(estate.viewer, ALL, None))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await (await task).aclose()


async def forgotten(estate: Estate) -> None:
    """Begin to read, and drop the watch without closing it."""
    watch = await estate.house.hub.watch(estate.viewer, ALL, None)
    await change(estate)
    await anext(watch)
    del watch
    await asyncio.sleep(0)


ENDINGS = (closed_unread, closed_amid, cancelled_idle, cancelled_opening, forgotten)


@one_kind
@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.__name__)
async def test_a_watch_that_ends_leaves_nothing(
    estate: Estate, ending: Callable[[Estate], Awaitable[None]]
) -> None:
    """However it ends, nobody is told any more."""
    await ending(estate)
    await eventually(lambda: listeners(estate.house) == 0)


@one_kind
async def test_a_watch_that_cannot_be_opened_leaves_nothing(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever step fails for want of a database."""

    async def lost(*_: Any) -> None:
        raise Unavailable("no")

    for name in ("heads", "rooms_now"):
        with monkeypatch.context() as patch:
            patch.setattr(estate.house.logs, name, lost)
            with pytest.raises(Unavailable):
                await estate.house.hub.watch(estate.viewer, ALL, None)
        assert listeners(estate.house) == 0


@one_kind
async def test_a_lost_database_delays_a_replay(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader waits, and then gets everything once."""
    monkeypatch.setattr(room, "RETRY_SECONDS", 0.01)
    read, calls = estate.house.logs.events, list[int]()

    async def fails_twice(*given: Any) -> Any:
        calls.append(1)
        if len(calls) <= 2:
            raise Unavailable("no")
        return await read(*given)

    after = estate.house.cursors.places(estate.grant.id, {estate.home.id: 0})
    happened = await change(estate, 3)
    monkeypatch.setattr(estate.house.logs, "events", fails_twice)
    async with watching(estate.house, estate.viewer, after=after) as reader:
        await eventually(partial(reader.has, 3))
        assert reader.events == happened


@one_kind
async def test_nothing_is_shown_while_access_cannot_be_checked(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What this process itself commits waits, too, until it can read the logs again."""
    monkeypatch.setattr(feed, "STALE_SECONDS", 0.6)
    monkeypatch.setattr(room, "RETRY_SECONDS", 0.01)

    async def lost() -> None:
        raise Unavailable("no")

    async with watching(estate.house, estate.viewer) as reader:
        await change(estate)
        await eventually(partial(reader.has, 1))
        with monkeypatch.context() as patch:
            patch.setattr(estate.house.logs, "marks", lost)
            await eventually(estate.house.feed.stale)
            happened = await change(estate, 2)
            await asyncio.sleep(0.05)
            assert len(reader.seen) == 1
        await eventually(partial(reader.has, 3))
        assert reader.events[1:] == happened


@one_kind
async def test_a_turn_that_is_held_up_looks_again(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process stood still amid a turn: what it knew at the beginning is no longer so."""
    hub = estate.house.hub
    watch = await hub.watch(estate.viewer, ALL, None)
    watch.attach("doc", lambda _: None)
    (happened,) = await change(estate)
    found = list[Seen | None]()

    def held_up() -> None:
        assert hub.current is not None
        time.sleep(room.MOMENT_SECONDS)
        with monkeypatch.context() as patch:
            patch.setattr(feed.Feed, "stale", lambda _: True)
            found.append(watch.take())

    hub.pump.add("some home", held_up)
    await eventually(lambda: bool(found))
    hub.pump.add("some home", lambda: found.append(watch.take()))
    await eventually(lambda: len(found) == 2)
    assert [seen and seen.event for seen in found] == [None, happened]
    assert hub.current is None
    await watch.aclose()
