"""Commands over HTTP, and the words of every refusal."""

from typing import Any

import pytest

from tests.app.conftest import Api

CONTROL = """
mutation($input: ControlDeviceInput!) {
  controlDevice(input: $input) {
    id status error { code message } device { state { on brightness } }
  }
}
"""


async def test_confirmed_means_that_the_device_said_so(api: Api) -> None:
    """The answer comes once the lamp reported what was asked."""
    order = {"deviceId": api.light.id, "state": {"on": True, "brightness": 42}}
    command = (await api.ask(CONTROL, input=order))["controlDevice"]
    assert command["status"] == "CONFIRMED"
    assert command["device"]["state"] == {"on": True, "brightness": 42}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"state": {"brightness": 400}}, "state.brightness is 400; it must be between 0 and 100"),
        ({"state": {"position": 5}}, "state.position: this light has no POSITION"),
        ({"state": {}}, "state asks for nothing"),
        ({"state": {"brightness": None}}, "state asks for nothing"),
        ({"state": {"on": True}, "waitMs": 10_001}, "waitMs is 10001"),
        ({"state": {"on": True}, "timeoutMs": 5}, "timeoutMs is 5"),
        ({"state": {"on": True}, "idempotencyKey": ""}, "idempotencyKey"),
        ({"state": {"on": True}, "idempotencyKey": "k" * 256}, "idempotencyKey"),
    ],
)
async def test_an_order_that_can_never_work(api: Api, more: dict[str, Any], words: str) -> None:
    """BAD_USER_INPUT with the field, its range and no command."""
    error = await api.refused(CONTROL, input={"deviceId": api.light.id, **more})
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert words in error["message"]
    data = await api.ask("{ events(first: 100) { nodes { type } } }")
    assert "COMMAND_UPDATED" not in {one["type"] for one in data["events"]["nodes"]}


@pytest.mark.parametrize("device_id", ["nonsense", "device_" + "0" * 32, "home_" + "0" * 32, ""])
async def test_a_device_that_is_not_there(api: Api, device_id: str) -> None:
    """Unknown, malformed and hidden ids read the same."""
    error = await api.refused(CONTROL, input={"deviceId": device_id, "state": {"on": True}})
    assert error["extensions"]["code"] == "NOT_FOUND"


async def test_somebody_elses_device_reads_as_missing(api: Api) -> None:
    """Hidden and absent differ in nothing but the id."""
    services = api.house.services
    bob = await services.accounts.create_user("bob")
    home = await services.homes.create(bob.id, "Elm", "UTC", "simulator://harbor?still=1")
    assert api.house.runner is not None
    (device, *_) = await api.house.runner.adopt(home, "simulator://harbor?still=1")
    hidden = await api.refused(CONTROL, input={"deviceId": device.id, "state": {"on": True}})
    absent = "device_" + "0" * 32
    missing = await api.refused(CONTROL, input={"deviceId": absent, "state": {"on": True}})
    assert hidden["message"].replace(device.id, absent) == missing["message"]
    query = "query($id: ID!) { device(id: $id) { id } node(id: $id) { id } }"
    assert await api.ask(query, id=device.id) == {"device": None, "node": None}


async def test_the_same_key_gives_the_same_command(api: Api) -> None:
    """A repeated request is answered with the first one's command; other input is a conflict."""
    order = {"deviceId": api.light.id, "state": {"brightness": 11}, "idempotencyKey": "k1"}
    first = (await api.ask(CONTROL, input=order))["controlDevice"]
    again = (await api.ask(CONTROL, input={**order, "waitMs": 0}))["controlDevice"]
    assert again["id"] == first["id"]
    error = await api.refused(CONTROL, input={**order, "state": {"brightness": 12}})
    assert error["extensions"]["code"] == "CONFLICT"


async def test_many_commands_are_each_for_themselves(api: Api) -> None:
    """One bad order costs the others nothing."""
    query = """
    mutation($input: ControlDevicesInput!) {
      controlDevices(input: $input) { deviceId command { status } error { code message } }
    }
    """
    commands = [
        {"deviceId": api.light.id, "state": {"on": True}},
        {"deviceId": api.light.id, "state": {"position": 5}},
        {"deviceId": "nonsense", "state": {"on": True}},
        {"deviceId": api.lock.id, "state": {"locked": False}, "waitMs": 5_000},
    ]
    data = await api.ask(query, input={"commands": commands})
    results = data["controlDevices"]
    statuses = [one["command"] and one["command"]["status"] for one in results]
    assert statuses == ["CONFIRMED", None, None, "CONFIRMED"]
    assert [one["error"] and one["error"]["code"] for one in results] == [
        None,
        "BAD_USER_INPUT",
        "NOT_FOUND",
        None,
    ]


async def test_a_command_is_cancelled_once(api: Api) -> None:
    """Before its end it can be given up; after it, that is a conflict."""
    order = {"deviceId": api.lock.id, "state": {"locked": False}, "waitMs": 0}
    command = (await api.ask(CONTROL, input=order))["controlDevice"]
    query = "mutation($id: ID!) { cancelCommand(id: $id) { status completedAt } }"
    cancelled = (await api.ask(query, id=command["id"]))["cancelCommand"]
    assert cancelled["status"] == "CANCELLED"
    error = await api.refused(query, id=command["id"])
    assert error["extensions"]["code"] == "CONFLICT"
    assert "CANCELLED" in error["message"]
