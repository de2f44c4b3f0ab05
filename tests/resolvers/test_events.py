"""The log as a viewer reads it: what is shown, in which order, and going on from a cursor."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import pytest

from core.domain.devices import State
from core.domain.errors import Invalid, Missing
from core.domain.events import Event, EventType
from core.domain.grants import Grant, Share
from core.domain.seen import Seen
from core.store.retention import Bounds
from resolvers import events
from resolvers.answers import settled
from resolvers.asking import Ask
from resolvers.events import Asked, LogPage
from resolvers.merge import Budget
from resolvers.paging import Page
from tests.core.store.keep import HOUR, left, prune
from tests.resolvers.world import World, lamp

STATUS = EventType.DEVICE_STATUS_CHANGED


async def page(
    ask: Ask,
    first: int | None = None,
    after: str | None = None,
    types: Collection[EventType] | None = None,
    device_ids: Collection[str] | None = None,
    home_id: str | None = None,
) -> LogPage:
    """A page of the log."""
    return await events.listed(ask, Asked(types, device_ids, home_id), first, after)


async def everything(ask: Ask, first: int = 100, asked: Asked | None = None) -> list[Event]:
    """Every event that is shown, page by page."""
    found: list[Event] = []
    after: str | None = None
    while True:
        here = await events.listed(ask, asked or Asked(), first, after)
        found += here.nodes
        after = here.end_cursor
        if not await settled(here.has_next_page):
            return found


async def test_pages_put_together_are_the_log(any_world: World) -> None:
    """Whatever the size of a page, over several homes, and in order of time."""
    elm, (far,) = await any_world.more("Elm", lamp("x"))
    near = any_world.lamps[0]
    grant = await any_world.give(Share(any_world.home.id), Share(elm.id))
    for order in range(1, 6):
        await any_world.report(near, order, brightness=order)
        await any_world.report(far, order, brightness=order)
    ask = any_world.ask(any_world.viewer(grant))
    whole = await everything(ask)
    assert len(whole) == 10
    assert whole == sorted(whole, key=lambda one: (one.occurred_at, one.home.id, one.place))
    for size in (1, 3, 10):
        assert await everything(ask, size) == whole


async def test_a_page_goes_on_from_any_of_its_edges(world: World) -> None:
    """Each edge's cursor leads to what comes after that event, here and in a subscription."""
    for order in range(1, 5):
        await world.report(world.lamps[0], order, brightness=order)
    whole = await page(world.ask(), types={STATUS})
    for at, edge in enumerate(whole.edges):
        rest = await page(world.ask(), after=edge.cursor, types={STATUS})
        assert list(rest.nodes) == list(whole.nodes[at + 1 :])
        assert rest.has_previous_page is True
    live = await events.watch(world.ask(), Asked({STATUS}), whole.edges[1].cursor)
    seen: Seen = await anext(live)
    assert seen.event == whole.nodes[2]
    rest = await page(world.ask(), after=seen.cursor, types={STATUS})
    assert list(rest.nodes) == list(whole.nodes[3:])


async def test_conditions_hold_together(world: World) -> None:
    """Types, devices and a home; homes that none of the devices is in are not read."""
    one, two, _ = world.lamps
    await world.report(one, 1, brightness=1)
    await world.report(two, 1, brightness=2)
    elm, (far,) = await world.more("Elm", lamp("x"))
    grant = await world.give(Share(world.home.id), Share(elm.id))
    await world.report(far, 1, brightness=3)
    await world.report(one, 2, brightness=4)
    ask = world.ask(world.viewer(grant))
    shown = await page(ask, types={STATUS}, device_ids=[one.id, far.id])
    assert [event.device and event.device.state.brightness for event in shown.nodes] == [3, 4]
    shown = await page(ask, device_ids=[one.id, far.id], home_id=elm.id)
    assert [event.home.name for event in shown.nodes] == ["Elm"]
    assert (await page(ask, device_ids=[one.id], home_id=elm.id)).nodes == []


async def test_a_share_of_one_device_shows_its_events_and_the_home_s(world: World) -> None:
    """With every filter, nothing of the other devices."""
    mine, other, _ = world.lamps
    grant = await world.give(Share(world.home.id, device_id=mine.id))
    await world.report(mine, 1, brightness=1)
    await world.report(other, 1, brightness=1)
    await world.house.services.homes.rename(world.home.id, "Oak")
    ask = world.ask(world.viewer(grant))
    assert [event.type for event in await everything(ask)] == [STATUS, EventType.HOME_UPDATED]
    for asked in (Asked({STATUS}), Asked(device_ids=[mine.id]), Asked({STATUS}, [mine.id])):
        assert [event.device and event.device.id for event in await everything(ask, 1, asked)] == [
            mine.id
        ]


