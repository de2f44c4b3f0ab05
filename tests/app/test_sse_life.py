"""An event stream over a long life: it beats, and its peers fall silent; and its process ends."""

import asyncio
import json
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from app.address import bound
from app.server import graph_of, listening
from app.stepping import begun
from core.domain.events import Entry
from core.domain.grants import Scope, Share
from resolvers.answers import settled
from schema.graph import new_trace
from schema.parameters import Parameters
from subscriptions.session import Parts
from subscriptions.sessions import Sessions
from subscriptions.stream import Stream
from subscriptions.watch import QUEUE
from tests.app.conftest import Api
from tests.app.test_session import LIMITS, until
from tests.app.test_socket import _listeners, _switch
from tests.app.test_sse import EVENTS, SECONDS, asked, logged, streamed
from tests.event_source import EventSource, Told

BEAT = 0.3
MANY = 60


@pytest.fixture
def unusual() -> dict[str, Any]:
    """A heartbeat that a test can wait for."""
    return {"heartbeat_seconds": BEAT}


class Peer:
    """Who an event stream is told to, and reads or does not."""

    def __init__(self) -> None:
        """It reads."""
        self.source = EventSource()
        self.told: list[Told] = []
        self.offered = 0
        self.ended = False
        self.reads = asyncio.Event()
        self.reads.set()
        self.away = asyncio.Event()

    async def part(self, body: bytes) -> None:
        """Take some bytes, as soon as it reads."""
        self.offered += 1
        await self.reads.wait()
        self.told += self.source.feed(body)

    async def end(self) -> None:
        """Likewise the end."""
        await self.reads.wait()
        self.ended = True

    async def gone(self) -> None:
        """Go when it is told to."""
        await self.away.wait()

    def ids(self) -> list[str]:
        """The ids of the events that it was told."""
        return [json.loads(told.data)["data"]["events"]["id"] for told in self.told]


@asynccontextmanager
async def told(
    api: Api, peer: Peer, beat: float = 60
) -> AsyncIterator[tuple[Stream, asyncio.Task[None]]]:
    """A stream that runs."""
    limits = replace(LIMITS, heartbeat_seconds=beat)
    house = api.house
    parts = Parts(graph_of(house), house.access, house.clock, limits, house.hub.pump)
    viewer = api.house.access.viewer(api.house.tokens.verify(api.token()))
    call = await settled(parts.graph.prepare(Parameters(EVENTS), viewer, new_trace()))
    stream = Stream(peer, parts, call, None)
    await stream.begin()
    running = asyncio.create_task(stream.run())
    try:
        yield stream, running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await stream.aclose()


async def happen(api: Api, times: int) -> None:
    """So many events of the light."""
    devices = api.house.services.devices
    for number in range(times):
        await devices.describe(api.light, f"Lamp {number}", None)


