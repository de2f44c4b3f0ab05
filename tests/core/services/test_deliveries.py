"""Deliveries as their client sees them: found, listed by keys, and sent again by hand."""

from datetime import timedelta
from itertools import chain

import pytest
from sqlalchemy import delete, select

from core.domain.deliveries import DeliveryStatus
from core.domain.errors import Conflict, Missing
from core.domain.events import EventType
from core.domain.repairs import Which
from core.domain.sending import Notice
from core.store import deliveries as store, tables
from tests.core.services.estate import Estate
from tests.core.services.repair import (
    change,
    end,
    of,
    plan,
    repairs,
    waiting,
    wrong_lanes,
)
from tests.webhooks.partner import registered, told

DOCUMENT = "subscription { deviceStatusChanged { id sequence } }"


async def listed(estate: Estate, which: Which, limit: int = 3) -> list[list[int]]:
    """The numbers of every page of a list."""
    rows = store.Deliveries(estate.house.database)
    key: int | str | None = None
    pages = []
    while True:
        found = await rows.page(estate.client.id, which, key, limit)
        shown = [one.number for one in found.deliveries]
        pages.append(shown)
        if len(shown) < limit and found.end is None:
            return pages
        last = found.deliveries[-1] if len(shown) == limit else None
        key = found.end if last is None else last.id if which.endpoint_id is None else last.number


async def test_pages_go_by_keys_newest_first(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one endpoint and of all, whatever is asked for; a part of the list at a time."""
    held, made = await waiting(estate, 8)
    here = held.endpoint.id
    await end(estate.house, made[:4], DeliveryStatus.FAILED)
    await end(estate.house, made[1:2], DeliveryStatus.DEAD)
    assert await listed(estate, Which(here)) == [[8, 7, 6], [5, 4, 3], [2, 1]]
    every = await listed(estate, Which())
    by_id = [one.number for one in sorted(made, key=lambda one: one.id, reverse=True)]
    assert every == [by_id[:3], by_id[3:6], by_id[6:]]
    failed = Which(here, status=DeliveryStatus.FAILED)
    assert await listed(estate, failed) == [[4, 3, 2], [1]]
    pending = await listed(estate, Which(status=DeliveryStatus.PENDING))
    assert sorted(chain(*pending)) == [5, 6, 7, 8]
    assert await listed(estate, Which(here, device_id="device_other")) == [[]]
    assert await listed(estate, Which(event_type=EventType.HOME_UPDATED)) == [[]]
    since = Which(here, since=made[5].since, until=made[7].since)
    assert await listed(estate, since) == [[7, 6]]
    monkeypatch.setattr(store, "SCANNED", 3)
    assert await listed(estate, failed) == [[4, 3, 2], [1]]
    late = await listed(estate, Which(device_id=estate.lamp.id, until=made[2].since))
    assert sorted(chain(*late)) == [1, 2]


async def test_nobody_elses_are_there(estate: Estate) -> None:
    """Nor those of an endpoint that was deleted, nor what no id could be."""
    held, made = await waiting(estate, 1)
    ours, client_id = repairs(estate).deliveries, estate.client.id
    found = await ours.find(client_id, made[0].id)
    assert found == made[0]
    assert await ours.find("client_other", made[0].id) is None
    assert await ours.find(client_id, "a\0b") is None
    assert not (await ours.page(client_id, Which("a\0b"), None, 3)).deliveries
    with pytest.raises(Missing):
        await ours.redeliver("client_other", made[0].id)
    with pytest.raises(Missing):
        await ours.redeliver(client_id, "delivery_\ud800")
    await change(estate.house, held.endpoint.id, status="DELETED")
    assert await ours.find(client_id, made[0].id) is None
    assert await listed(estate, Which()) == [[]]
    with pytest.raises(Missing):
        await ours.redeliver(client_id, made[0].id)


async def test_redelivery_leaves_the_lane(estate: Estate) -> None:
    """At once, as the same message; what waited behind it goes, and what had ended stays ended."""
    held, made = await waiting(estate, 4)
    ours, here = repairs(estate).deliveries, held.endpoint.id
    for number in (1, 0, 0, 3):
        after = await ours.redeliver(estate.client.id, made[number].id)
        assert after.message_id == made[number].message_id
        assert (after.open, after.by_hand, after.number) == (True, True, number + 1)
        assert after.since >= made[number].since
        assert await wrong_lanes(estate.house) == []
    await end(estate.house, made)
    assert [one.status.value for one in await of(estate.house, here)] == ["DELIVERED"] * 4
    await change(estate.house, here, next_at=None)
    again = await ours.redeliver(estate.client.id, made[2].id)
    assert (again.status, again.ended_at, again.reason) == (DeliveryStatus.PENDING, None, None)
    assert await wrong_lanes(estate.house) == []
    endpoints = tables.endpoints
    due = select(endpoints.c.next_at).where(endpoints.c.id == here)
    assert (await estate.house.database.rows(due))[0][0] == again.next_at


async def test_what_is_not_kept_cannot_be_sent_again(estate: Estate) -> None:
    """It is said so, and nothing changes."""
    _, made = await waiting(estate, 2)
    await end(estate.house, made)
    async with estate.house.database.write() as connection:
        await connection.execute(delete(tables.events))
    with pytest.raises(Conflict, match="no longer kept"):
        await repairs(estate).deliveries.redeliver(estate.client.id, made[0].id)
    assert not (await repairs(estate).deliveries.find(estate.client.id, made[0].id)).open  # type: ignore[union-attr]


async def test_data_is_rendered_while_somebody_shows_it(estate: Estate) -> None:
    """As the document shows it now; not once the grant is gone, nor to another client."""
    held = await registered(estate, "http://127.0.0.1:9/", document=DOCUMENT)
    (event,) = await told(estate, 1)
    await plan(estate.house, {held.endpoint.id: 1})
    (made,) = await of(estate.house, held.endpoint.id)
    ours, client_id = repairs(estate).deliveries, estate.client.id
    shown = f'{{"deviceStatusChanged":{{"id":"{event.id}","sequence":{event.sequence}}}}}'
    assert (await ours.data(client_id, made.id)).decode() == shown
    with pytest.raises(Missing):
        await ours.data("client_other", made.id)
    await estate.house.services.grants.revoke(estate.grant)
    with pytest.raises(Missing):
        await ours.data(client_id, made.id)


async def test_notices_are_the_clients_own(estate: Estate) -> None:
    """The newest first, by keys."""
    now = estate.house.clock.now()
    told_of = [
        Notice(f"notice_{at}", estate.client.id, "endpoint_1", f"{at}", now + timedelta(at))
        for at in range(3)
    ]
    async with estate.house.database.write() as connection:
        for one in told_of:
            values = {name: getattr(one, name) for name in Notice.__slots__}
            await connection.execute(tables.notices.insert().values(values))
    ours = repairs(estate).deliveries
    assert await ours.notices(estate.client.id, None, 2) == told_of[:0:-1]
    assert await ours.notices(estate.client.id, told_of[1].id, 2) == told_of[:1]
    assert not await ours.notices("client_other", None, 2)
