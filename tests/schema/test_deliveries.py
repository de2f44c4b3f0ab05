"""Deliveries through the graph: looked at, tried out, repaired and explained by their client."""

import json
from datetime import timedelta
from typing import Any

import pytest

from app.server import begin
from core.domain.answers import Attempt
from core.domain.audit import Kind, Sought
from core.domain.deliveries import DeliveryStatus
from core.domain.grants import Scope
from core.store import hooks, tables
from engine import Rejected
from tests.core.services.estate import Estate
from tests.core.services.repair import URL, end, of, plan
from tests.resolvers.world import World
from tests.schema.press import answered, asked, document, refused
from tests.webhooks.partner import registered

FIELDS = """
  id webhookId endpoint { id url } eventId eventType status number sequence deviceId homeId
  createdAt nextAttemptAt endedAt reason replayOf claimed
  attempts {
    number startedAt durationMs status response error requestHeaders { name value }
  }
"""
FIND = f"query($id: ID!) {{ webhookDelivery(id: $id) {{ {FIELDS} }} }}"
LIST = f"""
query($first: Int, $after: String, $filter: WebhookDeliveryFilter) {{
  webhookDeliveries(first: $first, after: $after, filter: $filter) {{
    edges {{ cursor node {{ id }} }} nodes {{ {FIELDS} }}
    pageInfo {{ hasNextPage hasPreviousPage endCursor }}
  }}
}}
"""
TEST = """
mutation($input: TestWebhookEndpointInput!) {
  testWebhookEndpoint(input: $input) {
    request { headers { name value } body } delivery { id status endpoint { id } }
  }
}
"""
REDELIVER = "mutation($id: ID!) { redeliverWebhook(deliveryId: $id) { id status nextAttemptAt } }"
REPLAY = """
mutation($input: ReplayWebhooksInput!) {
  replayWebhooks(input: $input) { id endpointId made skipped done createdAt }
}
"""
NODE = """
query($id: ID!) { node(id: $id) { id ... on WebhookReplay { made skipped done } } }
"""
EXPLAIN = """
query($id: ID!) {
  explainEvent(eventId: $id) {
    endpoint { id publicKey } outcome reason delivery { id endpoint { id } } nextAttemptAt
  }
}
"""
EARLIEST, LATEST = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"
"""Moments of which UTC has no year."""
NOTICES = """
query($first: Int, $after: String) {
  notices(first: $first, after: $after) {
    edges { cursor } nodes { id endpointId text at } pageInfo { hasNextPage endCursor }
  }
}
"""


async def planned(world: World, count: int) -> str:
    """An endpoint to which so many deliveries wait."""
    estate = Estate(
        world.house, world.user, world.client, world.home, tuple(world.lamps), world.grant
    )
    begin(world.house)
    held = await registered(estate, URL)
    for number in range(1, count + 1):
        await world.report(world.lamps[0], number, brightness=number)
    await plan(world.house, {held.endpoint.id: count})
    return held.endpoint.id


async def test_a_delivery_tells_all_of_itself(any_world: World) -> None:
    """With what was tried, and the headers that it went with; null for whom it is not."""
    here = await planned(any_world, 1)
    (one,) = await of(any_world.house, here)
    at = one.since + timedelta(seconds=1)
    tried = Attempt(1, at, 0.25, 500, "no", signature="v1,abc")
    async with any_world.house.database.write() as connection:
        values = {"attempts": hooks.attempts_out([tried]), "made": 1, "reason": "It failed."}
        await connection.execute(tables.deliveries.update().values(**values))
    found = (await asked(any_world, FIND, id=one.id))["webhookDelivery"]
    assert found["endpoint"] == {"id": here, "url": URL}
    assert (found["eventType"], found["status"], found["number"]) == (
        "DEVICE_STATUS_CHANGED",
        "PENDING",
        1,
    )
    assert (found["deviceId"], found["homeId"]) == (any_world.lamps[0].id, any_world.home.id)
    assert (found["endedAt"], found["reason"], found["claimed"]) == (None, "It failed.", False)
    (attempt,) = found["attempts"]
    assert attempt["requestHeaders"] == [
        {"name": "webhook-id", "value": found["webhookId"]},
        {"name": "webhook-timestamp", "value": str(int(at.timestamp()))},
        {"name": "webhook-signature", "value": "v1,abc"},
    ]
    assert (attempt["durationMs"], attempt["status"], attempt["response"]) == (250, 500, "no")
    assert "answered 500" in attempt["error"]
    await end(any_world.house, [one])
    assert (await asked(any_world, FIND, id=one.id))["webhookDelivery"]["nextAttemptAt"] is None
    for id in ("delivery_none", "\0", "x" * 1_000):
        assert (await asked(any_world, FIND, id=id))["webhookDelivery"] is None
    viewer = any_world.viewer(await any_world.give())
    assert (await asked(any_world, FIND, viewer, id=one.id))["webhookDelivery"] is None