async def places(api: Api, after: str | None) -> list[str]:
    """The ids of everything after a cursor."""
    found: list[str] = []
    while True:
        query = """query($after: String) { events(first: 100, after: $after) {
            nodes { id } pageInfo { endCursor hasNextPage } } }"""
        page = (await api.ask(query, after=after))["events"]
        found += [one["id"] for one in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


async def test_a_quiet_stream_moves_on(api: Api) -> None:
    """Each beat brings a comment and the place that is reached, and no event of its own."""
    only = json.dumps(api.lock.id)
    quiet = f"subscription {{ events(filter: {{ deviceIds: [{only}] }}) {{ id }} }}"
    async with streamed(api, quiet) as events:
        await events.comment()
        before = events.reader.last_id
        await _switch(api, on=not api.light.state.on)
        await events.comment()
        await events.comment()
        after = events.reader.last_id
    assert await places(api, before)
    assert await places(api, after) == []


async def test_a_slow_reader_costs_nothing_and_loses_nothing(api: Api) -> None:
    """While it does not read, nothing more is made for it; then it gets all of it, in order."""
    peer = Peer()
    async with told(api, peer) as (stream, _):
        await until(lambda: peer.source.last_id != "")
        start = peer.source.last_id
        peer.reads.clear()
        offered = peer.offered
        await happen(api, 2 * QUEUE)
        assert peer.offered == offered + 1
        peer.reads.set()
        expected = await places(api, start)
        await until(lambda: len(peer.told) >= len(expected), 15)
        assert peer.ids() == expected
        await stream.drain()
    assert peer.ended
    assert await places(api, peer.source.last_id) == []


async def test_a_peer_that_does_not_read_is_left(api: Api) -> None:
    """After two beats in which it took nothing; its watch is gone with it."""
    peer = Peer()
    async with told(api, peer, BEAT) as (_, running):
        await until(lambda: peer.source.last_id != "")
        peer.reads.clear()
        async with asyncio.timeout(SECONDS):
            await running
    assert not peer.ended
    assert _listeners(api) == 0


@pytest.mark.parametrize("why", ["revoked", "narrowed", "away", "drained"])
async def test_a_peer_that_does_not_read_holds_nothing_up(api: Api, why: str) -> None:
    """Neither the end of its access nor that of its process, nor its own."""
    peer, grants = Peer(), api.house.services.grants
    async with told(api, peer) as (stream, running):
        await until(lambda: peer.source.last_id != "")
        peer.reads.clear()
        await happen(api, 2)
        match why:
            case "revoked":
                await grants.revoke(api.grant)
            case "narrowed":
                rest = set(Scope) - {Scope.EVENTS_SUBSCRIBE}
                await grants.amend(api.grant, rest, [Share(api.home_id)])
            case "away":
                peer.away.set()
            case "drained":
                await stream.drain()
        await until(lambda: _listeners(api) == 0)
        async with asyncio.timeout(3):
            await running


async def test_what_waits_is_not_told_before_the_end(api: Api) -> None:
    """An event that the peer had not taken is replayed, not half told."""
    peer = Peer()
    async with told(api, peer) as (stream, running):
        await until(lambda: peer.source.last_id != "")
        peer.reads.clear()
        await happen(api, 2)
        draining = asyncio.create_task(stream.drain())
        await until(lambda: _listeners(api) == 0)
        peer.reads.set()
        await running
        await draining
    assert (peer.ended, peer.told) == (True, [])
    assert len(await places(api, peer.source.last_id)) == 2


async def test_an_event_at_the_very_end_comes_once(api: Api) -> None:
    """Where a stream ends just as one is about to go out, it is told now or by the replay."""
    peer, ends = Peer(), list[Any]()
    async with told(api, peer) as (stream, running):
        await happen(api, 1)
        await until(lambda: len(peer.told) == 1)

        def tell(_: Entry) -> None:
            if not ends:  # told after the watch was, and before it could wake
                ends.append(begun(stream.drain()))

        await api.house.feed.follow(api.home_id, tell)
        await happen(api, 1)
        await running
        await ends[0]
        api.house.feed.drop(api.home_id, tell)
    *_, newest = await logged(api)
    replayed = await places(api, peer.source.last_id)
    assert [*peer.ids()[1:], *replayed] == [newest]


async def test_a_peer_that_stalls_on_a_real_connection(api: Api) -> None:
    """Its connection stays as it is; the stream does not."""
    host, port = api.base_url.removeprefix("http://").split(":")
    raw = sockets.socket()
    raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4_096)
    raw.setblocking(False)  # noqa: FBT003 - the standard library's
    loop = asyncio.get_running_loop()
    await loop.sock_connect(raw, (host, int(port)))
    fields = " ".join(f"{'a' * 1_500}{number}: id" for number in range(50))
    body = json.dumps({"query": f"subscription {{ events {{ {fields} }} }}"})
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: {host}:{port}\r\nAccept: text/event-stream\r\n"
        f"Authorization: Bearer {api.token()}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    await loop.sock_sendall(raw, (head + body).encode())
    assert b" 200 OK" in await loop.sock_recv(raw, 1_024)  # and nothing after that
    await until(lambda: _listeners(api) == 2)
    shown = asyncio.create_task(happen(api, 200))  # far more than the buffers hold
    await until(lambda: _listeners(api) == 0, 15)
    await shown
    raw.close()


async def test_a_process_that_ends_sends_its_streams_elsewhere(api: Api) -> None:
    """Each is told where it is and ends without `complete`; who comes meanwhile is refused."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        )
        listener = stack.enter_context(bound("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        ending = replace(api, base_url=url, http=http)
        server = AsyncExitStack()
        await server.enter_async_context(listening(api.house, listener, drain=3))
        streams = [await stack.enter_async_context(streamed(ending, EVENTS)) for _ in range(MANY)]
        for events in streams:
            await events.comment()
        await happen(api, 3)
        closing = asyncio.create_task(server.aclose())
        assert await _turned_away(ending) == (503, "1")
        kinds = [[told.type for told in await events.rest()] for events in streams]
        assert kinds == [["next"] * 3] * MANY
        await closing
    await happen(api, 1)
    (*_, newest) = await logged(api)
    for events in streams[:: MANY // 3]:
        async with streamed(api, EVENTS, last=events.reader.last_id) as again:
            assert await again.id() == newest


async def _turned_away(api: Api) -> tuple[int, str | None]:
    """What is answered to who comes, once it is anything else than a stream."""
    async with asyncio.timeout(SECONDS):
        while True:
            async with asked(api, EVENTS) as response:
                if response.status != 200:
                    return response.status, response.headers.get("Retry-After")


async def test_the_sessions_of_a_process_are_of_two_kinds(api: Api) -> None:
    """Both end with it."""
    peer, sessions = Peer(), Sessions()
    async with told(api, peer) as (stream, _):
        sessions.add(stream)
        assert (sessions.sockets, sessions.streams) == ([], [stream])
        draining = asyncio.create_task(sessions.drain(1))
        await draining
        assert peer.ended
    sessions.discard(stream)
    assert sessions.streams == []
