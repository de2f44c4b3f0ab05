"""Events for those who watch: which homes are meant, and pages of several logs in one order."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from core.domain.errors import Missing
from core.domain.events import Event, EventType, Gap, GapReason
from core.domain.grants import Share
from core.domain.homes import Home
from core.domain.ports import Wanted
from core.services import events as room
from core.services.events import Events
from core.store.retention import Bounds
from tests.conftest import Run
from tests.core.services.estate import (
    SCOPES,
    Estate,
    LeapClock,
    another_home,
    lamp,
    settle,
    viewer_of,
)
from tests.core.store.keep import HOUR, left, prune

S = EventType.DEVICE_STATUS_CHANGED


@pytest.fixture
def events(estate: Estate) -> Events:
    """The service."""
    return estate.house.services.events


async def test_homes_are_those_of_what_is_named(estate: Estate, events: Events) -> None:
    """Nothing named is no home named; several conditions hold together."""
    give, cabin = estate.house.services.grants.give, await another_home(estate)
    shares = [Share(estate.home.id), Share(cabin.id)]
    grant = await give(estate.user.id, estate.client.id, SCOPES, shares)
    viewer, ours = viewer_of(estate.house, grant), frozenset({estate.lamp.id})
    found = [
        await events.homes_named(viewer, wanted)
        for wanted in (
            Wanted(),
            Wanted(home_id=cabin.id),
            Wanted(device_ids=ours),
            Wanted(device_ids=ours, home_id=cabin.id),
        )
    ]
    assert found == [None, {cabin.id}, {estate.home.id}, set()]


async def test_hidden_things_cannot_be_named(estate: Estate, events: Events) -> None:
    """What is not shared is as missing as what is not there."""
    cabin = await another_home(estate)
    (hidden,) = await estate.house.devices_of(cabin.id)
    for wanted in (
        Wanted(home_id=cabin.id),
        Wanted(home_id="home_none"),
        Wanted(device_ids=frozenset({estate.lamp.id, hidden.id})),
        Wanted(device_ids=frozenset({"device_none"})),
    ):
        with pytest.raises(Missing):
            await events.homes_named(estate.viewer, wanted)


@pytest.fixture
async def land(
    database_url: str, run_house: Run
) -> AsyncIterator[tuple[Estate, Sequence[Home], LeapClock]]:
    """Three homes of one user, and their clock."""
    clock = LeapClock()
    async with run_house(database_url, clock) as house:
        estate = await settle(house, [lamp("lamp")])
        yield estate, [estate.home, *[await another_home(estate, name) for name in "ab"]], clock


async def walk(
    events: Events, places: Mapping[str, int], heads: Mapping[str, int], wanted: Wanted
) -> list[Event]:
    """Read on as a watch does until the heads are reached."""
    shown, places = list[Event](), dict(places)
    while behind := {home: head for home, head in heads.items() if places[home] < head}:
        page, reached = await events.page(places, behind, wanted)
        assert page or reached, "a page that brings nothing on"
        for event in page:
            if event.place > places[event.home.id]:
                places[event.home.id] = event.place
                shown.append(event)
        places |= {home: max(head, places[home]) for home, head in reached.items()}
    return shown


@settings(max_examples=settings().max_examples // 5)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-5, 5)), max_size=25), st.integers(1, 7))
async def test_pages_show_every_event_once_whatever_the_clocks_say(
    land: tuple[Estate, Sequence[Home], LeapClock],
    changes: list[tuple[int, int]],
    page: int,
) -> None:
    """Clocks of several hosts may disagree: each home's events still come in their order."""
    estate, homes, clock = land
    logs, rename = estate.house.logs, estate.house.services.homes.rename
    ids = [home.id for home in homes]
    before = await logs.heads(ids)
    for which, leap in changes:
        clock.leap(leap)
        await rename(ids[which], "x")
    heads = await logs.heads(ids)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "PAGE", page)
        shown = await walk(estate.house.services.events, before, heads, Wanted())
    for home_id in ids:
        places = [event.place for event in shown if event.home.id == home_id]
        assert places == list(range(before[home_id] + 1, heads[home_id] + 1))


async def test_pages_are_by_time(land: tuple[Estate, Sequence[Home], LeapClock]) -> None:
    """Where the clock goes forward, events of all homes come as they happened."""
    estate, homes, clock = land
    ids = [home.id for home in homes]
    before = await estate.house.logs.heads(ids)
    for turn in range(9):
        clock.leap(1)
        await estate.house.services.homes.rename(ids[turn % 3], f"{turn}")
    heads = await estate.house.logs.heads(ids)
    shown = await walk(estate.house.services.events, before, heads, Wanted())
    assert [event.home.name for event in shown] == [f"{turn}" for turn in range(9)]


