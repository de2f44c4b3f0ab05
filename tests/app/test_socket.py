"""`graphql-transport-ws` over a real socket: the protocol, and the end of access."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from core.domain.audit import Actor
from core.domain.devices import State
from core.domain.grants import Scope, Share
from core.domain.homes import Role
from core.domain.sandbox import Simulation
from tests.app.conftest import SOON, Api
from tests.conftest import both_engines

WATCH = "subscription { deviceStatusChanged { sequence device { id } state { on } changed } }"
SWITCH = """
mutation($id: ID!, $on: Boolean!) {
  controlDevice(input: { deviceId: $id, state: { on: $on } }) { status }
}
"""
SECONDS = 5.0
DAY = timedelta(days=1)


class Socket:
    """A partner's socket, spoken to message by message."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def send(self, message: Any) -> None:
        """Send a message."""
        await self._socket.send_str(message if isinstance(message, str) else json.dumps(message))

    async def bytes(self, data: bytes) -> None:
        """Send a binary frame."""
        await self._socket.send_bytes(data)

    async def next(self) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(SECONDS):
            message: dict[str, Any] = await self._socket.receive_json()
        return message

    async def closed(self) -> tuple[int | None, str]:
        """The close code and reason, whatever still comes before."""
        async with asyncio.timeout(SECONDS):
            while (message := await self._socket.receive()).type is aiohttp.WSMsgType.TEXT:
                pass
        assert message.type is aiohttp.WSMsgType.CLOSE, message
        return message.data, message.extra or ""

    async def init(self, token: str | None) -> None:
        """Send connection_init, and take the acknowledgement."""
        await self.send({"type": "connection_init", "payload": _bearer(token)})
        assert (await self.next())["type"] == "connection_ack"

    async def subscribe(self, query: str, key: str = "1", **variables: Any) -> None:
        """Start an operation, and return once it has begun (a ping is answered in order)."""
        payload = {"query": query, "variables": variables}
        await self.send({"id": key, "type": "subscribe", "payload": payload})
        await asyncio.sleep(0.3)


def _bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"authorization": f"Bearer {token}"}


@asynccontextmanager
async def opened(
    api: Api, *, protocol: str = "graphql-transport-ws", **headers: str
) -> AsyncIterator[Socket]:
    """An open socket."""
    url = api.graphql_url.replace("http", "ws", 1)
    async with api.http.ws_connect(url, protocols=(protocol,), headers=headers) as socket:
        yield Socket(socket)


async def _switch(api: Api, *, on: bool) -> None:
    assert (await api.ask(SWITCH, id=api.light.id, on=on))["controlDevice"]["status"] == "CONFIRMED"


@both_engines
async def test_a_subscription_is_told_live(api: Api) -> None:
    """Each event once, with a cursor; complete ends it."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(WATCH)
        await _switch(api, on=not api.light.state.on)
        message = await socket.next()
        assert (message["type"], message["id"]) == ("next", "1")
        event = message["payload"]["data"]["deviceStatusChanged"]
        assert event["device"]["id"] == api.light.id
        assert message["payload"]["extensions"]["cursor"]


@both_engines
async def test_a_reader_resumes_where_it_was(api: Api) -> None:
    """What happened between two sockets is replayed once, then it goes on live."""
    events = "subscription($after: String) { events(after: $after) { id type } }"
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(events)
        await _switch(api, on=True)
        cursor = (await socket.next())["payload"]["extensions"]["cursor"]
    await _switch(api, on=False)
    log = await api.ask("{ events(first: 100) { nodes { id } } }")
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(events, after=cursor)
        await _switch(api, on=True)
        seen = [(await socket.next())["payload"]["data"]["events"]["id"] for _ in range(6)]
    ids = [one["id"] for one in log["events"]["nodes"]]
    after = len(ids) - ids.index(seen[0])
    assert seen[:after] == ids[-after:]
    assert len(set(seen)) == len(seen)


@both_engines
async def test_queries_and_mutations_run_over_it(api: Api) -> None:
    """One next, then complete."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(SWITCH, id=api.light.id, on=True)
        message = await socket.next()
        assert message["payload"]["data"]["controlDevice"]["status"] == "CONFIRMED"
        assert await socket.next() == {"type": "complete", "id": "1"}


