"""Mutations against a furnished house, through the engine."""

from typing import Any

import pytest

from core.domain.grants import Scope
from tests.resolvers.world import World
from tests.schema.press import answered, asked, refused

CONTROL = """
mutation($input: ControlDeviceInput!) {
  controlDevice(input: $input) {
    id status issuedAt deadline completedAt error { code message }
    desired { on brightness color { hue saturation } targetTemperature }
    device { id state { on } desired { on } pendingCommand { id } }
    issuedBy { name }
  }
}
"""
SEVERAL = """
mutation($commands: [ControlDeviceInput!]!) {
  controlDevices(input: {commands: $commands}) {
    deviceId command { status } error { code message }
  }
}
"""
CANCEL = "mutation($id: ID!) { cancelCommand(id: $id) { status completedAt } }"


async def test_a_command_shows_what_it_asked_and_changed(any_world: World) -> None:
    """The device below it is read after it was accepted."""
    device = any_world.lamps[0]
    order = {"deviceId": device.id, "state": {"on": False, "brightness": None}, "waitMs": 0}
    made = (await asked(any_world, CONTROL, input=order))["controlDevice"]
    assert made["status"] == "ACCEPTED"
    assert made["desired"] == {
        "on": False,
        "brightness": None,
        "color": None,
        "targetTemperature": None,
    }
    assert made["device"]["desired"] == {"on": False}
    assert made["device"]["pendingCommand"] == {"id": made["id"]}
    assert (made["completedAt"], made["error"]) == (None, None)
    assert made["issuedBy"] == {"name": "Partner"}


async def test_one_after_the_other_sees_the_other(world: World) -> None:
    """Mutations of one document run in order, and none shows what another made stale."""
    device = world.lamps[0]
    text = """
    mutation($id: ID!) {
      one: controlDevice(input: {deviceId: $id, state: {brightness: 1}, waitMs: 0}) {
        device { pendingCommand { desired { brightness } } }
      }
      two: controlDevice(input: {deviceId: $id, state: {brightness: 2}, waitMs: 0}) {
        device { pendingCommand { desired { brightness } } }
      }
    }
    """
    data = await asked(world, text, id=device.id)
    shown = [data[key]["device"]["pendingCommand"]["desired"] for key in ("one", "two")]
    assert shown == [{"brightness": 1}, {"brightness": 2}]


async def test_null_times_are_the_usual_ones(world: World) -> None:
    """An explicit null means "not given", for milliseconds and keys alike."""
    order: dict[str, Any] = {
        "deviceId": world.lamps[0].id,
        "state": {"on": False},
        "timeoutMs": None,
        "idempotencyKey": None,
        "waitMs": 0,
    }
    made = (await asked(world, CONTROL, input=order))["controlDevice"]
    seconds = float(made["deadline"][17:23]) - float(made["issuedAt"][17:23])
    assert seconds % 60 == pytest.approx(10, abs=0.002)


@pytest.mark.parametrize(
    ("order", "code", "field"),
    [
        ({"state": {"brightness": 400}}, "BAD_USER_INPUT", "state.brightness"),
        ({"state": {"color": {"hue": 1, "saturation": 1}}}, "BAD_USER_INPUT", "state.color"),
        ({"state": {}}, "BAD_USER_INPUT", "state"),
        ({"state": {"on": True}, "waitMs": -1}, "BAD_USER_INPUT", "waitMs"),
        ({"state": {"on": True}, "timeoutMs": 1}, "BAD_USER_INPUT", "timeoutMs"),
        ({"state": {"on": True}, "idempotencyKey": ""}, "BAD_USER_INPUT", "idempotencyKey"),
        ({"state": {"on": True}, "idempotencyKey": "\ud800"}, "BAD_USER_INPUT", "idempotencyKey"),
        ({"state": {"on": True}, "idempotencyKey": "\x00"}, "BAD_USER_INPUT", "idempotencyKey"),
        ({"state": {"on": True}, "deviceId": "nonsense"}, "NOT_FOUND", None),
    ],
)
async def test_what_cannot_be_is_refused(
    any_world: World, order: dict[str, Any], code: str, field: str | None
) -> None:
    """With its code and the field that is wrong."""
    error = await refused(any_world, CONTROL, input={"deviceId": any_world.lamps[0].id, **order})
    assert error["extensions"].get("field") == field
    assert error["extensions"]["code"] == code
    assert error["path"] == ["controlDevice"]


async def test_several_have_results_of_their_own(world: World) -> None:
    """A command or an error with the codes of all errors, in the given order."""
    device = world.lamps[0]
    orders = [
        {"deviceId": device.id, "state": {"on": True}, "waitMs": 0},
        {"deviceId": "nonsense", "state": {"on": True}, "waitMs": 0},
        {"deviceId": device.id, "state": {"position": 1}, "waitMs": 0},
    ]
    results = (await asked(world, SEVERAL, commands=orders))["controlDevices"]
    assert [result["deviceId"] for result in results] == [one["deviceId"] for one in orders]
    assert [result["error"] and result["error"]["code"] for result in results] == [
        None,
        "NOT_FOUND",
        "BAD_USER_INPUT",
    ]
    assert results[0]["command"] == {"status": "ACCEPTED"}


async def test_a_bug_in_one_of_several_is_masked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says INTERNAL and nothing of its cause, and the others go on."""
    commands = world.house.services.commands
    accept = type(commands).accept

    async def broken(self: Any, viewer: Any, device: Any, order: Any) -> Any:
        if device.id == world.lamps[1].id:
            raise RuntimeError("a secret")
        return await accept(self, viewer, device, order)

    monkeypatch.setattr(type(commands), "accept", broken)
    orders = [{"deviceId": one.id, "state": {"on": True}, "waitMs": 0} for one in world.lamps]
    results = (await asked(world, SEVERAL, commands=orders))["controlDevices"]
    assert [one["error"] and one["error"]["code"] for one in results] == [None, "INTERNAL", None]
    assert "secret" not in str(results)


async def test_a_command_is_cancelled_once(world: World) -> None:
    """CONFLICT once it has ended, NOT_FOUND where there is none."""
    command = await world.accept(world.lamps[0], on=False)
    done = (await asked(world, CANCEL, id=command.id))["cancelCommand"]
    assert done["status"] == "CANCELLED"
    assert done["completedAt"] is not None
    assert (await refused(world, CANCEL, id=command.id))["extensions"]["code"] == "CONFLICT"
    assert (await refused(world, CANCEL, id="x"))["extensions"]["code"] == "NOT_FOUND"


async def test_controlling_does_not_need_reading(world: World) -> None:
    """A token that may only control gives commands and sees what became of them."""
    viewer = world.viewer(scopes=[Scope.DEVICES_CONTROL])
    text = """
    mutation($id: ID!) {
      controlDevice(input: {deviceId: $id, state: {on: true}, waitMs: 0}) {
        id status error { code } issuedBy { name }
      }
    }
    """
    made = (await asked(world, text, viewer, id=world.lamps[0].id))["controlDevice"]
    query = "query($id: ID!) { command(id: $id) { status } }"
    assert await asked(world, query, viewer, id=made["id"]) == {"command": {"status": "ACCEPTED"}}


async def test_nobody_is_told_so(world: World) -> None:
    """Should a document ever run without a viewer, resolvers refuse."""
    ask = world.ask()
    ask.viewer = None
    answer = await answered(world, ask, CANCEL, id=world.lamps[0].id)
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"
    order = {"deviceId": world.lamps[0].id, "state": {"on": True}}
    answer = await answered(world, ask, CONTROL, input=order)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