async def test_deliveries_are_listed_page_by_page(world: World) -> None:
    """The newest first; a cursor belongs to the client and to the endpoint that was asked for."""
    here = await planned(world, 5)
    await end(world.house, (await of(world.house, here))[:2], DeliveryStatus.FAILED)
    filter: dict[str, Any] = {"endpointId": here}
    first = (await asked(world, LIST, first=3, filter=filter))["webhookDeliveries"]
    assert [one["number"] for one in first["nodes"]] == [5, 4, 3]
    assert {one["endpoint"]["id"] for one in first["nodes"]} == {here}
    assert (first["pageInfo"]["hasNextPage"], first["pageInfo"]["hasPreviousPage"]) == (True, False)
    cursor = first["pageInfo"]["endCursor"]
    rest = (await asked(world, LIST, after=cursor, filter=filter))["webhookDeliveries"]
    assert [one["number"] for one in rest["nodes"]] == [2, 1]
    assert (rest["pageInfo"]["hasNextPage"], rest["pageInfo"]["hasPreviousPage"]) == (False, True)
    failed = await asked(world, LIST, filter={**filter, "status": "FAILED"})
    assert [one["number"] for one in failed["webhookDeliveries"]["nodes"]] == [2, 1]
    assert (await refused(world, LIST, after=cursor))["extensions"]["field"] == "after"
    of_all = (await asked(world, LIST, first=2))["webhookDeliveries"]["pageInfo"]["endCursor"]
    for other in (here, "", "\0"):
        no = await refused(world, LIST, after=of_all, filter={"endpointId": other})
        assert no["extensions"]["field"] == "after"
    assert (await refused(world, LIST, first=101))["extensions"]["field"] == "first"
    every = (await asked(world, LIST))["webhookDeliveries"]
    assert len(every["nodes"]) == 5
    empty = await asked(world, LIST, filter={"endpointId": "endpoint_none"})
    assert empty["webhookDeliveries"]["nodes"] == []


async def test_a_client_repairs_by_itself(any_world: World) -> None:
    """Tried out, one again, many again, each as the services do it; and told what is wrong."""
    here = await planned(any_world, 3)
    given = {"endpointId": here, "eventType": "DEVICE_ADDED", "dryRun": True}
    shown = (await asked(any_world, TEST, input=given))["testWebhookEndpoint"]
    names = {one["name"] for one in shown["request"]["headers"]}
    assert names == {"content-type", "webhook-id", "webhook-timestamp", "webhook-signature"}
    assert (shown["delivery"], '"endpoint.test"' in shown["request"]["body"]) == (None, True)
    sent = (await asked(any_world, TEST, input={"endpointId": here}))["testWebhookEndpoint"]
    assert (sent["delivery"]["status"], sent["delivery"]["endpoint"]["id"]) == ("PENDING", here)
    made = await of(any_world.house, here)
    await end(any_world.house, made)
    again = (await asked(any_world, REDELIVER, id=made[0].id))["redeliverWebhook"]
    assert again["status"] == "PENDING"
    replay = await asked(any_world, REPLAY, input={"endpointId": here, "perSecond": 50})
    assert replay["replayWebhooks"] | {"id": "", "createdAt": ""} == {
        "id": "",
        "endpointId": here,
        "made": 0,
        "skipped": 0,
        "done": False,
        "createdAt": "",
    }
    replay_id = replay["replayWebhooks"]["id"]
    assert await any_world.house.services.repairs.replayer.step()
    looked = (await asked(any_world, NODE, id=replay_id))["node"]
    assert looked == {"id": replay_id, "made": 2, "skipped": 0, "done": True}
    stranger = any_world.viewer(await any_world.give())
    reader = any_world.viewer(scopes=[Scope.DEVICES_READ])
    bare = "query($id: ID!) { node(id: $id) { id } }"
    for text, viewer in ((NODE, stranger), (bare, reader)):
        assert await asked(any_world, text, viewer, id=replay_id) == {"node": None}
    for text, variables, code in (
        (TEST, {"input": {"endpointId": "endpoint_none"}}, "NOT_FOUND"),
        (REDELIVER, {"id": "delivery_none"}, "NOT_FOUND"),
        (REPLAY, {"input": {"endpointId": here, "perSecond": 0}}, "BAD_USER_INPUT"),
        (REPLAY, {"input": {"endpointId": here, "after": "no"}}, "BAD_USER_INPUT"),
        (REPLAY, {"input": {"endpointId": here, "deviceIds": ["\0"]}}, "BAD_USER_INPUT"),
        (EXPLAIN, {"id": "event_none"}, "NOT_FOUND"),
    ):
        assert (await refused(any_world, text, **variables))["extensions"]["code"] == code


