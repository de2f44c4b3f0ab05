"""The backend on a Redis or Valkey cluster, by sharded pub/sub: `redis+cluster://` (or `rediss`).

Each channel lives at the one server that owns its slot, so what a cluster can carry grows with its
servers. Which server owns what is asked anew when a line is in trouble, and now and then.
"""

import asyncio
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from broadcaster import BroadcastBackend, Event
from redis.crc import key_slot

from core import observe
from core.broadcast import redial
from core.broadcast.line import SHARDED, Line
from core.broadcast.newest import Newest
from core.broadcast.redis import Server
from core.broadcast.tally import Tally

log = observe.logger(__name__)

LOOK_SECONDS = 10.0
REST_SECONDS = 0.2
"""The least time between two looks at who owns what, however much trouble there is."""

Owners = Mapping[int, Server]
"""Who owns a slot; slots that nobody owns now are missing."""


class ClusterBackend(BroadcastBackend):
    """One line to each server that owns slots, and each channel on the line of its slot."""

    def __init__(self, url: str, tally: Tally | None = None) -> None:
        """Nothing is dialled before `connect`; the URL leads to any server of the cluster."""
        self._seed = Server.of(url.replace("+cluster", "", 1))
        self._tally = tally or Tally()
        self._tally.needed = 1
        self._heard = Newest()
        self._owners: Owners = {}
        self._lines: dict[Server, Line] = {}
        self._running: dict[Server, asyncio.Task[None]] = {}
        self._channels: dict[str, Server | None] = {}
        self._trouble = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        """Begin to look for the cluster; one that is not there keeps nobody from starting."""
        self._looking = asyncio.create_task(redial.redial(self._look, str(self._seed)))

    async def disconnect(self) -> None:
        """Hang up everywhere."""
        looking = [] if self._looking is None else [self._looking]
        tasks = [*looking, *self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def subscribe(self, channel: str) -> None:
        """Hear this channel: from now on where its server is there, else from when it is."""
        server = self._channels[channel] = self._owner(channel)
        if server is None:
            return
        self._lines[server].want(channel)
        try:
            await self._lines[server].heard(channel)
        except asyncio.CancelledError:
            await self.unsubscribe(channel)
            raise

    async def unsubscribe(self, channel: str) -> None:
        """Stop hearing this channel."""
        server = self._channels.pop(channel, None)
        if server is not None:
            self._lines[server].unwant(channel)

    async def publish(self, channel: str, message: str) -> None:
        """Say something soon; this never waits and never fails."""
        server = self._owner(channel)
        if server is None:
            self._tally.lost += 1
        else:
            self._lines[server].publish(channel, message)

    async def next_published(self) -> Event:
        """The next message of a subscribed channel."""
        return Event(*await self._heard.next())

    def _owner(self, channel: str) -> Server | None:
        return self._owners.get(key_slot(channel.encode()))

    async def _look(self) -> None:
        """See who owns what: at first, in trouble, and now and then."""
        while True:
            self._trouble.clear()
            self._arrange(await self._asked())
            await asyncio.sleep(REST_SECONDS)
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._trouble.wait()
            except TimeoutError:
                continue

    async def _asked(self) -> Owners:
        """What the first server that answers says; any of the cluster knows."""
        problem: Exception | None = None
        alive = [server for server, line in self._lines.items() if line.open]
        for server in dict.fromkeys((*alive, self._seed, *self._lines)):
            try:
                async with asyncio.timeout(redial.DIAL_SECONDS):
                    return await _ask(server)
            except Exception as error:  # noqa: BLE001 - whatever it is, another may answer
                problem = error
        raise redial.Lost(f"No server of the cluster answers ({problem}).") from problem

    def _arrange(self, owners: Owners) -> None:
        """Have a line to each owner and no other, and each channel where it belongs now."""
        self._owners, before = owners, self._lines
        now = dict.fromkeys(owners.values())
        self._lines = {server: before.get(server) or self._line(server) for server in now}
        self._tally.needed = len(now) or 1
        for channel, server in self._channels.items():
            owner = self._channels[channel] = self._owner(channel)
            if server is not None and server != owner and server in self._lines:
                self._lines[server].unwant(channel)
            if owner is not None:
                self._lines[owner].want(channel)
        for server in before.keys() - now:
            self._running.pop(server).cancel()
            for channel, message in before[server].unsaid().items():
                if (owner := self._owner(channel)) is not None:
                    self._lines[owner].publish(channel, message)

    def _line(self, server: Server) -> Line:
        heard, tally = self._heard, self._tally
        line = Line(str(server), server.connection, SHARDED, heard, tally, self._trouble.set)
        self._running[server] = asyncio.create_task(line.run())
        return line


async def _ask(server: Server) -> Owners:
    connection = server.connection()
    try:
        await connection.connect()  # type: ignore[no-untyped-call]
        await connection.send_command("CLUSTER", "SLOTS")
        ranges = await connection.read_response(timeout=math.inf)
    finally:
        await connection.disconnect(nowait=True)
    return dict(_owned(ranges, server))


def _owned(ranges: Any, asked: Server) -> Iterator[tuple[int, Server]]:
    """Each slot with its owner; one that names no host of its own is the one that was asked."""
    for first, last, (host, port, *_), *_ in ranges:
        name = host.decode() if host else asked.host
        owner = replace(asked, host=name, port=int(port))
        yield from ((slot, owner) for slot in range(first, last + 1))
