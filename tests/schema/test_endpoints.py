"""Endpoints through the graph: made, read, changed and refused, each client's own."""

from dataclasses import replace
from typing import Any

import pytest

from app.server import begin
from core.domain.accounts import EXPLORER, Viewer
from core.domain.grants import Grant, Scope
from core.signing import receiver_key
from engine import Rejected
from schema.default import DEFAULT
from tests.resolvers.world import World
from tests.schema.press import answered, asked, refused

FIELDS = """
  id url status document variables eventTypes description ordering rateLimit contentMode signing
  createdAt updatedAt disabledAt disabledBecause publicKey
  health { succeededAt failingSince failedAt error }
"""
CREATE = f"""
mutation($input: CreateWebhookEndpointInput!) {{
  createWebhookEndpoint(input: $input) {{ endpoint {{ {FIELDS} }} secret publicKey }}
}}
"""
UPDATE = f"""
mutation($input: UpdateWebhookEndpointInput!) {{
  updateWebhookEndpoint(input: $input) {{ {FIELDS} }}
}}
"""
FIND = f"query($id: ID!) {{ webhookEndpoint(id: $id) {{ {FIELDS} }} }}"
LIST = """
query($first: Int, $after: String) {
  webhookEndpoints(first: $first, after: $after) {
    edges { cursor } nodes { id url } totalCount
    pageInfo { hasNextPage hasPreviousPage endCursor }
  }
}
"""
ROTATE = """
mutation($id: ID!) {
  rotateWebhookSecret(id: $id) { secret publicKey endpoint { signing publicKey } }
}
"""
NODE = "query($id: ID!) { node(id: $id) { id } }"
DELETE = "mutation($id: ID!) { deleteWebhookEndpoint(id: $id) }"
PAUSE = "mutation($id: ID!) { pauseWebhookEndpoint(id: $id) { id status updatedAt } }"
RESUME = "mutation($id: ID!) { resumeWebhookEndpoint(id: $id) { id status updatedAt } }"
URL = "https://partner.example/hooks"
STATUS = """
subscription($homeId: ID, $ids: [ID!]) {
  deviceStatusChanged(homeId: $homeId, deviceIds: $ids) { id }
}
"""


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"url": "partner.example"}, "url", "begins with https://"),
    ({"url": "http://partner.example/"}, "url", "begins with https://"),
    ({"url": "https://10.0.0.1/"}, "url", "10.0.0.1"),
    ({"url": "https://localhost/"}, "url", "127.0.0.1"),
    ({"url": f"{URL}?{'a' * 2_048}"}, "url", "at most 2048"),
    ({"document": "{ homes { totalCount } }"}, "document", "is a query"),
    ({"document": "subscription {"}, "document", "Line 1, column 15"),
    ({"document": "subscription { events { nothing } }"}, "document", "'nothing'"),
    ({"document": STATUS, "variables": {"ids": [[]]}}, "variables", "$ids"),
    ({"variables": [1]}, "variables", "JSON object"),
    ({"variables": {"a": "b" * 10_000}}, "variables", "at most 10000"),
    ({"variables": {"a": 2**70}}, "variables", "64 bits"),
    ({"variables": {"a": float("inf")}}, "variables", "64 bits"),
    ({"eventTypes": []}, "eventTypes", "empty"),
    ({"description": "a" * 501}, "description", "at most 500"),
    ({"description": "a\u202eb"}, "description", "invisible"),
    ({"rateLimit": 0}, "rateLimit", "1 to 1000"),
    ({"rateLimit": 1_001}, "rateLimit", "1 to 1000"),
]
"""What is given, the field that is to blame, and what the sentence says."""


def own(world: World) -> Viewer:
    """Who asks with a token of the client itself."""
    known = world.viewer()
    scopes = frozenset({Scope.WEBHOOKS_MANAGE})
    grant = Grant.own(world.client.id, scopes, world.house.clock.now())
    return replace(known, user=None, grant=grant, scopes=scopes)