async def test_what_a_share_no_longer_covers_is_not_shown(world: World) -> None:
    """Neither what happened before it began, nor what is no longer shared, nor what moved away."""
    mine, other, _ = world.lamps
    await world.report(mine, 1, brightness=1)
    grant = await world.give(Share(world.home.id))
    await world.report(mine, 2, brightness=2)
    await world.report(other, 2, brightness=2)
    narrowed = await world.house.services.grants.amend(
        grant, grant.scopes, [Share(world.home.id, device_id=mine.id)]
    )
    await world.report(mine, 3, brightness=3)
    await world.report(other, 3, brightness=3)

    async def seen(grant: Grant, *types: EventType) -> list[tuple[str, int | None]]:
        ask = world.ask(world.viewer(grant))
        return [
            (event.device.id, event.device.state.brightness)
            for event in await everything(ask, 1, Asked(types or None))
            if event.device is not None
        ]

    assert await seen(narrowed) == [(mine.id, 2), (mine.id, 3)]
    assert await seen(narrowed, STATUS) == [(mine.id, 2), (mine.id, 3)]


async def test_a_removal_is_shown_to_who_had_the_device(world: World) -> None:
    """Though the device is not there any more; its other events are not."""
    mine, other, _ = world.lamps
    shares = [Share(world.home.id, device_id=mine.id), Share(world.home.id, device_id=other.id)]
    grant = await world.give(*shares)
    await world.report(mine, 1, brightness=1)
    await world.house.services.devices.remove(mine)
    ask = world.ask(world.viewer(grant))
    assert [event.type for event in await everything(ask)] == [EventType.DEVICE_REMOVED]


async def test_a_spent_budget_is_a_short_page(world: World) -> None:
    """Nothing shown among what may be read: an empty page that leads on to the rest."""
    hidden, mine, _ = world.lamps
    grant = await world.give(Share(world.home.id))
    for order in range(1, 40):
        await world.report(hidden, order, brightness=order)
    only = [Share(world.home.id, device_id=mine.id)]
    grant = await world.house.services.grants.amend(grant, grant.scopes, only)
    await world.report(mine, 1, brightness=1)
    viewer = world.viewer(grant)
    ask = replace(world.ask(viewer), budget=Budget(25))
    first = await page(ask)
    assert (first.nodes, first.has_next_page, first.start_cursor) == ([], True, None)
    shown = await everything(world.ask(viewer))
    assert [event.device and event.device.id for event in shown] == [mine.id]


async def test_one_device_is_found_at_once(world: World) -> None:
    """A grant of one device does not read what happens to others, however much that is."""
    hidden, mine, _ = world.lamps
    for order in range(1, 20):
        await world.report(hidden, order, brightness=order)
    grant = await world.give(Share(world.home.id, device_id=mine.id))
    for order in range(20, 60):
        await world.report(hidden, order, brightness=order % 50)
    await world.report(mine, 1, brightness=1)
    ask = replace(world.ask(world.viewer(grant)), budget=Budget(25))
    first = await page(ask)
    assert [event.device and event.device.id for event in first.nodes] == [mine.id]
    assert not first.has_next_page


async def test_the_end_of_the_log_leads_on(world: World) -> None:
    """An empty page has an end cursor, from which the next event is found."""
    ask = world.ask()
    end = (await page(ask)).end_cursor
    empty = await page(ask, after=end)
    assert (empty.nodes, empty.has_next_page) == ([], False)
    await world.report(world.lamps[0], 1, brightness=1)
    following = await page(ask, after=empty.end_cursor)
    assert [event.type for event in following.nodes] == [STATUS]


async def test_what_changed_is_named_as_in_the_graph(world: World) -> None:
    """`color_temperature` is `colorTemperature`."""
    (event,) = (await page(world.ask(), 1)).nodes
    changed = Event(
        **{
            **{name: getattr(event, name) for name in event.__slots__},
            "previous": State(),
            "changed": ("on", "color_temperature"),
        }
    )
    assert events.changed(changed) == ["on", "colorTemperature"]


@pytest.mark.parametrize("live", [False, True])
async def test_what_is_not_there_is_not_found(world: World, live: bool) -> None:  # noqa: FBT001
    """Unknown and hidden homes and devices, in the log and live."""
    elm, (far,) = await world.more("Elm", lamp("x"))
    ask = world.ask()
    for asked in (
        Asked(home_id=elm.id),
        Asked(home_id="nonsense"),
        Asked(device_ids=[far.id]),
        Asked(device_ids=[world.lamps[0].id, "nonsense"]),
    ):
        with pytest.raises(Missing, match="There is no"):
            await (events.watch(ask, asked, None) if live else page_of(ask, asked))


