"""Operations that outlive the access that they began with, and such that ask for very much."""

import asyncio
import time
from typing import Any

import pytest

from core.domain.grants import Scope, Share
from core.domain.sandbox import DeviceFault, Simulation
from tests.app.conftest import Api
from tests.app.test_socket import WATCH, opened
from tests.core.services.estate import eventually

LATE = """
mutation($id: ID!, $lock: ID!, $locked: Boolean!) {
  first: controlDevice(input: {
    deviceId: $lock, state: { locked: $locked }, waitMs: 3000
  }) { status }
  second: controlDevice(input: { deviceId: $id, state: { on: true } }) { status }
}
"""

PENDING = "query($id: ID!) { device(id: $id) { pendingCommand { id } } }"


async def _begun(api: Api) -> asyncio.Task[Any]:
    """A document whose second mutation comes a second after its first."""
    locked = not api.lock.state.locked
    variables = {"id": api.light.id, "lock": api.lock.id, "locked": locked}
    body = {"query": LATE, "variables": variables}
    task = asyncio.create_task(api.post(body, token=api.token()))

    async def accepted() -> bool:
        found = await api.ask(PENDING, id=api.lock.id)
        return bool(found["device"]["pendingCommand"])

    await eventually(accepted)
    return task


async def test_a_mutation_does_not_outlive_its_grant(api: Api) -> None:
    """What comes later in the document is refused once access was taken back."""
    task = await _begun(api)
    await api.house.services.grants.revoke(api.grant)
    _, answer = await task
    (error,) = answer["errors"]
    assert error["path"] == ["second"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_mutation_does_not_reach_what_was_narrowed_away(api: Api) -> None:
    """A device that is hidden meanwhile reads as missing."""
    task = await _begun(api)
    only = [Share(api.home_id, device_id=api.lock.id)]
    await api.house.services.grants.amend(api.grant, list(Scope), only)
    _, answer = await task
    assert [error["path"] for error in answer["errors"]] == [["second"]]
    assert answer["errors"][0]["extensions"]["code"] == "NOT_FOUND"


async def test_waits_end_before_the_request_does(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many waits in one document share its time, and the answer still comes with its data."""
    monkeypatch.setattr("schema.graph.PATIENCE", 0.05)  # of 30 s
    simulator: Any = api.house.runner._connectors["simulator"] if api.house.runner else None  # noqa: SLF001 - a fault
    simulator.simulate(Simulation(api.light.id, fault=DeviceFault.SLOW))
    one = 'x%d: controlDevice(input: {deviceId: "%s", state: {on: %s}, waitMs: 1000}) { status }'
    aliases = " ".join(one % (n, api.light.id, ("true", "false")[n % 2]) for n in range(6))
    started = time.monotonic()
    data = await api.ask("mutation { " + aliases + " }")
    assert len(data) == 6
    assert time.monotonic() - started < 5


async def test_a_greedy_query_does_not_starve_the_others(api: Api) -> None:
    """Access is still checked, and answers still come, while one asks for a thousand pages."""
    pages = " ".join(f"a{n}: devices(first: 1) {{ totalCount }}" for n in range(30))
    query = "{ devices(first: 100) { nodes { home { " + pages + " } } } }"
    greedy = [asyncio.create_task(api.post({"query": query})) for _ in range(4)]
    for _ in range(5):
        assert await api.ask("{ homes { totalCount } }")
    assert not api.house.feed.stale()
    for response, answer in await asyncio.gather(*greedy):
        assert (response.status, "errors" in answer) == (200, False)


async def test_a_socket_closes_though_access_could_not_be_known(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The guard that finds the logs unreadable looks again, and does not die."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(WATCH)
        monkeypatch.setattr(api.house.feed, "stale", lambda: True)
        await api.house.services.grants.revoke(api.grant)
        await asyncio.sleep(0.2)
        monkeypatch.undo()
        assert (await socket.closed())[0] == 4401


async def test_a_body_that_does_not_come(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up, with a sentence, before anybody is asked for a token."""
    monkeypatch.setattr("app.graphql.BODY_SECONDS", 0.2)
    host, port = api.base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /graphql HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    writer.write(f"{head}Content-Length: 50\r\n\r\n{{".encode())
    async with asyncio.timeout(5):
        answer = await reader.read(4_000)
    writer.close()
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"did not arrive" in answer


async def test_every_missing_field_is_named(api: Api) -> None:
    """A program can read all of them, though the sentence names a few."""
    token = api.token(scopes=[Scope.EVENTS_SUBSCRIBE])
    query = "{ homes { nodes { id name timeZone rooms { id name } } } }"
    error = await api.refused(query, token=token)
    missing = error["extensions"]["missing"]
    assert {
        "path": "homes.nodes.rooms.name",
        "field": "Room.name",
        "scopes": [["devices:read"]],
    } in missing
    assert len(missing) >= 8