async def other(world: World) -> Viewer:
    """Who asks for another client, with a grant of the same user."""
    return world.viewer(await world.give(*world.grant.shares))


async def made(world: World, viewer: Viewer | None = None, **given: Any) -> dict[str, Any]:
    """What `createWebhookEndpoint` answers."""
    begin(world.house)
    answer = await asked(world, CREATE, viewer, input={"url": URL, **given})
    return dict(answer["createWebhookEndpoint"])


async def made_id(world: World, **given: Any) -> str:
    """The id of a new endpoint."""
    return str((await made(world, **given))["endpoint"]["id"])


async def test_an_endpoint_that_is_only_a_url(any_world: World) -> None:
    """It has the usual of everything, and a secret; the token is one of the client itself."""
    viewer = own(any_world)
    answer = await made(any_world, viewer)
    endpoint = answer["endpoint"]
    assert answer["publicKey"] is None
    assert receiver_key(answer["secret"]).text == answer["secret"]
    assert {**endpoint, "id": "", "createdAt": "", "updatedAt": ""} == {
        "id": "",
        "url": URL,
        "status": "ACTIVE",
        "document": DEFAULT,
        "variables": {},
        "eventTypes": None,
        "description": "",
        "ordering": "ORDERED",
        "rateLimit": 100,
        "contentMode": "STANDARD",
        "signing": "HMAC",
        "createdAt": "",
        "updatedAt": "",
        "disabledAt": None,
        "disabledBecause": None,
        "publicKey": None,
        "health": dict.fromkeys(("succeededAt", "failingSince", "failedAt", "error")),
    }
    found = await asked(any_world, FIND, viewer, id=endpoint["id"])
    assert found == {"webhookEndpoint": endpoint}
    node = "query($id: ID!) { node(id: $id) { id ... on WebhookEndpoint { url } } }"
    shown = await asked(any_world, node, viewer, id=endpoint["id"])
    assert shown == {"node": {"id": endpoint["id"], "url": URL}}
    reader = any_world.viewer(scopes=[Scope.DEVICES_READ])
    assert await asked(any_world, NODE, reader, id=endpoint["id"]) == {"node": None}


async def test_an_endpoint_that_says_it_all(any_world: World) -> None:
    """Each part is as it was given, and a key pair shows its public key for good."""
    given: dict[str, Any] = {
        "document": STATUS,
        "variables": {"homeId": any_world.home.id, "ids": [any_world.lamps[0].id]},
        "eventTypes": ["HOME_UPDATED", "DEVICE_STATUS_CHANGED"],
        "description": " Zürich, the second\nof two ",
        "ordering": "UNORDERED",
        "rateLimit": 1_000,
        "contentMode": "CLOUDEVENTS",
        "signing": "ED25519",
    }
    answer = await made(any_world, **given)
    endpoint = answer["endpoint"]
    told = {
        **given,
        "eventTypes": given["eventTypes"][::-1],
        "description": "Zürich, the second\nof two",
    }
    assert {name: endpoint[name] for name in told} == told
    assert answer["secret"] is None
    assert answer["publicKey"] == endpoint["publicKey"]
    assert receiver_key(endpoint["publicKey"]).version == "v1a"


async def test_what_cannot_be_is_refused(world: World) -> None:
    """By its field, in an endpoint that is made as in one that is there; nothing is kept."""
    there = (await made(world))["endpoint"]
    for given, field, words in BAD:
        for text, more in ((CREATE, {"url": URL}), (UPDATE, {"id": there["id"]})):
            error = await refused(world, text, input={**more, **given})
            assert error["extensions"]["code"] == "BAD_USER_INPUT", given
            assert error["extensions"]["field"] == field
            assert words in error["message"]
    assert (await asked(world, LIST))["webhookEndpoints"]["totalCount"] == 1
    assert (await asked(world, FIND, id=there["id"]))["webhookEndpoint"] == there


