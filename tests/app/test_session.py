"""A session without its transport: peers that stop reading while the world goes on."""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Any

import orjson

from app.authentication import Caller
from app.server import authenticator_of, graph_of
from core.domain.accounts import Viewer
from core.domain.grants import Scope
from subscriptions.protocol import Close
from subscriptions.session import Limits, Parts, Session
from subscriptions.sessions import Sessions
from tests.app.conftest import Api
from tests.app.test_socket_life import bearer

LIMITS = Limits(
    init_seconds=10,
    heartbeat_seconds=60,
    operation_seconds=30,
    operations=50,
    pace=(200, 1_000_000),
)
EVENTS = "subscription { events { id } }"


class Peer:
    """The wire to a peer who reads or does not, and its session."""

    def __init__(self, api: Api) -> None:
        """It reads, and has said nothing yet."""
        self.sent: list[dict[str, Any]] = []
        self.code: Close | None = None
        self.reads = asyncio.Event()
        self.reads.set()
        self.room = self.reads.wait
        self.flush = bool
        self._said = asyncio.Queue[str | None]()
        self._api = api
        house = api.house
        parts = Parts(graph_of(house), house.access, house.clock, LIMITS, house.hub.pump)
        self.session = Session(self, parts, self._known, None)
        self.running = asyncio.create_task(self.session.run(self._said.get))

    def write(self, text: bytes) -> bool:
        """Take a message; there is room for another while it reads."""
        self.sent.append(orjson.loads(text))
        return self.reads.is_set()

    async def close(self, code: Close, sentence: str) -> None:
        """Likewise the frame that closes."""
        del sentence
        await self.reads.wait()
        self.code = code
        self._said.put_nowait(None)

    def say(self, kind: str, **more: Any) -> None:
        """Send a message."""
        self._said.put_nowait(orjson.dumps({"type": kind, **more}).decode())

    def go(self) -> None:
        """Leave."""
        self._said.put_nowait(None)

    async def watch(self) -> None:
        """Open, and subscribe to everything."""
        self.say("connection_init", payload=bearer(self._api.token()))
        self.say("subscribe", id="1", payload={"query": EVENTS})
        await until(lambda: bool(self.session.operations.cursors()))

    async def _known(self, shown: str | None) -> Viewer | None:
        house = self._api.house
        caller = Caller(
            {"headers": []}, authenticator_of(house, "https://api"), house.services.audit
        )
        return await caller(shown)


async def until(holds: Callable[[], bool], seconds: float = 5) -> None:
    """Wait for it, for so many seconds at most."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0.01)


async def test_what_was_lost_has_no_cursor(api: Api) -> None:
    """While its error waits for the peer to read: what it would be shown next, it is not."""
    peer = Peer(api)
    await peer.watch()
    peer.reads.clear()
    fewer = api.token(scopes=[Scope.DEVICES_READ])
    peer.say("ping", payload=bearer(fewer))
    await until(lambda: not peer.session.operations.cursors())
    peer.reads.set()
    await until(lambda: peer.sent[-1]["type"] == "error")
    assert peer.sent[-1]["payload"][0]["extensions"]["code"] == "INSUFFICIENT_SCOPE"
    await peer.session.drain()
    assert peer.sent[-1] == {"type": "ping", "payload": {"cursors": {}}}
    await peer.running
    assert peer.code == Close.RESTART


async def test_access_ends_for_a_peer_that_does_not_read(api: Api) -> None:
    """Not even the error that waits for it holds that up."""
    peer = Peer(api)
    await peer.watch()
    peer.reads.clear()
    peer.say("ping", payload=bearer(api.token(scopes=[Scope.DEVICES_READ])))
    await until(lambda: not peer.session.operations.cursors())
    await api.house.services.grants.revoke(api.grant)
    async with asyncio.timeout(3):
        await peer.running
    assert len(peer.session.operations) == 0


async def test_peers_that_do_not_read_hold_up_no_drain(api: Api) -> None:
    """Nor do they take the time of those who do."""
    peers = [Peer(api) for _ in range(12)]
    sessions = Sessions()
    for peer in peers:
        await peer.watch()
        sessions.add(peer.session)
    for peer in peers[1:]:
        peer.reads.clear()
    began = perf_counter()
    await sessions.drain(1)
    await asyncio.gather(*(peer.running for peer in peers))
    assert perf_counter() - began < 6
    assert peers[0].code == Close.RESTART
    assert peers[0].sent[-1]["payload"]["cursors"].keys() == {"1"}


async def test_answers_that_are_not_read_are_bounded(api: Api) -> None:
    """Who reads nothing and asks on is refused, and so stops being read."""
    peer = Peer(api)
    peer.say("connection_init", payload=bearer(api.token()))
    await until(lambda: bool(peer.sent))
    peer.reads.clear()
    for number in range(4 * LIMITS.operations):
        peer.say("subscribe", id=f"{number}", payload={"query": "{ nothing }"})
        await asyncio.sleep(0)
    await asyncio.sleep(0.2)
    waiting = peer.session._outlet._said  # noqa: SLF001 - what is held shows nowhere else
    assert len(waiting) <= LIMITS.operations + 2
    assert not peer.running.done()
    peer.reads.set()
    await until(lambda: len(peer.sent) > 4 * LIMITS.operations)
    kinds = {message["type"] for message in peer.sent[1:]}
    assert kinds == {"error"}
    peer.go()
    await peer.running