@pytest.mark.parametrize(
    "frame",
    ["{", "[]", "1", "null", '"x"', "{}", '{"type": 5}', '{"type": "hello"}',
     '{"type": "subscribe"}', '{"type": "subscribe", "id": 5, "payload": {"query": "{a}"}}',
     '{"type": "subscribe", "id": "", "payload": {"query": "{a}"}}',
     '{"type": "subscribe", "id": "1", "payload": null}',
     '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
     '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": [1]}}',
     '{"type": "complete"}', '{"type": "ping", "payload": null}', "[" * 50_000],
)  # fmt: skip
async def test_a_frame_that_is_no_message(api: Api, frame: str) -> None:
    """4400 with a sentence; the next socket is served."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.send(frame)
        code, reason = await socket.closed()
        assert code == 4400
        assert reason
    async with opened(api) as socket:
        await socket.init(api.token())


async def test_a_binary_frame(api: Api) -> None:
    """The protocol is text."""
    async with opened(api) as socket:
        await socket.bytes(b"\x00")
        assert (await socket.closed())[0] == 4400


async def test_another_subprotocol(api: Api) -> None:
    """The legacy protocol is not spoken."""
    async with opened(api, protocol="graphql-ws") as socket:
        assert (await socket.closed())[0] == 4406


async def test_subscribe_before_init(api: Api) -> None:
    """4401, as the protocol says."""
    async with opened(api) as socket:
        await socket.send({"id": "1", "type": "subscribe", "payload": {"query": WATCH}})
        assert (await socket.closed())[0] == 4401


async def test_init_twice(api: Api) -> None:
    """4429, as the protocol says."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.send({"type": "connection_init"})
        assert (await socket.closed())[0] == 4429


@both_engines
async def test_an_id_twice(api: Api) -> None:
    """4409, as the protocol says."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(WATCH)
        await socket.subscribe(WATCH)
        assert (await socket.closed())[0] == 4409


async def test_too_many_operations(api: Api) -> None:
    """The one too many gets an error that says the limit; the others go on."""
    most = api.house.settings.socket_operations
    async with opened(api) as socket:
        await socket.init(api.token())
        for number in range(most + 1):
            payload = {"query": WATCH}
            await socket.send({"id": str(number), "type": "subscribe", "payload": payload})
        message = await socket.next()
    assert (message["type"], message["id"]) == ("error", str(most))
    assert message["payload"][0]["extensions"]["code"] == "RATE_LIMITED"
    assert str(most) in message["payload"][0]["message"]


async def test_no_token_at_all(api: Api) -> None:
    """The socket is accepted, and closed 4403 at connection_init."""
    async with opened(api) as socket:
        await socket.send({"type": "connection_init"})
        assert (await socket.closed())[0] == 4403


async def test_the_payload_wins_over_the_header(api: Api) -> None:
    """A good header does not help a bad payload, nor does a bad header hurt a good one."""
    async with opened(api, Authorization=f"Bearer {api.token()}") as socket:
        await socket.send({"type": "connection_init", "payload": _bearer("rubbish")})
        assert (await socket.closed())[0] == 4403
    async with opened(api, Authorization="Bearer rubbish") as socket:
        await socket.init(api.token())
    async with opened(api, Authorization=f"Bearer {api.token()}") as socket:
        await socket.init(None)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { events { home { rooms { id } } } }", "GRAPHQL_VALIDATION_FAILED"),
        ('subscription { events(after: "rubbish") { id } }', "BAD_USER_INPUT"),
        ('subscription { deviceStatusChanged(deviceIds: ["x"]) { id } }', "NOT_FOUND"),
    ],
)
@both_engines
async def test_a_bad_operation_ends_alone(api: Api, query: str, code: str) -> None:
    """It gets an error of its own, and the others on the socket go on."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(WATCH, key="good")
        await socket.subscribe(query, key="bad")
        message = await socket.next()
        assert (message["type"], message["id"]) == ("error", "bad")
        assert message["payload"][0]["extensions"]["code"] == code
        await _switch(api, on=not api.light.state.on)
        assert (await socket.next())["id"] == "good"


@both_engines
async def test_what_an_event_cannot_carry_is_named(api: Api) -> None:
    """The refusal says which field, and what to do instead."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe("subscription { events { home { rooms { id } } } }")
        message = (await socket.next())["payload"][0]["message"]
    assert "Home.rooms" in message


async def test_a_scope_that_the_token_lacks(api: Api) -> None:
    """An error that names the field and the scope."""
    async with opened(api) as socket:
        await socket.init(api.token(scopes=[Scope.DEVICES_READ]))
        await socket.subscribe(WATCH)
        (error,) = (await socket.next())["payload"]
    assert error["extensions"]["code"] == "INSUFFICIENT_SCOPE"
    assert "events:subscribe" in error["message"]


async def test_a_token_that_expires_under_an_open_socket(api: Api) -> None:
    """4403: the client comes back with a new one."""
    async with opened(api) as socket:
        await socket.init(api.token(seconds=SOON))
        await socket.subscribe(WATCH)
        assert (await socket.closed())[0] == 4403


@both_engines
async def test_access_that_is_taken_back(api: Api) -> None:
    """4401 within 2 s, on open sockets and for new ones."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(WATCH)
        await api.house.services.grants.revoke(api.grant)
        async with asyncio.timeout(2):
            code, reason = await socket.closed()
    assert code == 4401
    assert "took this access back" in reason
    response, _ = await api.post({"query": "{ homes { totalCount } }"})
    assert response.status == 401