async def test_unknown_types_of_events_are_refused(world: World) -> None:
    """By the graph itself, which names the place."""
    with pytest.raises(Rejected, match=r"eventTypes\[0\]: Value 'DOOR'"):
        await answered(world, world.ask(), CREATE, input={"url": URL, "eventTypes": ["DOOR"]})


async def test_what_a_client_may_not_open(world: World) -> None:
    """A document needs no more than its client may ask for, whatever this token opens."""
    begin(world.house)
    client = replace(
        world.client, scopes=frozenset({Scope.EVENTS_SUBSCRIBE, Scope.WEBHOOKS_MANAGE})
    )
    ask = world.ask(replace(own(world), client=client))
    (error,) = (await answered(world, ask, CREATE, input={"url": URL}))["errors"]
    assert error["extensions"]["field"] == "document"
    assert "needs devices:read, which this client may not ask for" in error["message"]
    given = {"url": URL, "document": "subscription { events { id type } }"}
    assert "errors" not in await answered(world, ask, CREATE, input=given)


async def test_a_restricted_client_mirrors_what_is_registered(world: World) -> None:
    """Else an endpoint would be the way around that."""
    begin(world.house)
    await world.house.services.accounts.restrict_client(world.client.id, registered_only=True)
    assert "registered" in (await refused(world, CREATE, input={"url": URL}))["message"]
    await world.house.services.documents.register(world.client.id, DEFAULT, str)
    assert (await made(world))["endpoint"]["document"] == DEFAULT


async def test_the_explorer_has_none(world: World) -> None:
    """Many people share that client, so each would see the others' endpoints."""
    begin(world.house)
    client = replace(world.client, id=EXPLORER)
    ask = world.ask(replace(world.viewer(), client=client))
    (error,) = (await answered(world, ask, CREATE, input={"url": URL}))["errors"]
    assert error["extensions"]["code"] == "INSUFFICIENT_SCOPE"
    assert "token of your own client" in error["message"]


async def test_the_list_is_paged(any_world: World) -> None:
    """Empty, and long: each endpoint once, the oldest first, with any token of the client."""
    begin(any_world.house)
    empty = (await asked(any_world, LIST))["webhookEndpoints"]
    assert empty == {
        "edges": [],
        "nodes": [],
        "totalCount": 0,
        "pageInfo": {"hasNextPage": False, "hasPreviousPage": False, "endCursor": None},
    }
    ids = [await made_id(any_world, url=f"{URL}/{n}") for n in range(5)]
    await made(any_world, await other(any_world))
    found: list[str] = []
    after = None
    for viewer in (any_world.viewer(), own(any_world), any_world.viewer()):
        page = (await asked(any_world, LIST, viewer, first=2, after=after))["webhookEndpoints"]
        assert page["pageInfo"]["hasPreviousPage"] is bool(found)
        found += [one["id"] for one in page["nodes"]]
        assert page["pageInfo"]["hasNextPage"] is (len(found) < len(ids))
        assert page["totalCount"] == len(ids)
        after = page["pageInfo"]["endCursor"]
    assert found == ids
    for given, field in (({"first": 0}, "first"), ({"after": "nonsense"}, "after")):
        error = await refused(any_world, LIST, **given)
        assert error["extensions"]["field"] == field


async def test_another_clients_endpoint_is_not_there(any_world: World) -> None:
    """Neither to read nor to change, by whatever road; and nothing becomes of it."""
    mine, theirs = await made_id(any_world), await other(any_world)
    assert await asked(any_world, FIND, theirs, id=mine) == {"webhookEndpoint": None}
    ask = any_world.ask(theirs)
    for text in (PAUSE, RESUME, ROTATE, DELETE):
        (error,) = (await answered(any_world, ask, text, id=mine))["errors"]
        assert error["extensions"]["code"] == "NOT_FOUND"
    for id in (mine, "endpoint_none", "endpoint_\0"):
        assert await asked(any_world, NODE, theirs, id=id) == {"node": None}
        given = {"id": id, "url": f"{URL}/theirs"}
        (error,) = (await answered(any_world, ask, UPDATE, input=given))["errors"]
        assert (error["extensions"]["code"], id in error["message"]) == ("NOT_FOUND", True)
    found = (await asked(any_world, FIND, id=mine))["webhookEndpoint"]
    assert (found["url"], found["status"]) == (URL, "ACTIVE")


