"""Queries against a furnished house, through the engine."""

import re
from datetime import datetime
from itertools import combinations

import pytest

from core.domain.grants import Scope, Share
from core.store.retention import Bounds
from tests.core.store.keep import HOUR, left, prune
from tests.resolvers.world import World, lamp, statements
from tests.schema.press import answered, asked, documents, refused

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")

WIDE = """
{
  devices(first: 50) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage endCursor }
    nodes {
      id name kind capabilities online model updatedAt
      state { on brightness } desired { on }
      room { id name home { name } } home { id name timeZone }
      pendingCommand { id status desired { on } device { name } issuedBy { name } }
    }
  }
}
"""


async def test_who_is_asking(any_world: World) -> None:
    """The viewer, its client, its token and what it was given."""
    query = """
    {
      viewer {
        user { id name } client { id name } scopes expiresAt
        grant { id since homes { name rooms { name } } devices { name } }
      }
    }
    """
    viewer = (await asked(any_world, query))["viewer"]
    assert viewer["user"] == {"id": any_world.user.id, "name": "alice"}
    assert viewer["client"]["name"] == "Partner"
    assert viewer["scopes"] == sorted(Scope)
    assert MOMENT.fullmatch(viewer["expiresAt"])
    rooms = [{"name": "Bathroom"}, {"name": "Loft"}]
    assert viewer["grant"]["homes"] == [{"name": "Maple", "rooms": rooms}]
    assert viewer["grant"]["devices"] == []
    assert MOMENT.fullmatch(viewer["grant"]["since"])


async def test_a_viewer_needs_no_scope(world: World) -> None:
    """Who has a token can see whose it is."""
    none = world.viewer(scopes=[])
    data = await asked(world, "{ viewer { client { name } grant { id } } }", none)
    assert data["viewer"]["grant"]["id"] == world.grant.id


async def test_devices_are_read_in_few_statements(any_world: World) -> None:
    """Fifty devices with room, home and pending command: the commands, once the home is known."""
    found = [lamp(f"l{at}", room=f"Room {at % 7}") for at in range(47)]
    devices = await any_world.house.services.devices.reconcile(any_world.home, found)
    await any_world.accept(devices[0], on=False)
    await asked(any_world, WIDE)
    with statements() as ran:
        page = (await asked(any_world, WIDE))["devices"]
    assert len(ran) <= 1, ran
    assert len(page["nodes"]) == page["totalCount"] == 50
    (waiting,) = [node for node in page["nodes"] if node["pendingCommand"]]
    assert waiting["desired"] == {"on": False}
    assert waiting["pendingCommand"]["issuedBy"] == {"name": "Partner"}


