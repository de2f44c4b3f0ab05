"""Filters and orders of devices as partners write them."""

import pytest

from core.domain.devices import Capability, DeviceKind, State
from core.domain.ports import Found
from tests.resolvers.world import World, lamp
from tests.schema.press import asked, documents, refused

LIST = """
query($filter: DeviceFilter, $orderBy: DeviceOrder, $first: Int, $after: String) {
  devices(filter: $filter, orderBy: $orderBy, first: $first, after: $after) {
    totalCount nodes { name } pageInfo { endCursor }
  }
}
"""


@pytest.fixture
async def furnished_world(any_world: World) -> World:
    """Beside the lamps: a lock that cannot be reached, and a lamp with colours."""
    able = (Capability.ON_OFF, Capability.COLOR)
    found = [
        Found("d", "Door", DeviceKind.LOCK, (Capability.LOCK,), State(), room="Loft", online=False),
        Found("e", "Éclair", DeviceKind.LIGHT, able, State(), room="Bathroom"),
    ]
    await any_world.house.services.devices.reconcile(any_world.home, found)
    return any_world


@pytest.mark.parametrize(
    ("filter", "shown"),
    [
        ({}, ["Attic", "Bath", "Cellar", "Door", "Éclair"]),
        ({"kind": ["LOCK"]}, ["Door"]),
        ({"kind": ["LOCK", "LIGHT"], "online": True}, ["Attic", "Bath", "Cellar", "Éclair"]),
        ({"capability": ["ON_OFF"]}, ["Attic", "Bath", "Cellar", "Éclair"]),
        ({"capability": ["ON_OFF", "COLOR"]}, ["Éclair"]),
        ({"capability": ["ON_OFF", "LOCK"]}, []),
        ({"online": False}, ["Door"]),
        ({"name": "ÉCL"}, ["Éclair"]),
        ({"name": "AT"}, ["Attic", "Bath"]),
        ({"name": "at", "capability": ["COLOR"]}, []),
        ({"name": "%"}, []),
        ({"name": ""}, ["Attic", "Bath", "Cellar", "Door", "Éclair"]),
        ({"homeId": "home_1"}, []),
        ({"roomId": "nonsense"}, []),
    ],
)
async def test_a_filter_chooses(
    furnished_world: World, filter: dict[str, object], shown: list[str]
) -> None:
    """All given conditions hold together, for the page and for the count."""
    page = (await asked(furnished_world, LIST, filter=filter))["devices"]
    assert [node["name"] for node in page["nodes"]] == shown
    assert page["totalCount"] == len(shown)


async def test_an_explicit_null_is_no_condition(furnished_world: World) -> None:
    """Of the filter, of each of its fields, and of the order."""
    nothing = dict.fromkeys(("homeId", "roomId", "kind", "capability", "online", "name"))
    for variables in (
        {},
        {"filter": nothing, "orderBy": None},
        {"filter": None, "orderBy": "NAME"},
    ):
        page = (await asked(furnished_world, LIST, **variables))["devices"]
        assert [node["name"] for node in page["nodes"]][::4] == ["Attic", "Éclair"]
        assert page["totalCount"] == 5


async def test_a_list_of_a_home_or_room_takes_both(furnished_world: World) -> None:
    """And a filter for another place leaves nothing of it."""
    query = """
    query($id: ID!, $elm: ID!, $loft: ID!) {
      home(id: $id) {
        rooms: devices(orderBy: ROOM) { nodes { name } }
        lamps: devices(filter: {kind: LIGHT, name: "a"}) { totalCount nodes { name } }
        elm: devices(filter: {homeId: $elm}) { totalCount nodes { name } }
        loft: devices(filter: {homeId: $id, roomId: $loft}) { totalCount nodes { name } }
      }
      node(id: $loft) { ... on Room {
        here: devices(filter: {roomId: $loft, online: true}) { nodes { name } }
        elsewhere: devices(filter: {homeId: $elm}) { nodes { name } }
      } }
    }
    """
    elm, _ = await furnished_world.more("Elm", lamp("x"))
    room = furnished_world.lamps[0].room
    assert room is not None
    home_id = furnished_world.home.id
    data = await asked(furnished_world, query, id=home_id, elm=elm.id, loft=room.id)
    names = {
        name: [node["name"] for node in page["nodes"]]
        for name, page in {**data["home"], **data["node"]}.items()
    }
    assert names == {
        "rooms": ["Bath", "Éclair", "Attic", "Door", "Cellar"],
        "lamps": ["Attic", "Bath", "Cellar", "Éclair"],
        "elm": [],
        "loft": ["Attic", "Door"],
        "here": ["Attic"],
        "elsewhere": [],
    }
    assert [data["home"][name]["totalCount"] for name in ("lamps", "elm", "loft")] == [4, 0, 2]


@pytest.mark.parametrize(
    ("variables", "field", "sentence"),
    [
        ({"filter": {"kind": []}}, "filter.kind", "filter.kind is empty: "),
        ({"filter": {"capability": []}}, "filter.capability", "filter.capability is empty: "),
        ({"filter": {"name": "x" * 256}}, "filter.name", "filter.name has 256 characters; "),
    ],
)
async def test_a_filter_that_cannot_be_meant_is_refused(
    world: World, variables: dict[str, object], field: str, sentence: str
) -> None:
    """With the input that is wrong and what would be right."""
    error = await refused(world, LIST, **variables)
    assert (error["extensions"]["code"], error["extensions"]["field"]) == ("BAD_USER_INPUT", field)
    assert error["message"].startswith(sentence)


async def test_a_cursor_of_another_order_is_refused(furnished_world: World) -> None:
    """And one of the same order goes on under another filter."""
    page = (await asked(furnished_world, LIST, first=1, orderBy="ROOM"))["devices"]
    cursor = page["pageInfo"]["endCursor"]
    for order in (None, "NAME", "UPDATED_DESC"):
        error = await refused(furnished_world, LIST, after=cursor, orderBy=order)
        assert error["extensions"]["code"] == "BAD_USER_INPUT"
        assert error["extensions"]["field"] == "after"
        assert error["message"].endswith("received with this grant, in the same order.")
    lit = {"kind": ["LIGHT"]}
    page = (await asked(furnished_world, LIST, after=cursor, orderBy="ROOM", filter=lit))["devices"]
    assert [node["name"] for node in page["nodes"]] == ["Éclair", "Attic", "Cellar"]


@pytest.mark.parametrize("slicing", ["first", "last"])
def test_a_filtered_page_is_as_large_as_it_says(slicing: str) -> None:
    """The measure of an answer sees `first` and `last` beside the other arguments."""
    inner = f"devices({slicing}: 7, orderBy: ROOM, filter: {{online: true}}) {{ nodes {{ id }} }}"
    text = f"{{ homes(first: 3) {{ nodes {{ {inner} }} }} }}"
    assert documents().get(text).operation().nodes({}) == 3 + 3 * 7
