"""Troubles: servers, workers, database, broadcast and lines, killed, paused, restarted by a script.

Nothing is touched but what the test has started, and every trouble mends itself.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from random import Random
from typing import Final, TypeAlias

from sqlalchemy import make_url

from bench.valkey import Valkey
from tests.conftest import Postgres
from tests.processes import SECRET, Process, Starter, until_ready
from tests.system.test_processes import free_port

Trouble: TypeAlias = Callable[[Random], Awaitable[str]]
"""One trouble from its beginning to its end; what it did, in words."""
EXIT_SECONDS: Final = 30.0
READY_SECONDS: Final = 120.0
"""Many come at once to who has just started."""


@dataclass(frozen=True, slots=True)
class Step:
    """Which trouble begins how many seconds after the one before began."""

    pause: float
    kind: str
    seed: int


def script(seed: int, kinds: Sequence[str], steps: int, pause: float) -> list[Step]:
    """So many steps, `pause` seconds apart on average, in which every kind comes in its turn."""
    random = Random(seed)

    def turns() -> Iterator[str]:
        while True:
            yield from random.sample(kinds, len(kinds))

    return [
        Step(random.uniform(0, 2 * pause), kind, random.randrange(1 << 32))
        for kind in islice(turns(), steps)
    ]


async def play(steps: Sequence[Step], troubles: Mapping[str, Trouble]) -> list[str]:
    """Go through a script; returns what was done once everything is mended."""
    done = []
    async with asyncio.TaskGroup() as group:
        for step in steps:
            await asyncio.sleep(step.pause)
            trouble = troubles[step.kind](Random(step.seed))
            done.append(group.create_task(_told(step.kind, trouble)))
    return [task.result() for task in done]


async def _told(kind: str, trouble: Awaitable[str]) -> str:
    return f"{kind}: {await trouble}"


@dataclass(slots=True)
class Servers:
    """Server processes on one database, two of them, on ports that stay theirs."""

    starter: Starter
    env: Mapping[str, str]
    ports: Sequence[int] = field(default_factory=lambda: (free_port(), free_port()))
    running: list[Process] = field(default_factory=list)
    _turns: Sequence[asyncio.Lock] = field(init=False)

    def __post_init__(self) -> None:
        """Each has one trouble at a time."""
        self._turns = [asyncio.Lock() for _ in self.ports]

    async def start(self) -> None:
        """Start all, and return once they serve."""
        self.running = [self._started(which) for which in range(len(self.ports))]
        await self.ready()

    async def ready(self) -> None:
        """Return once all serve."""
        for which in range(len(self.ports)):
            await self._ready(which)

    async def killed(self, random: Random) -> str:
        """One is killed and, after a moment, started again."""
        return await self._over(random, signal.SIGKILL)

    async def ended(self, random: Random) -> str:
        """One is asked to end, as by a deploy, and started again."""
        return await self._over(random, signal.SIGTERM)

    async def paused(self, random: Random) -> str:
        """One does nothing for some seconds."""
        return await self._stopped(await self._chosen(random), random.uniform(0.5, 6))

    @contextmanager
    def still(self, which: int) -> Iterator[None]:
        """One does nothing while the block runs."""
        with stopped(self.running[which].process.pid):
            yield

    async def _stopped(self, which: int, seconds: float) -> str:
        async with self._turns[which]:
            with self.still(which):
                await asyncio.sleep(seconds)
        return f"process {which} for {seconds:.1f} s"

    async def _over(self, random: Random, how: signal.Signals) -> str:
        which, seconds = await self._chosen(random), random.uniform(0, 2)
        async with self._turns[which]:
            process = self.running[which].process
            process.send_signal(how)
            await asyncio.to_thread(process.wait, EXIT_SECONDS)
            await asyncio.sleep(seconds)
            self.running[which] = self._started(which)
            await self._ready(which)
        return f"process {which}, away for {seconds:.1f} s"

    async def _chosen(self, random: Random) -> int:
        return random.randrange(len(self.ports))

    def _started(self, which: int) -> Process:
        return self.starter.serve(self.ports[which], self.env)

    async def _ready(self, which: int) -> None:
        """Return once it serves; what ends since its database is away is started again."""
        async with asyncio.timeout(READY_SECONDS):
            while True:
                ready = asyncio.create_task(until_ready(f"http://127.0.0.1:{self.ports[which]}"))
                while not ready.done():
                    await asyncio.wait({ready}, timeout=0.2)
                    if self.running[which].process.poll() is not None:
                        self.running[which] = self._started(which)
                if ready.exception() is None:
                    return


@dataclass(slots=True)
class Base:
    """The database, seen from its server."""

    server: Postgres
    url: str
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def name(self) -> str:
        """The database's name."""
        name = make_url(self.url).database
        assert name is not None
        return name

    async def cut(self, random: Random) -> str:
        """Some of its connections are killed, or all."""
        share = random.choice((0.2, 0.5, 1.0))
        pids = [pid for pid in await self._pids() if random.random() < share]
        await self._end(pids)
        return f"{len(pids)} connections"

    async def held(self, random: Random) -> str:
        """One of its connections does nothing for a while, whatever locks it has."""
        seconds = random.uniform(0.2, 2)
        async with self._turn:  # while it is closed there is none
            while not (pids := await self._pids()):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
        with stopped(random.choice(pids)):
            await asyncio.sleep(seconds)
        return f"a connection for {seconds:.1f} s"

    async def closed(self, random: Random) -> str:
        """All of its connections are killed, and it takes no new one for a while."""
        seconds = random.choice((0.5, 1.5, 4.5))
        async with self._turn:
            await self._psql(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS false")
            try:
                await self._end(await self._pids())
                await asyncio.sleep(seconds)
            finally:
                await self._psql(f"ALTER DATABASE {self.name} ALLOW_CONNECTIONS true")
        return f"for {seconds:.1f} s"

    async def _pids(self) -> list[int]:
        said = await self._psql(
            f"SELECT 'pid=' || pid FROM pg_stat_activity WHERE datname = '{self.name}' ORDER BY pid"  # noqa: S608 - our own name
        )
        return [int(word[4:]) for word in said.split() if word.startswith("pid=")]

    async def _end(self, pids: Sequence[int]) -> None:
        if pids:
            numbers = ", ".join(map(str, pids))
            await self._psql(f"SELECT pg_terminate_backend(pid) FROM unnest(ARRAY[{numbers}]) pid")  # noqa: S608 - numbers

    async def _psql(self, statement: str) -> str:
        return await asyncio.to_thread(self.server.psql, statement)


@dataclass(slots=True)
class Hints:
    """The server of the broadcast."""

    server: Valkey
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def killed(self, random: Random) -> str:
        """It is killed and, after a while, started again."""
        seconds = random.uniform(0, 4)
        async with self._turn:
            await asyncio.to_thread(self.server.kill)
            await asyncio.sleep(seconds)
            await asyncio.to_thread(self.server.start)
        return f"away for {seconds:.1f} s"

    async def paused(self, random: Random) -> str:
        """It does nothing for a while."""
        seconds = random.uniform(0.5, 4)
        async with self._turn:
            self.server.pause()
            try:
                await asyncio.sleep(seconds)
            finally:
                self.server.resume()
        return f"for {seconds:.1f} s"

    async def cut(self, random: Random) -> str:
        """All of its connections of a kind are ended."""
        kind = random.choice(("normal", "pubsub"))
        async with self._turn:
            ended = await asyncio.to_thread(self.server.ask, "CLIENT", "KILL", "TYPE", kind)
        return f"{ended} {kind} connections"


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process that is there but does nothing while the block runs (it may die meanwhile)."""
    _signalled(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        _signalled(pid, signal.SIGCONT)


def _signalled(pid: int, how: signal.Signals) -> None:
    try:
        os.kill(pid, how)
    except ProcessLookupError:
        return


def environment(url: str, **more: str) -> dict[str, str]:
    """The settings of a server on this database; both have one issuer."""
    names = {f"LATCHKEY_{name.upper()}": value for name, value in more.items()}
    return {
        "LATCHKEY_DATABASE_URL": url,
        "LATCHKEY_SECRET_KEYS": SECRET,
        "LATCHKEY_PUBLIC_URL": "http://127.0.0.1:1",
        **names,
    }
