"""Sockets by the hundred, and in the soak by the thousand: idle, or not reading what they asked."""

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import Random
from typing import Final

import aiohttp
import pytest

from bench.machine import rss_mb
from tests.chaos.subscribers import Subscriber, gathered
from tests.chaos.troubles import environment
from tests.chaos.village import FULL, Partner, Village, Voices, settle
from tests.conftest import Postgres, Run
from tests.processes import Process, Starter, until_ready
from tests.system.test_processes import free_port

METRICS_TOKEN: Final = "only-for-tests-of-metrics"
BEAT: Final = 4.0
FAST: Final = 10_000.0
AT_ONCE: Final = 32
HOMES: Final = 12
IDLE_KIB: Final = 100
"""What a socket may cost here, where the press and the pools are still being filled."""
SLACK_MB: Final = 20.0
"""What a process may grow by for other reasons."""
STOPPED_MB: Final = 0.5
"""What a reader may cost that has stopped: its buffers. The events would be 2 MB for each."""
QUIET: Final = "subscription { deviceStatusChanged { id home { id } } }"


@dataclass(frozen=True)
class Serving:
    """A server process, and a village whose devices report in this one."""

    process: Process
    port: int
    village: Village
    voices: Voices

    @property
    def rss(self) -> float:
        """The server's resident memory in MB."""
        found = rss_mb(self.process.process.pid)
        assert found is not None
        return found

    async def subscribers(
        self, count: int, document: str, partners: Sequence[Partner], holds: int | None = None
    ) -> list[Subscriber]:
        """So many subscribers, of these partners in turn; who can hold little reads nothing."""
        made: list[Subscriber] = []
        left = iter(range(count))

        async def make() -> None:
            for number in left:
                partner = partners[number % len(partners)]
                start = None if holds is None else self.village.start(partner)
                one = await Subscriber.begun(
                    self.port, partner.token, document, holds=holds, after=start
                )
                if holds is not None:
                    one.socket.stop_reading()
                made.append(one)

        await asyncio.gather(*(make() for _ in range(AT_ONCE)))
        return made

    async def sockets(self) -> int:
        """How many are open, as the server sees it."""
        headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
        url = f"http://127.0.0.1:{self.port}/metrics"
        async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as response:
            lines = (await response.text()).splitlines()
        return next(
            int(float(line.split()[1])) for line in lines if line[:17] == "latchkey_sockets "
        )


@pytest.fixture
async def serving(starter: Starter, postgres: Postgres, run_house: Run) -> AsyncIterator[Serving]:
    """A server on a village."""
    url, port = postgres.fresh(), free_port()
    more = {"heartbeat_seconds": str(BEAT), "metrics_token": METRICS_TOKEN}
    env = environment(url, **more)
    async with run_house(url, public_url=env["LATCHKEY_PUBLIC_URL"]) as house:
        village = await settle(house, HOMES)
        process = starter.serve(port, env)
        await until_ready(f"http://127.0.0.1:{port}")
        yield Serving(process, port, village, Voices([house], Random(HOMES)))


@pytest.fixture
def files() -> Iterator[None]:
    """As many open files as may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@asynccontextmanager
async def alive(subscribers: Sequence[Subscriber]) -> AsyncIterator[None]:
    """Who reads nothing sees no ping, and lives all the same while the block runs."""

    async def live() -> None:
        while True:
            for one in subscribers:
                one.socket.send({"type": "pong"})
            await asyncio.sleep(BEAT / 2)

    living = asyncio.create_task(live())
    try:
        yield
    finally:
        living.cancel()
        await asyncio.gather(living, return_exceptions=True)


def soaked(short: int, long: int) -> pytest.MarkDecorator:
    """So many in `make test`, and so many in `make soak`."""
    counts = [
        pytest.param(short, id="short"),
        pytest.param(long, id="long", marks=pytest.mark.soak),
    ]
    return pytest.mark.parametrize("count", counts)


@soaked(24, 1_000)
@pytest.mark.usefixtures("files")
async def test_readers_that_stop_cost_no_memory(serving: Serving, count: int) -> None:
    """A thousand events pass by who stopped at once, and others stop in a replay of those.

    The server does not grow by them; then everybody gets all.
    """
    (*_, partner), told = serving.village.partners, serving.voices
    readers = await serving.subscribers(count // 2, FULL, [partner], holds=4_096)
    async with alive(readers):
        await told.speak(partner.devices, 300, FAST, 24)  # more than is kept on the way
        await asyncio.sleep(1)
        before = serving.rss
        await told.speak(partner.devices, 1_000, FAST, 24)
        readers += await serving.subscribers(count // 2, FULL, [partner], holds=4_096)
        await asyncio.sleep(2)
        grown = serving.rss - before
        for one in readers:
            one.socket.hold_more()
            one.socket.read_on()
        await gathered(readers, lambda one: len(one.events) >= told.told, 60 + count)
    logs = await serving.village.logs()
    for one in readers:
        for home_id in partner.homes:
            assert one.seen(home_id) == [event.id for event in logs[home_id]]
        one.socket.vanish()
    assert grown < SLACK_MB + count * STOPPED_MB, grown


@soaked(500, 9_500)
@pytest.mark.usefixtures("files")
async def test_idle_sockets(serving: Serving, count: int) -> None:
    """Each is pinged, costs little, hears of an event once, and is nothing once it is gone."""
    before = serving.rss
    idle = await serving.subscribers(count, QUIET, serving.village.partners)
    await gathered(idle, lambda one: one.cursor is not None, 60 + count / 50)
    cost = (serving.rss - before) * 1_024 / count
    for partner in serving.village.partners:
        await serving.voices.say(partner.devices[0])
    await gathered(idle, lambda one: len(one.events) > 0)
    most = max(one.pings for one in idle)
    await gathered(idle, lambda one: one.pings > most)
    assert {len(one.events) for one in idle} == {1}
    for one in idle:
        one.socket.vanish()
    async with asyncio.timeout(30):
        while await serving.sockets():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)
    assert cost < IDLE_KIB, cost
