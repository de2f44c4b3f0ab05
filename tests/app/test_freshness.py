"""`Latchkey-After` and the cursors of mutations, over HTTP."""

from typing import Any

import pytest

from core.domain.grants import Scope, Share
from core.snapshots import freshness
from tests.app.conftest import Api

CONTROL = """mutation($id: ID!) {
  controlDevice(input: { deviceId: $id, state: { brightness: 37 }, waitMs: 3000 }) { status }
}"""
STATE = "query($id: ID!) { device(id: $id) { state { brightness } } }"


async def dimmed(api: Api) -> str:
    """Dim the light, and the cursor of that."""
    _, answer = await api.post({"query": CONTROL, "variables": {"id": api.light.id}})
    assert answer["data"] == {"controlDevice": {"status": "CONFIRMED"}}
    cursor: str = answer["extensions"]["cursor"]
    return cursor


async def read_after(api: Api, cursor: str, token: str | None = "") -> tuple[Any, Any]:
    """Read the light, at least as new as the cursor."""
    body = {"query": STATE, "variables": {"id": api.light.id}}
    return await api.post(body, headers={"Latchkey-After": cursor}, token=token)


async def test_a_mutation_tells_how_far_it_led(api: Api) -> None:
    """Its cursor is good for a read, and tells a place that holds what it did."""
    cursor = await dimmed(api)
    places = api.house.cursors.open_places(api.grant.id, cursor)
    assert places == await api.house.logs.heads([api.home_id])
    response, answer = await read_after(api, cursor)
    assert response.status == 200
    assert answer["data"] == {"device": {"state": {"brightness": 37}}}


async def test_every_mutation_has_one_if_it_did_anything(api: Api) -> None:
    """Several devices, a simulation; none where nothing was done, none for queries."""
    several = """mutation($id: ID!) { controlDevices(input: { commands: [
      { deviceId: $id, state: { brightness: 5 } }, { deviceId: "device_none", state: { on: true } }
    ] }) { deviceId } }"""
    simulate = """mutation($id: ID!) {
      simulateDevice(input: { deviceId: $id, report: { brightness: 9 } }) { state { brightness } }
    }"""
    missing = CONTROL.replace("$id,", '"device_none",').replace("($id: ID!)", "")
    for query, told in ((several, True), (simulate, True), (missing, False), (STATE, False)):
        _, answer = await api.post({"query": query, "variables": {"id": api.light.id}})
        assert ("cursor" in answer.get("extensions", {})) == told, answer


async def test_a_cancelled_command_has_one(api: Api) -> None:
    """Also where nobody followed the home until then."""
    slow = "mutation($id: ID!) { simulateDevice(input: { deviceId: $id, fault: SLOW }) { id } }"
    await api.ask(slow, id=api.light.id)
    give = f"""mutation {{ controlDevice(input: {{
      deviceId: "{api.light.id}", state: {{ on: false }}, waitMs: 0 }}) {{ id }} }}"""
    command = (await api.ask(give))["controlDevice"]["id"]
    cancel = f'mutation {{ cancelCommand(id: "{command}") {{ status }} }}'
    _, answer = await api.post({"query": cancel})
    assert api.house.cursors.open_places(api.grant.id, answer["extensions"]["cursor"])


@pytest.mark.parametrize("cursor", ["", "x", "é".encode().decode("latin-1"), "A" * 200])
async def test_a_bad_cursor_is_refused(api: Api, cursor: str) -> None:
    """400, with the header's name."""
    response, answer = await read_after(api, cursor)
    assert response.status == 400
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert error["extensions"]["field"] == "Latchkey-After"
    assert "Latchkey-After is not a cursor" in error["message"]


async def test_a_cursor_of_somebody_else_is_refused(api: Api) -> None:
    """It is good for one grant."""
    services, cursor = api.house.services, await dimmed(api)
    client = await services.accounts.create_client("Other")
    grant = await services.grants.give(api.user.id, client.id, list(Scope), [Share(api.home_id)])
    response, _ = await read_after(api, cursor, api.token(grant))
    assert response.status == 400


async def test_what_never_comes_is_unavailable(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with Retry-After; a home that is not the viewer's (any more) is nobody's concern."""
    monkeypatch.setattr(freshness, "WAIT_SECONDS", 0.1)
    far = api.house.cursors.places(api.grant.id, {api.home_id: 10**9})
    response, answer = await read_after(api, far)
    assert (response.status, response.headers["Retry-After"]) == (503, "1")
    assert answer["errors"][0]["extensions"]["code"] == "UNAVAILABLE"
    gone = api.house.cursors.places(api.grant.id, {"home_" + "0" * 32: 10**9})
    assert (await read_after(api, gone))[0].status == 200


async def test_pages_of_other_origins_may_use_it(api: Api) -> None:
    """The preflight allows the header."""
    headers = {
        "Origin": "https://partner.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "latchkey-after, if-none-match",
    }
    response = await api.http.options(api.graphql_url, headers=headers)
    assert response.status == 200
    assert "Latchkey-After" in response.headers["Access-Control-Allow-Headers"]


async def test_who_shows_no_token_needs_no_cursor(api: Api) -> None:
    """A public answer is no fresher than another."""
    body = {"query": "{ __typename }"}
    response, _ = await api.post(body, token=None, headers={"Latchkey-After": "x"})
    assert response.status == 200