async def page_of(ask: Ask, asked: Asked) -> Page[Event]:
    """A page of what is asked."""
    return await events.listed(ask, asked, None, None)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (Asked(types=[]), "types is empty"),
        (Asked(device_ids=[]), "deviceIds is empty"),
        (Asked(device_ids=["x"] * 101), "deviceIds has 101 entries; give at most 100"),
    ],
)
async def test_conditions_that_cannot_be(world: World, asked: Asked, words: str) -> None:
    """Refused with what would be right, in the log and live."""
    with pytest.raises(Invalid, match=words):
        await events.watch(world.ask(), asked, None)
    with pytest.raises(Invalid, match=words):
        await page_of(world.ask(), asked)


async def test_a_foreign_cursor_is_refused(world: World) -> None:
    """Of another grant, of another list, or no cursor at all."""
    other = await world.give(Share(world.home.id))
    theirs = (await page(world.ask(world.viewer(other)))).end_cursor
    for cursor in (theirs, "", "nonsense"):
        with pytest.raises(Invalid, match="after is not a cursor of your event log"):
            await page(world.ask(), after=cursor)
    with pytest.raises(Invalid, match="first is 0"):
        await page(world.ask(), 0)


async def test_more_homes_than_a_cursor_holds(world: World) -> None:
    """Then the query must name one."""
    homes = [(await world.more(f"Home {at}"))[0] for at in range(33)]
    grant = await world.give(*(Share(home.id) for home in homes))
    ask = world.ask(world.viewer(grant))
    with pytest.raises(Invalid, match="This would read 33 homes") as refused:
        await page(ask)
    assert refused.value.field == "filter.homeId"
    assert (await page(ask, home_id=homes[0].id)).nodes == []


async def test_a_page_says_what_is_missing_before_it(any_world: World) -> None:
    """From a cursor that the log no longer reaches back to; from any other, or none, nothing is."""
    world, house = any_world, any_world.house
    for order in range(1, 8):
        await world.report(world.lamps[0], order, brightness=order)
    old = await page(world.ask(), 2)
    new = await page(world.ask(), 5)
    assert (await old.gap, await new.gap) == (None, None)
    await prune(house, Bounds(HOUR, 3), world.home)
    floor, log = await left(house, world.home)
    late = await page(world.ask(), 1, old.end_cursor)
    gap = await late.gap
    assert gap is not None
    assert (gap.reason.value, gap.places) == ("RETENTION", {world.home.id: floor.place})
    assert gap.since >= floor.since
    assert late.nodes == log[:1]
    assert late.has_next_page is True
    rest = await page(world.ask(), 5, late.end_cursor)
    assert (rest.nodes, await rest.gap) == (log[1:], None)
    fresh = await page(world.ask(), 5)
    assert (fresh.nodes, await fresh.gap) == (log, None)
    assert await (await page(world.ask(), 5, new.edges[-1].cursor, home_id=world.home.id)).gap


async def test_homes_that_a_page_has_not_come_to_lack_nothing(world: World) -> None:
    """Who reads from the start of what is kept is not told of what was gone before."""
    elm, (far,) = await world.more("Elm", lamp("x"))
    for order in range(1, 5):
        await world.report(far, order, brightness=order)
    grant = await world.give(Share(world.home.id), Share(elm.id))
    grant = replace(grant, shares=tuple(replace(one, since=0) for one in grant.shares))
    await prune(world.house, Bounds(HOUR, 2), elm)
    viewer = replace(world.viewer(), grant=grant)
    found, after = list[Event](), None
    for _ in range(4):
        here = await page(world.ask(viewer), 2, after)
        assert await here.gap is None
        found += here.nodes
        after = here.end_cursor
    assert [event.home.id for event in found].count(elm.id) == 2


async def test_a_page_that_goes_while_it_is_read_has_a_gap(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The beginning of the log is looked for after the events, and so nothing is lost silently."""
    for order in range(1, 6):
        await world.report(world.lamps[0], order, brightness=order)
    start, read = await page(world.ask(), 1), world.house.logs.events

    async def late(*asked: Any, **more: Any) -> list[Event]:
        await prune(world.house, Bounds(HOUR, 2), world.home)
        return await read(*asked, **more)

    monkeypatch.setattr(world.house.logs, "events", late)
    found = await page(world.ask(), 10, start.end_cursor)
    assert (len(found.nodes), await found.gap is not None) == (2, True)
