"""Trials: the exact request, of a sample or of what has happened, shown or sent."""

import asyncio
from collections.abc import AsyncIterator

import orjson
import pytest

from app.server import begin
from app.working import working
from core.domain.deliveries import DeliveryStatus
from core.domain.endpoints import ContentMode
from core.domain.errors import Conflict, Invalid, Missing
from core.domain.events import EventType
from core.domain.grants import Scope, Share
from core.domain.samples import sample
from core.signing import verify
from core.store import hooks
from tests.conftest import Run
from tests.core.services.estate import Estate, another_home, eventually, settle
from tests.core.services.repair import URL, change, of, repairs, wrong_lanes
from tests.webhooks.partner import KEY, partner, registered, told

STATUS = "subscription { deviceStatusChanged { id changed device { id } } }"


@pytest.fixture
async def estate(database_url: str, run_house: Run) -> AsyncIterator[Estate]:
    """A home with a lamp, shared to a partner whose receiver may be on loopback."""
    async with run_house(database_url, webhook_allow="127.0.0.0/8") as house:
        begin(house)
        yield await settle(house)


async def test_a_dry_run_shows_every_type_and_changes_nothing(estate: Estate) -> None:
    """The request verifies, its body is of a test, and each sample shows what its type has."""
    held = await registered(estate, URL)
    ours, client_id = repairs(estate).trials, estate.client.id
    await change(estate.house, held.endpoint.id, status="DISABLED")
    for type in EventType:
        trial = await ours.test(client_id, held.endpoint.id, type, dry_run=True)
        now = estate.house.clock.now()
        verify([KEY], dict(trial.letter.headers), trial.letter.body, now)
        body = orjson.loads(trial.letter.body)
        assert (body["type"], trial.delivery, trial.letter.url) == ("endpoint.test", None, URL)
        shown = body["data"]["events"]
        assert (shown["type"], shown["id"]) == (type.value, f"event_sample_{type.value.lower()}")
        assert hooks.sample_in(hooks.sample_out(sample(type, now))) == sample(type, now)
    assert await of(estate.house, held.endpoint.id) == []


async def test_what_is_tried_is_sent(estate: Estate) -> None:
    """A sample as a test, an event of the past as itself, in no lane; each as often as asked."""
    async with partner(estate) as theirs, working(estate.house):
        (event,) = await told(estate, 1)
        await eventually(lambda: len(theirs.got) == 1)
        ours = repairs(estate).trials
        of_sample = [await ours.test(estate.client.id, theirs.id) for _ in range(2)]
        again = await ours.test(estate.client.id, theirs.id, event_id=event.id)
        await eventually(lambda: len(theirs.got) == 4)
        by_id = {one.id: one for one in theirs.got}
        for one in of_sample:
            assert one.delivery is not None
            got = by_id[one.delivery.message_id]
            told_of = orjson.loads(one.letter.body)
            assert got.body["type"] == told_of["type"] == "endpoint.test"
            assert got.body["data"] == told_of["data"]
        assert again.delivery is not None
        got = by_id[again.delivery.message_id]
        assert (got.body["type"], got.event) == ("device.status_changed", event.id)
        assert got.body["data"] == theirs.got[0].body["data"]
        await eventually(lambda: theirs.statuses_are({"DELIVERED": 4}))
        assert [one.number for one in await theirs.deliveries()] == [1, 2, 3, 4]
        redelivered = await repairs(estate).deliveries.redeliver(
            estate.client.id, (await of(estate.house, theirs.id))[1].id
        )
        assert redelivered.sample is not None
        await eventually(lambda: len(theirs.got) == 5)
        assert await repairs(estate).deliveries.data(estate.client.id, redelivered.id)
    assert await wrong_lanes(estate.house) == []


async def test_what_cannot_be_tried_is_refused(estate: Estate) -> None:
    """By the field, or as if it were not there; nothing is sent to who is not active."""
    held = await registered(estate, URL, document=STATUS, content_mode=ContentMode.CLOUDEVENTS)
    ours, client_id, here = repairs(estate).trials, estate.client.id, held.endpoint.id
    cabin = await another_home(estate)
    hidden = (await estate.house.logs.events(cabin.id, 0, 1))[0]
    (shown,) = await told(estate, 1)
    added = (await estate.events(EventType.DEVICE_ADDED))[0]
    with pytest.raises(Invalid, match="not both"):
        await ours.test(client_id, here, EventType.DEVICE_ADDED, shown.id)
    with pytest.raises(Invalid, match="shows no HOME_UPDATED") as refused:
        await ours.test(client_id, here, EventType.HOME_UPDATED)
    assert refused.value.field == "eventType"
    for event_id in (hidden.id, "event_none", "a\0b"):
        with pytest.raises(Missing, match="There is no event"):
            await ours.test(client_id, here, event_id=event_id, dry_run=True)
    with pytest.raises((Invalid, Missing)):  # it was there before the grant
        await ours.test(client_id, here, event_id=added.id, dry_run=True)
    with pytest.raises(Missing):
        await ours.test("client_other", here)
    for status in ("PAUSED", "DISABLED"):
        await change(estate.house, here, status=status)
        with pytest.raises(Conflict, match=status):
            await ours.test(client_id, here)
    assert await of(estate.house, here) == []
    trial = await ours.test(client_id, here, event_id=shown.id, dry_run=True)
    assert orjson.loads(trial.letter.body)["type"] == "device.status_changed"


async def test_tests_and_plans_are_numbered_together(estate: Estate) -> None:
    """Whoever numbers has the endpoint's lock."""
    held = await registered(estate, URL)
    ours = repairs(estate).trials
    tried = (ours.test(estate.client.id, held.endpoint.id) for _ in range(20))
    await asyncio.gather(*tried)
    made = await of(estate.house, held.endpoint.id)
    assert [one.number for one in made] == list(range(1, 21))
    assert {one.status for one in made} == {DeliveryStatus.PENDING}


async def test_what_no_grant_opens_is_not_tried(estate: Estate) -> None:
    """A grant that covers the event may still not open what the document selects."""
    (event,) = await told(estate, 1)
    held = await registered(estate, URL)
    grants = estate.house.services.grants
    await grants.amend(estate.grant, {Scope.EVENTS_SUBSCRIBE}, [Share(estate.home.id)])
    with pytest.raises(Invalid, match="No grant"):
        await repairs(estate).trials.test(
            estate.client.id, held.endpoint.id, event_id=event.id, dry_run=True
        )