async def test_repairs_are_noted(world: World) -> None:
    """In the audit, by the client; a dry run, and what is refused, is not."""
    here = await planned(world, 1)
    (one,) = await of(world.house, here)
    for dry in (True, False):
        await asked(world, TEST, input={"endpointId": here, "dryRun": dry})
    await asked(world, REDELIVER, id=one.id)
    await asked(world, REPLAY, input={"endpointId": here})
    await refused(world, REPLAY, input={"endpointId": here, "perSecond": 0})
    audit = world.house.services.audit
    await audit.close()
    for kind in (Kind.ENDPOINT_TEST, Kind.ENDPOINT_REDELIVER, Kind.ENDPOINT_REPLAY):
        (row,) = await audit.listed(Sought(kind=kind), 9)
        assert row.content
        assert row.content["actor"] == world.client.id
        detail = json.loads(row.content["detail"])
        assert (detail["client_id"], detail["endpoint_id"]) == (world.client.id, here)
        assert "withheld" not in detail


async def test_a_moment_that_utc_has_not_is_refused(world: World) -> None:
    """Before anything is asked: there is no such moment for any part of this program."""
    for text, variables in (
        (REPLAY, {"input": {"endpointId": "endpoint_none", "since": EARLIEST}}),
        (REPLAY, {"input": {"endpointId": "endpoint_none", "until": LATEST}}),
        (LIST, {"filter": {"since": EARLIEST}}),
    ):
        with pytest.raises(Rejected, match="out of range") as refusal:
            await answered(world, world.ask(), text, **variables)
        assert refusal.value.code == "BAD_USER_INPUT"


async def test_an_event_is_explained(world: World) -> None:
    """For each endpoint, with the delivery where there is one."""
    here = await planned(world, 1)
    (one,) = await of(world.house, here)
    (said,) = (await asked(world, EXPLAIN, id=one.event_id))["explainEvent"]
    assert said["endpoint"] == {"id": here, "publicKey": None}
    assert (said["outcome"], said["delivery"]) == (
        "WAITING",
        {"id": one.id, "endpoint": {"id": here}},
    )
    assert said["reason"]
    assert said["nextAttemptAt"]


async def test_notices_are_read_page_by_page(world: World) -> None:
    """The client's own, the newest first."""
    now = world.house.clock.now()
    async with world.house.database.write() as connection:
        for number in range(3):
            values = {"id": f"notice_{number}", "client_id": world.client.id, "text": f"{number}"}
            await connection.execute(
                tables.notices.insert().values(**values, endpoint_id="endpoint_1", at=now)
            )
    first = (await asked(world, NOTICES, first=2))["notices"]
    assert [one["text"] for one in first["nodes"]] == ["2", "1"]
    rest = (await asked(world, NOTICES, after=first["pageInfo"]["endCursor"]))["notices"]
    assert [one["text"] for one in rest["nodes"]] == ["0"]
    assert not rest["pageInfo"]["hasNextPage"]
    viewer = world.viewer(await world.give())
    assert (await asked(world, NOTICES, viewer))["notices"]["nodes"] == []


@pytest.mark.parametrize("text", [FIND, LIST, TEST, REDELIVER, REPLAY, EXPLAIN, NOTICES])
async def test_everything_needs_its_scope(world: World, text: str) -> None:
    """No field of it is open to a token without `webhooks:manage`."""
    (need,) = {
        str(one.alternatives) for one in document(world, text).operation().missing(frozenset())
    }
    assert "webhooks:manage" in need