async def test_an_update_changes_what_it_names(any_world: World) -> None:
    """What is left out or null stays. The same again is no change."""
    given: dict[str, Any] = {
        "variables": {"homeId": any_world.home.id},
        "document": STATUS,
        "rateLimit": 7,
    }
    there = (await made(any_world, eventTypes=["DEVICE_ADDED"], **given))["endpoint"]

    async def update(**more: Any) -> dict[str, Any]:
        answer = await asked(any_world, UPDATE, input={"id": there["id"], **more})
        return dict(answer["updateWebhookEndpoint"])

    kept = {"url": None, "document": None, "rateLimit": None, "variables": None, "signing": None}
    assert await update(**kept) == there
    changed = await update(url=f"{URL}/2", description="New")
    assert changed["updatedAt"] > there["updatedAt"]
    assert changed == {
        **there,
        "url": f"{URL}/2",
        "description": "New",
        "updatedAt": changed["updatedAt"],
    }
    assert await update(url=f"{URL}/2") == changed
    assert (await update(eventTypes=None, variables={}))["eventTypes"] == ["DEVICE_ADDED"]
    assert (await asked(any_world, FIND, id=there["id"]))["webhookEndpoint"]["variables"] == {}


async def test_paused_and_resumed(any_world: World) -> None:
    """Once or twice is the same; the second time is no change."""
    id = await made_id(any_world)
    for text, name, status in (
        (PAUSE, "pauseWebhookEndpoint", "PAUSED"),
        (RESUME, "resumeWebhookEndpoint", "ACTIVE"),
    ):
        done = (await asked(any_world, text, id=id))[name]
        assert (done["id"], done["status"]) == (id, status)
        assert (await asked(any_world, text, id=id))[name] == done


async def test_a_secret_is_rotated(any_world: World) -> None:
    """A fresh one is shown each time; so many within a day are too many."""
    first = await made(any_world)
    id, secrets = first["endpoint"]["id"], {first["secret"]}
    for _ in range(3):
        secrets.add((await asked(any_world, ROTATE, id=id))["rotateWebhookSecret"]["secret"])
    assert len(secrets) == 4
    error = await refused(any_world, ROTATE, id=id)
    assert error["extensions"]["code"] == "CONFLICT"
    assert "rotate again after 20" in error["message"]


async def test_another_kind_of_signature_begins_with_a_rotation(any_world: World) -> None:
    """Until then nothing changes for the receiver, and the new key is never unseen."""
    id = await made_id(any_world)
    answer = await asked(any_world, UPDATE, input={"id": id, "signing": "ED25519"})
    assert answer["updateWebhookEndpoint"]["signing"] == "ED25519"
    assert answer["updateWebhookEndpoint"]["publicKey"] is None
    rotated = (await asked(any_world, ROTATE, id=id))["rotateWebhookSecret"]
    assert rotated["secret"] is None
    assert rotated["publicKey"].startswith("whpk_")
    assert rotated["endpoint"] == {"signing": "ED25519", "publicKey": rotated["publicKey"]}


async def test_a_deleted_endpoint_is_gone(any_world: World) -> None:
    """From every list, at once, and only once."""
    id = await made_id(any_world)
    assert await asked(any_world, DELETE, id=id) == {"deleteWebhookEndpoint": id}
    assert (await refused(any_world, DELETE, id=id))["extensions"]["code"] == "NOT_FOUND"
    assert await asked(any_world, FIND, id=id) == {"webhookEndpoint": None}
    assert (await asked(any_world, LIST))["webhookEndpoints"]["totalCount"] == 0
