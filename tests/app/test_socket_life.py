"""A socket over a long life: heartbeats, renewal, peers that fall silent, stall or shout."""

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from graphql import get_introspection_query

from core.domain.grants import Scope, Share
from tests.app.conftest import SOON, Api
from tests.app.test_socket import WATCH, Socket, _switch, opened

BEAT = 1.0


@pytest.fixture
def unusual() -> dict[str, Any]:
    """A heartbeat that a test can wait for, and a pace that it can exceed."""
    return {"heartbeat_seconds": BEAT, "socket_messages": 40, "socket_bytes": 200_000}


def bearer(token: str) -> dict[str, str]:
    """What renews a connection."""
    return {"authorization": f"Bearer {token}"}


@asynccontextmanager
async def alive(api: Api, token: str | None = None) -> AsyncIterator[Socket]:
    """An acknowledged connection whose peer lives, as every client's does."""

    async def live(socket: Socket) -> None:
        while True:
            await socket.send({"type": "pong"})
            await asyncio.sleep(BEAT / 2)

    async with opened(api) as socket:
        await socket.init(token or api.token())
        living = asyncio.create_task(live(socket))
        try:
            yield socket
        finally:
            living.cancel()
            await asyncio.gather(living, return_exceptions=True)


async def answered(socket: Socket, kind: str) -> dict[str, Any]:
    """The next message of a kind."""
    while (message := await socket.next())["type"] != kind:
        pass
    return message


async def renewed(socket: Socket, token: str) -> dict[str, Any]:
    """What a token in a ping comes to."""
    await socket.send({"type": "ping", "payload": bearer(token)})
    payload: dict[str, Any] = (await answered(socket, "pong"))["payload"]
    return payload


async def test_the_acknowledgement_says_how_it_beats(api: Api) -> None:
    """And when the token ends."""
    async with opened(api) as socket:
        await socket.send({"type": "connection_init", "payload": bearer(api.token())})
        payload = (await socket.next())["payload"]
    assert payload["heartbeatMs"] == BEAT * 1_000
    assert payload["expiresAt"].endswith("Z")


async def test_a_ping_is_answered_with_what_it_brought(api: Api) -> None:
    """With the same payload, or with none (graphql-ws PROTOCOL, Ping)."""
    async with opened(api) as socket:
        await socket.send({"type": "ping"})
        assert await socket.next() == {"type": "pong"}
        await socket.send({"type": "ping", "payload": {"a": 1}})
        assert await socket.next() == {"type": "pong", "payload": {"a": 1}}


async def test_a_quiet_operation_moves_on(api: Api) -> None:
    """A ping's cursor of it is after what it was not shown, so that nothing is read again."""
    quiet = f'subscription {{ events(filter: {{ deviceIds: ["{api.lock.id}"] }}) {{ id }} }}'
    async with alive(api) as socket:
        await socket.subscribe(quiet)
        before = (await answered(socket, "ping"))["payload"]["cursors"]["1"]
        await _switch(api, on=not api.light.state.on)
        await answered(socket, "ping")
        after = (await answered(socket, "ping"))["payload"]["cursors"]["1"]
    query = "query($after: String) { events(after: $after, first: 100) { nodes { type } } }"
    assert (await api.ask(query, after=before))["events"]["nodes"]
    assert (await api.ask(query, after=after))["events"]["nodes"] == []


async def test_a_silent_peer_is_closed(api: Api) -> None:
    """Two heartbeats without a word, and the place is somebody else's (1013: clients come back)."""
    async with opened(api) as socket:
        await socket.init(api.token())
        code, reason = await socket.closed()
    assert (code, "two heartbeats" in reason) == (1013, True)


async def test_a_peer_that_lives_stays(api: Api) -> None:
    """However long nothing happens."""
    async with alive(api) as socket:
        for _ in range(4):
            await answered(socket, "ping")


async def test_a_token_is_renewed_and_the_stream_goes_on(api: Api) -> None:
    """Past the end of the token that it began with, with the same operation."""
    async with alive(api, api.token(seconds=SOON)) as socket:
        await socket.subscribe(WATCH)
        told = await renewed(socket, api.token(seconds=60))
        assert told["expiresAt"].endswith("Z")
        await asyncio.sleep(SOON + 0.2)
        await _switch(api, on=not api.light.state.on)
        assert (await answered(socket, "next"))["id"] == "1"