async def test_a_disabled_client_is_out(api: Api) -> None:
    """Whoever granted it access."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await api.house.services.accounts.disable_client(api.client.id)
        assert (await socket.closed())[0] == 4401


@both_engines
async def test_a_scope_that_is_taken_back(api: Api) -> None:
    """The operation that needs it ends with an error; the socket stays."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(WATCH)
        rest = set(Scope) - {Scope.EVENTS_SUBSCRIBE}
        await api.house.services.grants.amend(api.grant, rest, [Share(api.home_id)])
        message = await socket.next()
        assert (message["type"], message["id"]) == ("error", "1")
        assert message["payload"][0]["extensions"]["code"] == "INSUFFICIENT_SCOPE"
        await socket.subscribe("{ homes { totalCount } }", key="2")
        assert (await socket.next())["payload"]["data"] == {"homes": {"totalCount": 1}}


@both_engines
async def test_narrowing_silences_the_other_devices(api: Api) -> None:
    """What is no longer shared is gone from queries and from the open stream."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(WATCH)
        only = [Share(api.home_id, device_id=api.lock.id)]
        await api.house.services.grants.amend(api.grant, list(Scope), only)
        data = await api.ask("{ devices { nodes { id } totalCount } }")
        assert data["devices"] == {"nodes": [{"id": api.lock.id}], "totalCount": 1}
        await _press(api, api.light.id, State(on=not api.light.state.on))
        await _press(api, api.lock.id, State(locked=not api.lock.state.locked))
        event = (await socket.next())["payload"]["data"]["deviceStatusChanged"]
    assert event["device"]["id"] == api.lock.id


@both_engines
async def test_whoever_leaves_a_home_takes_along_what_they_gave(api: Api) -> None:
    """Within two seconds an app of theirs sees nothing of it: no devices, no events, no home."""
    services = api.house.services
    bob = await services.accounts.create_user("bob")
    code, _ = await services.invites.make(api.home_id, Role.MEMBER, DAY, by=Actor(api.user.id))
    await services.invites.join(code, bob.id)
    grant = await services.grants.give(bob.id, api.client.id, list(Scope), [Share(api.home_id)])
    token = api.token(grant)
    async with opened(api) as theirs, opened(api) as ours:
        await theirs.init(token)
        await theirs.subscribe(WATCH)
        await ours.init(api.token())
        await ours.subscribe(WATCH)
        begun = time.monotonic()
        await services.homes.remove_member(api.home_id, bob.id, by=Actor(bob.id))
        while (await api.ask("{ devices { totalCount } }", token))["devices"]["totalCount"]:
            assert time.monotonic() - begun < 2
        await _press(api, api.light.id, State(on=not api.light.state.on))
        assert (await ours.next())["id"] == "1"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await theirs.next()
    assert (await api.ask("{ homes { totalCount } }", token))["homes"]["totalCount"] == 0


async def _press(api: Api, device_id: str, state: State) -> None:
    """Somebody at home changes a device by hand."""
    assert api.house.runner is not None
    simulator: Any = api.house.runner._connectors["simulator"]  # noqa: SLF001 - a hand at the switch
    simulator.simulate(Simulation(device_id, report=state))
    await asyncio.sleep(0.05)


@both_engines
async def test_a_client_that_goes_leaves_nothing(api: Api) -> None:
    """Its watches end, and nobody is told any more."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(WATCH)
        await _until_listeners(api, 2)  # the watch and its roster
    await _until_listeners(api, 0)


async def _until_listeners(api: Api, count: int) -> None:
    async with asyncio.timeout(SECONDS):
        while _listeners(api) != count:  # noqa: ASYNC110 - leaving sets no event
            await asyncio.sleep(0.02)


def _listeners(api: Api) -> int:
    """Who follows the home besides the runner."""
    tail = api.house.feed._tails[api.home_id]  # noqa: SLF001 - a leak shows nowhere else
    return len(tail.listeners) - 1
