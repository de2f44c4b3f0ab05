"""Several processes that run devices, and workers on one address: what dies is replaced."""

import asyncio
import os
import signal
import sqlite3
import time
from collections.abc import Collection
from dataclasses import replace
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import make_url

from app.compose import House
from core.domain.commands import Command
from core.domain.devices import Device
from core.domain.shards import shard_of
from core.store.leases import Leases
from tests.conftest import Run
from tests.core.services.estate import Estate, eventually, settle
from tests.processes import SECRET, Process, Starter, until_ready
from tests.system.test_processes import free_port

HOMES = 12
"""So many that each of two owners has some: by chance, but for once in two thousand times."""
PATIENCE = 20.0
TAKEOVER_SECONDS = 5.0
LIGHT = "simulator://plan?devices=1&still=1"


class Fleet:
    """Processes that each run devices, on the database of a house of this one that runs none."""

    def __init__(self, starter: Starter, edge: House) -> None:
        self.starter = starter
        self.edge = edge
        self.env = {
            "LATCHKEY_DATABASE_URL": edge.settings.database_url,
            "LATCHKEY_SECRET_KEYS": SECRET,
            # A command is on its way for most of a second.
            "LATCHKEY_DEVICES_URL": "simulator://?still=1&latency=0.8",
        }

    def owner(self) -> Process:
        """One more process that runs devices."""
        return self.starter.serve(free_port(), self.env)

    async def owners(self) -> dict[str, list[int]]:
        """The shards of each owner."""
        leases, lives = await Leases(self.edge.database).look()
        return {life: [one.shard for one in leases if one.owner == life] for life in lives}

    async def held(self, counts: Collection[int]) -> bool:
        """Whether so many owners have so many shards each."""
        return sorted(map(len, (await self.owners()).values())) == sorted(counts)

    async def homes(self) -> list[tuple[Estate, Device]]:
        """A few homes with a light each, some of them in either half of the shards."""
        made = [await settle(self.edge, (), name=f"P{n}", url=LIGHT) for n in range(HOMES)]

        async def furnished(estate: Estate) -> bool:
            return len(await self.edge.devices_of(estate.home.id)) == 1

        for one in made:
            await eventually(partial(furnished, one), PATIENCE)
        return [(one, (await self.edge.devices_of(one.home.id))[0]) for one in made]


async def ended_well(asked: Collection[tuple[Estate, Command]]) -> bool:
    """Whether all of these were confirmed; none may have ended otherwise."""
    found = [(await estate.command(command)).status.value for estate, command in asked]
    assert not {"REJECTED", "TIMED_OUT"} & set(found), found
    return set(found) == {"CONFIRMED"}


async def toggled(
    homes: Collection[tuple[Estate, Device]], shards: Collection[int]
) -> list[tuple[Estate, Command]]:
    """Have the lights of these shards turned the other way round; not waiting for it."""
    asked = []
    for estate, device in homes:
        if shard_of(estate.home.id) in shards:
            now = await estate.now(device)
            asked.append((estate, await estate.ask(now, on=not now.state.on, ms=25_000)))
    return asked


def writable(url: str) -> bool:
    """Whether a process that was stopped holds no lock on a whole SQLite file."""
    path = make_url(url).database
    if not url.startswith("sqlite") or path is None:
        return True
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return True


async def stop(process: Process, url: str) -> None:
    """Stop a process, but not amid a write to a file of which there is one lock."""
    while True:
        process.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(0.02)
        if writable(url):
            return
        process.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(0.01)