@pytest.mark.parametrize("kind", ["rubbish", "expired", "another grant's"])
async def test_a_bad_renewal_changes_nothing(api: Api, kind: str) -> None:
    """The pong says what was wrong; the socket lives as long as it did before, and no longer."""
    shares = [Share(api.home_id)]
    other = await api.house.services.grants.give(api.user.id, api.client.id, list(Scope), shares)
    shown = {"expired": api.token(seconds=-1), "another grant's": api.token(other)}
    async with alive(api, api.token(seconds=SOON)) as socket:
        told = await renewed(socket, shown.get(kind, kind))
        assert told["error"]["message"]
        assert told["error"]["extensions"]["code"] in {"UNAUTHENTICATED", "BAD_USER_INPUT"}
        assert (await socket.closed())[0] == 4403


async def test_a_renewal_with_fewer_scopes_ends_what_it_lost(api: Api) -> None:
    """As if the scope had been taken back."""
    async with alive(api) as socket:
        await socket.subscribe(WATCH)
        await renewed(socket, api.token(scopes=[Scope.DEVICES_READ]))
        message = await answered(socket, "error")
    assert message["payload"][0]["extensions"]["code"] == "INSUFFICIENT_SCOPE"


async def test_a_renewal_needs_an_acknowledged_connection(api: Api) -> None:
    """Before that a ping is just a ping."""
    async with opened(api) as socket:
        payload = bearer(api.token())
        await socket.send({"type": "ping", "payload": payload})
        assert await socket.next() == {"type": "pong", "payload": payload}


@pytest.mark.parametrize("frames", [['{"type":"pong"}'] * 60, ["x" * 250_000], ["é" * 120_000]])
async def test_who_shouts_is_closed(api: Api, frames: list[str]) -> None:
    """Too many messages or bytes a second: 1013, with what would be right."""
    async with opened(api) as socket:
        await socket.init(api.token())
        for frame in frames:
            await socket.send(frame)
        code, reason = await socket.closed()
    assert (code, "40 messages" in reason) == (1013, True)


async def test_a_ping_that_cannot_be_answered_is_malformed(api: Api) -> None:
    """What is read is not always what can be written."""
    async with opened(api) as socket:
        await socket.send('{"type":"ping","payload":' + '{"a":' * 300 + "1" + "}" * 301)
        code, reason = await socket.closed()
    assert (code, reason) == (4400, "The payload is nested too deeply.")


@pytest.mark.parametrize("last", [None, "rubbish", '{"type":"connection_init"}'])
async def test_nothing_is_left_of_a_peer_that_stalls(api: Api, last: str | None) -> None:
    """It reads nothing more: its session ends, though no frame can be told to it.

    Whether it falls silent or sends what its session closes for.
    """
    host, port = api.base_url.removeprefix("http://").split(":")
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4_096)
    raw.setblocking(False)  # noqa: FBT003 - the standard library's
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, (host, int(port)))
    head = (
        f"GET /graphql HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: graphql-transport-ws\r\n"
        f"Authorization: Bearer {api.token()}\r\n\r\n"
    )
    await loop.sock_sendall(raw, head.encode())
    assert b" 101 " in await loop.sock_recv(raw, 4_096)  # and nothing after that
    await loop.sock_sendall(raw, _frame('{"type":"connection_init"}'))
    await loop.sock_sendall(raw, _frame(_started("watch", "subscription { events { id } }")))
    tail = api.house.feed._tails[api.home_id]  # noqa: SLF001 - a leak shows nowhere else
    await _until(lambda: len(tail.listeners) > 1)
    for number in range(30):  # far more than the buffers hold
        await loop.sock_sendall(raw, _frame(_started(str(number), get_introspection_query())))
    if last is not None:
        await asyncio.sleep(BEAT * 1.5)  # a ping waits by now
        await loop.sock_sendall(raw, _frame(last))
    await _until(lambda: len(tail.listeners) == 1)
    raw.close()


def _started(key: str, query: str) -> str:
    return json.dumps({"id": key, "type": "subscribe", "payload": {"query": query}})


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not holds():  # noqa: ASYNC110 - leaving sets no event
            await asyncio.sleep(0.05)


def _frame(text: str) -> bytes:
    """A masked text frame, as a client sends it (RFC 6455 §5.2)."""
    data = text.encode()
    size = len(data)
    head = bytes([0x80 | size]) if size < 126 else bytes([0x80 | 126]) + size.to_bytes(2, "big")
    return b"\x81" + head + bytes(4) + data
