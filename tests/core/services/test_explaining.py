"""Explanations: each reason as it is met, in words, and nothing of what nobody shows."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete

from app.compose import House
from app.server import begin
from core.domain.breaker import Breaker, BreakerState
from core.domain.deliveries import DeliveryStatus
from core.domain.errors import Missing
from core.domain.events import EventType
from core.domain.explaining import EventExplanation
from core.domain.grants import Scope, Share
from core.store import hooks, tables
from tests.core.services.estate import Estate, another_home
from tests.core.services.repair import URL, change, end, of, plan, repairs
from tests.webhooks.partner import registered, told

NARROW = 'subscription { events(filter: { homeId: "home_other" }) { id } }'
ADDED = frozenset({EventType.DEVICE_ADDED})


@pytest.fixture(autouse=True)
def _shown(house: House) -> None:
    """Documents can be read."""
    begin(house)


async def told_of(estate: Estate, event_id: str) -> dict[str, EventExplanation]:
    """What is said of each endpoint, by its id."""
    found = await repairs(estate).explaining.explain(estate.client.id, event_id)
    return {one.held.endpoint.id: one for one in found}


async def test_why_there_is_no_delivery(estate: Estate) -> None:
    """In the order in which events are planned."""
    early = await registered(estate, URL)
    types = await registered(estate, URL, event_types=ADDED)
    asked = await registered(estate, URL, document=NARROW)
    first, second = await told(estate, 2)
    late = await registered(estate, URL)
    said = await told_of(estate, first.id)
    assert {key: one.outcome.value for key, one in said.items()} == {
        early.endpoint.id: "NOT_PLANNED_YET",
        types.endpoint.id: "TYPE_NOT_WANTED",
        asked.endpoint.id: "NOT_ASKED_FOR",
        late.endpoint.id: "CREATED_LATER",
    }
    assert "DEVICE_STATUS_CHANGED" in said[types.endpoint.id].reason
    assert all(one.delivery is None and one.next_attempt_at is None for one in said.values())
    await plan(estate.house, {early.endpoint.id: 2})
    await change(estate.house, types.endpoint.id, definition=hooks.held_values(early)["definition"])
    assert (await told_of(estate, second.id))[types.endpoint.id].outcome.value == "PASSED_OVER"


async def test_why_it_still_waits(estate: Estate) -> None:
    """Behind another, for its time, or for the endpoint; then what became of it."""
    held = await registered(estate, URL)
    first, second = await told(estate, 2)
    here = held.endpoint.id
    await plan(estate.house, {here: 2})
    made = await of(estate.house, here)

    async def said(event_id: str) -> EventExplanation:
        return (await told_of(estate, event_id))[here]

    waits = await said(first.id)
    assert (waits.outcome.value, waits.delivery) == ("WAITING", made[0])
    assert waits.next_attempt_at is not None
    behind = await said(second.id)
    assert behind.outcome.value == "BEHIND_ANOTHER"
    assert made[0].id in behind.reason
    until = estate.house.clock.now() + timedelta(minutes=5)
    down = hooks.breaker_out(Breaker(BreakerState.OPEN, until=until))
    await change(estate.house, here, breaker=down)
    cools = await said(first.id)
    assert (cools.outcome.value, cools.next_attempt_at) == ("RECEIVER_DOWN", until)
    because = {"status": "DISABLED", "disabled_because": "It answered 410."}
    for values, outcome in (({"status": "PAUSED"}, "PAUSED"), (because, "DISABLED")):
        await change(estate.house, here, **values)
        assert (await said(second.id)).outcome.value == outcome
    assert "It answered 410." in (await said(second.id)).reason
    for status in (DeliveryStatus.DEAD, DeliveryStatus.FAILED, DeliveryStatus.CANCELLED):
        await end(estate.house, made[:1], status)
        ended = await said(first.id)
        assert ended.outcome.value == status.value
        assert "A test said so." in ended.reason
        await repairs(estate).deliveries.redeliver(estate.client.id, made[0].id)
    await end(estate.house, made)
    assert (await said(second.id)).outcome.value == "DELIVERED"


async def test_what_nobody_shows_is_as_if_it_were_not(estate: Estate) -> None:
    """Of a home that was not shared, of another client, or taken back before it was planned."""
    cabin = await another_home(estate)
    hidden = (await estate.house.logs.events(cabin.id, 0, 1))[0]
    held = await registered(estate, URL)
    (event,) = await told(estate, 1)
    for client_id, event_id in (
        (estate.client.id, hidden.id),
        (estate.client.id, "event_none"),
        (estate.client.id, "a\0b"),
        ("client_other", event.id),
    ):
        with pytest.raises(Missing) as missing:
            await repairs(estate).explaining.explain(client_id, event_id)
        assert str(missing.value) == f"There is no event {event_id}."
    await estate.house.services.grants.revoke(estate.grant)
    with pytest.raises(Missing):
        await told_of(estate, event.id)
    assert await of(estate.house, held.endpoint.id) == []


async def test_grants_that_do_not_cover_or_open_it(estate: Estate) -> None:
    """What one endpoint was to have is explained for the others, though nobody shows it now."""
    had = await registered(estate, URL)
    other = (await registered(estate, URL, event_types=ADDED)).endpoint.id
    (event,) = await told(estate, 1)
    await plan(estate.house, {had.endpoint.id: 1})
    await change(estate.house, other, definition=hooks.held_values(had)["definition"])
    grants, access = estate.house.services.grants, estate.house.access
    await grants.revoke(estate.grant)
    said = await told_of(estate, event.id)
    assert said[other].outcome.value == "NOT_COVERED_NOW"
    assert said[had.endpoint.id].outcome.value == "WAITING"
    scopes = frozenset({Scope.DEVICES_READ})
    again = await grants.give(estate.user.id, estate.client.id, scopes, [Share(estate.home.id)])
    assert (await told_of(estate, event.id))[other].outcome.value == "NOT_COVERED_THEN"
    since = replace(access.grants[again.id], shares=(Share(estate.home.id),))
    access._give(since)  # noqa: SLF001 - as if it had been given before
    lacks = (await told_of(estate, event.id))[other]
    assert lacks.outcome.value == "SCOPES_MISSING"
    assert "events:subscribe" in lacks.reason
    async with estate.house.database.write() as connection:
        await connection.execute(delete(tables.events))
    assert (await told_of(estate, event.id))[other].outcome.value == "PASSED_OVER"