async def test_nothing_is_counted_unasked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `totalCount` and `hasPreviousPage` a page from the store is one statement."""
    monkeypatch.setattr(world.house.homes, "_most", 0)
    with statements() as ran:
        await asked(world, "{ devices { nodes { name } edges { cursor } } }")
    assert len(ran) == 1


async def test_pages_lead_on_by_their_cursors(any_world: World) -> None:
    """Edges, nodes and pageInfo agree, forward and back."""
    query = """
    query($after: String) {
      homes { nodes { name devices(first: 2, after: $after) {
        edges { cursor node { name } } nodes { name }
        pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
      } } }
    }
    """
    (home,) = (await asked(any_world, query, after=None))["homes"]["nodes"]
    page = home["devices"]
    assert [edge["node"] for edge in page["edges"]] == page["nodes"]
    assert page["pageInfo"]["hasNextPage"] is True
    cursor = page["edges"][1]["cursor"]
    (home,) = (await asked(any_world, query, after=cursor))["homes"]["nodes"]
    assert [node["name"] for node in home["devices"]["nodes"]] == ["Cellar"]
    info = home["devices"]["pageInfo"]
    assert (info["hasNextPage"], info["hasPreviousPage"]) == (False, True)
    back = "query($b: String) { devices(last: 5, before: $b) { nodes { name } } }"
    page = (await asked(any_world, back, b=info["startCursor"]))["devices"]
    assert [node["name"] for node in page["nodes"]] == ["Attic", "Bath"]


async def test_nodes_are_found_by_their_ids(world: World) -> None:
    """Each as the type of its record, the missing as null, in order."""
    device = world.lamps[0]
    assert device.room is not None
    command = await world.accept(device, on=False)
    query = """
    query($ids: [ID!]!) {
      nodes(ids: $ids) {
        __typename id
        ... on Home { name } ... on Room { devices { nodes { name } } }
        ... on Device { name } ... on Command { status }
      }
    }
    """
    ids = [world.home.id, "nonsense", device.room.id, device.id, command.id, world.user.id]
    found = (await asked(world, query, ids=ids))["nodes"]
    names = [node and node["__typename"] for node in found]
    assert names == ["Home", None, "Room", "Device", "Command", None]
    assert found[2]["devices"]["nodes"] == [{"name": "Attic"}]
    one = await asked(world, "query($id: ID!) { node(id: $id) { id } }", id=device.id)
    assert one == {"node": {"id": device.id}}


async def test_a_node_is_null_where_its_type_is_not_opened(world: World) -> None:
    """By the scopes of the type, though `node` itself asks for none."""
    device = world.lamps[0]
    command = await world.accept(device, on=False)
    query = "query($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    ids = [world.home.id, device.id, command.id]
    for scopes, shown in (
        ([], [None] * 3),
        ([Scope.EVENTS_SUBSCRIBE], [None] * 3),
        ([Scope.DEVICES_CONTROL], [None, None, {"id": command.id}]),
        ([Scope.DEVICES_READ], [{"id": one} for one in ids]),
    ):
        viewer = world.viewer(scopes=scopes)
        assert (await asked(world, query, viewer, ids=ids))["nodes"] == shown


async def test_what_is_missing_or_hidden_is_null(world: World) -> None:
    """Home, room, device and command, in the same words."""
    home, (device,) = await world.more("Elm", lamp("x", room="Den"))
    grant = await world.give(Share(home.id))
    order = {"deviceId": device.id, "state": {"on": True}, "waitMs": 0}
    mutation = "mutation($i: ControlDeviceInput!) { controlDevice(input: $i) { id } }"
    made = await asked(world, mutation, world.viewer(grant), i=order)
    query = """
    query($home: ID!, $device: ID!, $command: ID!) {
      home(id: $home) { id } device(id: $device) { id } command(id: $command) { id }
    }
    """
    hidden = {"home": home.id, "device": device.id, "command": made["controlDevice"]["id"]}
    nothing = dict.fromkeys(hidden)
    assert await asked(world, query, None, **hidden) == nothing
    assert await asked(world, query, None, **dict.fromkeys(hidden, "nonsense")) == nothing
    shown = await asked(world, query, world.viewer(grant), **hidden)
    assert shown == {name: {"id": one} for name, one in hidden.items()}


async def test_a_page_that_cannot_be_is_refused(world: World) -> None:
    """With its argument and what would be right."""
    error = await refused(world, "{ devices(first: 100000) { nodes { id } } }")
    assert error["message"] == "first is 100000; it must be between 1 and 100."
    assert error["extensions"] == {"code": "BAD_USER_INPUT", "field": "first", "traceId": "trace"}
    error = await refused(world, '{ homes(after: "x") { nodes { id } } }')
    assert error["extensions"]["field"] == "after"


async def test_an_explicit_null_is_not_given(world: World) -> None:
    """For every optional argument."""
    query = """
    {
      devices(first: null, after: null, last: null, before: null) { nodes { name } }
      events(first: null, after: null, filter: null) { nodes { id } }
      some: events(filter: {types: null, deviceIds: null, homeId: null}) { nodes { id } }
    }
    """
    data = await asked(world, query)
    assert len(data["devices"]["nodes"]) == 3
    assert data["events"] == data["some"]


async def test_the_log_shows_things_as_they_were(world: World) -> None:
    """Each event as its type; device, home and commands of then, beside what they are now."""
    device = world.lamps[0]
    command = await world.accept(device, brightness=7)
    await world.report(device, 1, await world.dispatch(command), brightness=7)
    await world.house.services.homes.rename(world.home.id, "Oak")
    query = """
    {
      events(first: 10) {
        pageInfo { hasNextPage endCursor }
        edges { cursor node {
          __typename id type sequence occurredAt home { name rooms { name } }
          causedBy { id status issuedBy { name } }
          ... on DeviceStatusChanged {
            changed state { brightness } previous { brightness }
            device { pendingCommand { status } desired { brightness } home { name } }
          }
          ... on CommandUpdated { command { status device { state { brightness } } } }
        } }
      }
    }
    """
    page = (await asked(world, query))["events"]
    nodes = [edge["node"] for edge in page["edges"]]
    names = [node["__typename"] for node in nodes[-4:]]
    assert names == ["CommandUpdated", "DeviceStatusChanged", "CommandUpdated", "HomeUpdated"]
    accepted, status, ended, renamed = nodes[-4:]
    assert accepted["command"] == {"status": "ACCEPTED", "device": {"state": {"brightness": 50}}}
    assert (status["changed"], status["previous"], status["state"]) == (
        ["brightness"],
        {"brightness": 50},
        {"brightness": 7},
    )
    assert status["device"]["home"]["name"] == "Maple"
    caused = {"id": command.id, "status": "CONFIRMED", "issuedBy": {"name": "Partner"}}
    assert status["causedBy"] == [caused]
    assert ended["command"] == {"status": "CONFIRMED", "device": {"state": {"brightness": 7}}}
    assert renamed["home"]["name"] == "Oak"
    assert accepted["home"]["name"] == "Maple"
    assert MOMENT.fullmatch(status["occurredAt"])


async def test_a_variable_that_is_null_where_none_may_be(world: World) -> None:
    """What only shows while it runs is the client's mistake too."""
    query = 'query($id: ID = "x") { device(id: $id) { id } }'
    error = await refused(world, query, id=None)
    assert error["extensions"]["code"] == "BAD_USER_INPUT"