async def test_pages_hold_only_what_is_wanted(
    estate: Estate, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Types and devices are looked for in the log, and nothing behind the head is shown."""
    monkeypatch.setattr(room, "PAGE", 2)
    for order in range(1, 6):
        await estate.hear(order, brightness=order)
        await estate.house.services.homes.rename(estate.home.id, f"{order}")
    head = len(await estate.events()) - 2
    wanted = Wanted(frozenset({S}), frozenset({estate.lamp.id}))
    shown = await walk(events, {estate.home.id: 0}, {estate.home.id: head}, wanted)
    assert [event.changed for event in shown] == [("brightness",)] * 4


async def test_a_page_of_many_homes_is_not_much_longer(
    land: tuple[Estate, Sequence[Home], LeapClock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads nothing more holds a page, however many homes it is of."""
    estate, homes, clock = land
    services, ids = estate.house.services, [home.id for home in homes]
    for turn in range(30):
        clock.leap(1)
        await services.homes.rename(ids[turn % 3], f"{turn}")
    heads = await estate.house.logs.heads(ids)
    monkeypatch.setattr(room, "PAGE", 6)
    page, reached = await services.events.page(dict.fromkeys(ids, 0), heads, Wanted())
    assert (0 < len(page) <= 2 * 6, reached) == (True, {})  # three of six each would be more


async def test_what_is_wanted_beyond_the_head_holds_nobody_up(
    estate: Estate, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader behind events that it does not want gets on, whatever is known of only later."""
    monkeypatch.setattr(room, "PAGE", 1)
    await estate.house.services.homes.rename(estate.home.id, "Elm Street")
    head = len(await estate.events())
    await estate.hear(1, brightness=1)
    heads = {estate.home.id: head}
    page = await events.page({estate.home.id: head - 1}, heads, Wanted(frozenset({S})))
    assert page == ([], heads)


async def test_a_gap_is_what_is_not_kept(
    land: tuple[Estate, Sequence[Home], LeapClock],
) -> None:
    """Of the homes that lack something, from where on nothing does, and since which minute."""
    estate, (near, far, _), clock = land
    events, house = estate.house.services.events, estate.house
    ends = await house.logs.heads([near.id, far.id])
    for leap in (60, 90):
        clock.leap(leap)
        for home in (near, far):
            await house.services.homes.rename(home.id, f"{leap}")
    heads = await house.logs.heads([near.id, far.id])
    assert await events.begins([near.id, far.id]) == {near.id: 0, far.id: 0}
    assert await events.gap({near.id: 0, far.id: 0}) is None
    await prune(house, Bounds(HOUR, 1), near)
    floor, _ = await left(house, near)
    assert floor.place == heads[near.id] - 1
    gap = await events.gap({**ends, "home_none": 0})
    assert gap is not None
    assert (gap.reason, gap.places) == (GapReason.RETENTION, {near.id: floor.place})
    assert (gap.since.second, gap.since.microsecond) == (0, 0)
    assert floor.since <= gap.since < floor.since + timedelta(minutes=1)
    assert await events.gap(dict(gap.places)) is None
    assert await events.begins([near.id, far.id]) == {near.id: floor.place, far.id: 0}
    assert room._whole_minute(gap.since) == gap.since  # noqa: SLF001 - a whole one stays
    assert await events.gap({}) is None


async def test_what_goes_while_a_page_is_read_is_a_gap(
    estate: Estate, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who looks for a gap after the page misses nothing, and finds none when it reads again."""
    for order in range(1, 6):
        await estate.hear(order, brightness=order)
    home_id, read = estate.home.id, estate.house.logs.events
    heads = await estate.house.logs.heads([home_id])
    places = {home_id: 1}

    async def late(*asked: Any, **more: Any) -> list[Event]:
        await prune(estate.house, Bounds(HOUR, 2), estate.home)
        return await read(*asked, **more)

    assert await events.gap(places) is None, "asked before, it would be missed"
    with monkeypatch.context() as patch:
        patch.setattr(estate.house.logs, "events", late)
        page, _ = await events.page(places, heads, Wanted())
    assert [event.place for event in page] == [heads[home_id] - 1, heads[home_id]]
    gap = await events.gap(places)
    assert gap is not None
    assert gap == Gap(GapReason.RETENTION, gap.since, {home_id: page[0].place - 1})
    assert (await events.page(gap.places, heads, Wanted()))[0] == page
    assert await events.gap(gap.places) is None