async def test_another_takes_over(starter: Starter, database_url: str, run_house: Run) -> None:
    """From one that hangs, and from one that dies: commands are finished, and once.

    The one that hung wakes up with leases that are another's. It can write nothing, and its share
    comes back to it.
    """
    async with run_house(database_url) as edge:
        fleet = Fleet(starter, edge)
        first = fleet.owner()
        homes = await fleet.homes()
        (old,) = await fleet.owners()
        second = fleet.owner()
        await eventually(partial(fleet.held, [32, 32]), PATIENCE)
        (new,) = set(await fleet.owners()) - {old}
        every = list[tuple[Estate, Command]]()
        ways = [(first, old, "hangs"), (second, new, "dies")]
        for process, life, how in ways[: 1 if edge.database.sqlite else 2]:
            asked = await toggled(homes, (await fleet.owners())[life])
            every += asked
            await asyncio.sleep(0.3)  # they are on their way
            if how == "hangs":
                await stop(process, database_url)
            else:
                process.process.kill()
            began = time.monotonic()
            await eventually(partial(fleet.held, [64]), PATIENCE)
            assert time.monotonic() - began < TAKEOVER_SECONDS
            assert life not in await fleet.owners()
            await eventually(partial(ended_well, asked), PATIENCE)
            if how == "hangs":
                process.process.send_signal(signal.SIGCONT)
                await eventually(partial(fleet.held, [32, 32]), PATIENCE)
                assert "shards_lost" in process.said
        for process, _, _ in ways:
            assert process.process.poll() is not None or process.end() == 0
        assert await fleet.owners() == {}
        for estate, _ in homes:
            ours = [(command.id, "CONFIRMED") for made, command in every if made is estate]
            assert await replace(estate, house=edge).ends() == ours


async def test_workers_serve_one_address(starter: Starter, sqlite_url: str) -> None:
    """Both serve, one that is killed is replaced, and all drain when the parent is told to end."""
    port = free_port()
    env = {
        "LATCHKEY_DATABASE_URL": sqlite_url,
        "LATCHKEY_SECRET_KEYS": SECRET,
        "LATCHKEY_DEVICES_URL": "simulator://?still=1",
        "LATCHKEY_NOTICE_SECONDS": "1.5",
    }
    parent = starter.serve(port, env, "--workers", "2")
    url = f"http://127.0.0.1:{port}"
    await until_ready(url)
    first = await workers_of(parent, 2)
    assert "broadcast_within_one_process" in parent.said
    os.kill(first[0], signal.SIGKILL)
    second = await workers_of(parent, 3)
    assert await answered(url, 30) == {200}  # what came to the socket of the dead one waited
    parent.process.send_signal(signal.SIGTERM)

    async def noticed() -> bool:
        return await ready(url) == 503

    await eventually(noticed, PATIENCE)
    assert await answered(url, 10) == {200}  # who has not noticed yet is served
    assert await asyncio.to_thread(parent.process.wait, PATIENCE) == 0
    assert not any(map(alive, second))
    with pytest.raises(aiohttp.ClientError):
        await ready(url)


async def test_workers_end_with_their_parent(starter: Starter, sqlite_url: str) -> None:
    """One without a parent would never be replaced, and nobody would tell it to end."""
    env = {"LATCHKEY_DATABASE_URL": sqlite_url, "LATCHKEY_SECRET_KEYS": SECRET}
    parent = starter.serve(free_port(), env, "--workers", "2")
    pids = await workers_of(parent, 2)
    parent.end(signal.SIGKILL)
    await eventually(lambda: not any(map(alive, pids)), PATIENCE)


def test_what_is_wrong_for_all_workers_is_said_once(starter: Starter) -> None:
    """By the parent, before it starts any."""
    env = {"LATCHKEY_DATABASE_URL": "sqlite+aiosqlite:///none.db", "LATCHKEY_SECRET_KEYS": SECRET}
    said = starter.refused("serve", "--workers", "2", "--port", str(free_port()), env=env)
    assert said.splitlines()[-1].startswith("latchkey: The database is not of this version")
    assert "worker_started" not in said


async def workers_of(parent: Process, count: int) -> list[int]:
    """The processes that were started, once they are so many."""

    def started() -> list[str]:
        return [line for line in parent.said.splitlines() if "worker_started" in line]

    await eventually(lambda: len(started()) >= count, PATIENCE)
    return [int(line.split('"worker": ')[1].split(",")[0]) for line in started()]


async def ready(url: str) -> int:
    """What the probe says, over a connection of its own."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as response:
        return response.status


async def answered(url: str, times: int) -> set[int]:
    """What as many callers at a time are answered, each over a connection of its own."""

    async def call() -> int:
        async with aiohttp.ClientSession() as session:
            query = {"query": "{ __typename }"}
            async with session.post(f"{url}/graphql", json=query) as response:
                return response.status

    return set(await asyncio.gather(*(call() for _ in range(times))))


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not fetched does not."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return not status.parents[1].exists()