async def test_text_that_is_no_unicode_can_be_answered(world: World) -> None:
    """A lone surrogate in an id comes back as something that can be encoded."""
    query = "mutation($i: ID!) { cancelCommand(id: $i) { id } }"
    error = await refused(world, query, i="\ud800" * 3)
    assert error["extensions"]["code"] == "NOT_FOUND"
    assert error["message"].encode()
    answer = await answered(world, world.ask(), query, i="x" * 100_000)
    assert len(answer["errors"][0]["message"]) <= 1_000


@pytest.mark.parametrize(
    ("text", "enough"),
    [
        ("{ command(id: 1) { status } }", [{"devices:control"}, {"devices:read"}]),
        ("{ command(id: 1) { device { id } } }", [{"devices:read"}]),
        ("{ devices { totalCount } }", [{"devices:read"}]),
        ("{ viewer { grant { homes { id } } } }", [{"devices:read"}]),
        ("{ node(id: 1) { id __typename } }", [set()]),
        ("{ node(id: 1) { ... on Device { id } } }", [{"devices:read"}]),
        ("{ events { nodes { id } } }", [{"events:subscribe"}]),
        ("subscription { events { id } }", [{"events:subscribe"}]),
        (
            "subscription { deviceStatusChanged { state { on } } }",
            [{"events:subscribe", "devices:read"}],
        ),
        ("mutation { cancelCommand(id: 1) { status } }", [{"devices:control"}]),
    ],
)
def test_scopes_are_needed_by_what_is_selected(text: str, enough: list[set[str]]) -> None:
    """By field and by the type that it returns; any of these sets, and no other."""
    operation = documents().get(text).operation()
    scopes = [scope.value for scope in Scope]
    for size in range(len(scopes) + 1):
        for held in combinations(scopes, size):
            opens = any(each <= set(held) for each in enough)
            assert (not operation.missing(held)) == opens, held


async def test_the_log_says_from_where_on_it_is_kept(any_world: World) -> None:
    """Beside the page, to who goes on from a cursor that it does not reach back to any more."""
    world = any_world
    for order in range(1, 5):
        await world.report(world.lamps[0], order, brightness=order)
    query = """query ($after: String) {
      events(after: $after, first: 1) { gap { reason since } pageInfo { endCursor } nodes { id } }
    }"""
    start = (await asked(world, query))["events"]
    assert start["gap"] is None
    await prune(world.house, Bounds(HOUR, 2), world.home)
    floor, log = await left(world.house, world.home)
    late = (await asked(world, query, after=start["pageInfo"]["endCursor"]))["events"]
    assert late["gap"]["reason"] == "RETENTION"
    assert datetime.fromisoformat(late["gap"]["since"]) >= floor.since
    assert late["nodes"] == [{"id": log[0].id}]
    on = (await asked(world, query, after=late["pageInfo"]["endCursor"]))["events"]
    assert (on["gap"], on["nodes"]) == (None, [{"id": log[1].id}])
