"""The broadcast on a real cluster of two servers, of which one is lost and slots move."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from redis.crc import key_slot

from bench.valkey import Valkey, cluster as running
from core.broadcast import cluster as module
from tests.core.broadcast.listening import PROMPT, heard, joined, nothing, process, reached, until

pytestmark = pytest.mark.usefixtures("quick")
NAMES = [f"latchkey:home_{number}" for number in range(60)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Sequence[Valkey]]:
    """A cluster of two."""
    with TemporaryDirectory(prefix="latchkey-") as folder, running(Path(folder), 2) as servers:
        yield servers


def url(server: Valkey) -> str:
    """The cluster's URL, by way of this server."""
    return server.url.replace("redis://", "redis+cluster://")


def carried(server: Valkey) -> set[str]:
    """The channels that a server carries for shards of its own."""
    return {name.decode() for name in server.ask("PUBSUB", "SHARDCHANNELS")}


async def test_each_channel_lives_at_its_server(cluster: Sequence[Valkey]) -> None:
    """Whichever server the URL names, everybody hears; each server carries its own share."""
    async with process(url(cluster[0])) as here, process(url(cluster[1])) as there:
        inbox = await joined(there, *NAMES)
        await until(lambda: sum(len(carried(server)) for server in cluster) == len(NAMES))
        assert all(carried(server) for server in cluster)
        for name in NAMES:
            await here.publish(name, "1")
        assert {await heard(inbox) for _ in NAMES} == {(name, "1") for name in NAMES}
        await inbox.leave(NAMES[0])
        await here.publish(NAMES[0], "2")
        await nothing(inbox, NAMES[0])


async def test_a_slot_that_moves_takes_its_channel_along(cluster: Sequence[Valkey]) -> None:
    """The server that had it drops its readers and refuses what is said; the other one is found."""
    name = NAMES[0]
    slot = key_slot(name.encode())
    mine, other = sorted(cluster, key=lambda server: not _owns(server, slot))
    target = other.ask("CLUSTER", "MYID").decode()
    async with process(url(mine)) as here, process(url(mine)) as there:
        inbox = await joined(there, name, *NAMES[1:])
        await until(lambda: name in carried(mine))
        for server in (other, mine):
            server.ask("CLUSTER", "SETSLOT", str(slot), "NODE", target)
        await reached(here, inbox, name)
        assert name in carried(other)
        await reached(here, inbox, *NAMES[1:])


def _owns(server: Valkey, slot: int) -> bool:
    return any(
        first <= slot <= last and owner[1] == server.port
        for first, last, owner, *_ in server.ask("CLUSTER", "SLOTS")
    )


async def test_a_server_that_is_lost_costs_its_own_share(
    cluster: Sequence[Valkey], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits; what the other carries goes on, and it all works once the server is back."""
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.3)
    async with process(url(cluster[0])) as here, process(url(cluster[0])) as there:
        inbox = await joined(there, *NAMES)
        await until(lambda: sum(len(carried(server)) for server in cluster) == len(NAMES))
        kept = carried(cluster[1])
        cluster[0].kill()
        await until(lambda: not here.tally.connected)
        began = time.monotonic()
        for name in NAMES:
            await here.publish(name, "1")
        await inbox.join("new")
        assert time.monotonic() - began < PROMPT
        assert {(await heard(inbox))[0] for _ in kept} <= set(NAMES)
        cluster[0].start()
        await reached(here, inbox, "new", *NAMES)
        assert here.tally.connected


async def test_a_cluster_that_is_not_there_at_the_start() -> None:
    """The process starts and joins, and looks for it; what nobody can carry is lost."""
    nowhere = "redis+cluster://127.0.0.1:1"
    async with process(nowhere, there=False) as here:
        await joined(here, "a")
        await here.publish("a", "1")
        assert (here.tally.connected, here.tally.lost) == (False, 1)
