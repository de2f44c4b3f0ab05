"""Two processes on one database: either serves any partner, one owns the devices."""

import asyncio
import json
import socket
from secrets import randbelow
from typing import Any

import aiohttp
import pytest

from tests.processes import SECRET, Partner, Starter, Watching, until_ready
from tests.system.test_demo import CONTROL, WATCH

HOMES = "{ homes { totalCount } }"


def free_port() -> int:
    """A port that nobody listens on now, and that nobody is given who asks for any.

    Else another test's receiver could have it first, and be asked what is meant for this one's.
    """
    while True:
        port = 20_000 + randbelow(12_000)  # below those that systems give away
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue


class Town:
    """An owner of devices and an edge without any, on one database."""

    def __init__(self, starter: Starter, url: str) -> None:
        self.starter = starter
        self.env = {
            "LATCHKEY_DATABASE_URL": url,
            "LATCHKEY_SECRET_KEYS": SECRET,
            "LATCHKEY_PUBLIC_URL": "http://127.0.0.1:1",  # one issuer for both
        }
        self.ports = (free_port(), free_port())

    def run(self, *words: str) -> dict[str, Any]:
        """A CLI command's JSON."""
        fields: dict[str, Any] = json.loads(self.starter.run(*words, "--json", env=self.env))
        return fields

    def start(self) -> None:
        """Start both processes."""
        devices = {"LATCHKEY_DEVICES_URL": "simulator://?still=1"}
        self.starter.serve(self.ports[0], {**self.env, **devices})
        self.starter.serve(self.ports[1], self.env)

    async def ready(self) -> None:
        """Return once both serve."""
        for port in self.ports:
            await until_ready(f"http://127.0.0.1:{port}")

    def partner(self, which: int, token: str) -> Partner:
        """A partner of one of the two."""
        host = f"127.0.0.1:{self.ports[which]}"
        return Partner(f"http://{host}/graphql", f"ws://{host}/graphql", token)


@pytest.fixture
def town(starter: Starter, database_url: str) -> Town:
    """Two processes to start."""
    return Town(starter, database_url)


async def test_what_one_process_does_the_other_sees(town: Town) -> None:
    """A command accepted by the edge is carried out by the owner, and both tell of it live."""
    home, token = await _settled(town)
    owner, edge = town.partner(0, token), town.partner(1, token)
    light = await _light(edge, home)
    async with owner.watching(WATCH) as first, edge.watching(WATCH) as second:
        command = (await edge.ask(CONTROL, id=light, brightness=64))["controlDevice"]
        assert command["status"] == "CONFIRMED"
        for watching in (first, second):
            while (event := await watching.next())["state"]["brightness"] != 64:
                pass
            assert event["causedBy"] == [{"id": command["id"], "status": "CONFIRMED"}]


async def test_a_user_that_the_cli_disables_is_out_everywhere(town: Town) -> None:
    """A third process writes the access log; both servers act on it."""
    town.run("user", "create", "alice")
    client = town.run("client", "create", "Partner")["client_id"]
    town.run("home", "create", "--owner", "alice", "--devices", "1")
    token = town.run("token", "create", "--client", client, "--user", "alice")["access_token"]
    town.start()
    await town.ready()
    for which in (0, 1):
        await town.partner(which, token).ask(HOMES)
    async with town.partner(1, token).watching(WATCH) as watching:
        await asyncio.to_thread(town.starter.run, "user", "disable", "alice", env=town.env)
        while (message := await watching.socket.receive()).type is aiohttp.WSMsgType.TEXT:
            pass
        assert message.data == 4401
    async with asyncio.timeout(2):
        while "errors" not in (answer := await town.partner(0, token).answer(HOMES)):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_process_that_ends_sends_its_sockets_elsewhere(town: Town) -> None:
    """A last ping with cursors, then 1012; at the other process the stream goes on from there."""
    home, token = await _settled(town)
    owner, edge = town.partner(0, token), town.partner(1, token)
    light = await _light(owner, home)
    seen: list[str] = []
    async with edge.watching(RESUMED) as watching:
        await owner.ask(CONTROL, id=light, brightness=11)
        seen.append((await watching.next())["id"])
        town.starter.started[1].process.terminate()
        cursor, code = await _last_words(watching, seen)
    assert code == 1012
    await owner.ask(CONTROL, id=light, brightness=22)
    async with owner.watching(RESUMED, after=cursor) as watching:
        log = (await owner.ask("{ events(first: 100) { nodes { id } } }"))["events"]["nodes"]
        ids = [one["id"] for one in log]
        while seen[-1] != ids[-1]:
            seen.append((await watching.next())["id"])
    assert seen == ids[ids.index(seen[0]) :]
    assert town.starter.started[1].process.wait(20) == 0


RESUMED = "subscription($after: String) { events(after: $after) { id } }"


async def _last_words(watching: Watching, seen: list[str]) -> tuple[str, int | None]:
    """The cursor of the last ping and the close code; what comes before them is seen."""
    cursor = ""
    while (message := await watching.socket.receive()).type is aiohttp.WSMsgType.TEXT:
        told = json.loads(message.data)
        if told["type"] == "ping":
            cursor = told["payload"]["cursors"]["1"]
        elif told["type"] == "next":
            seen.append(told["payload"]["data"]["events"]["id"])
    return cursor, watching.socket.close_code


async def _settled(town: Town) -> tuple[str, str]:
    """A home of three devices and a partner's token for it, with both processes up."""
    town.run("user", "create", "alice")
    client = town.run("client", "create", "Partner")["client_id"]
    home: str = town.run("home", "create", "--owner", "alice", "--devices", "3")["home_id"]
    token: str = town.run("token", "create", "--client", client, "--user", "alice")["access_token"]
    town.start()
    await town.ready()
    return home, token


async def _light(partner: Partner, home: str) -> str:
    """The home's lamp, once the owner has brought the home to life."""
    query = "query($id: ID!) { home(id: $id) { devices { nodes { id kind } } } }"
    for _ in range(200):
        nodes = (await partner.ask(query, id=home))["home"]["devices"]["nodes"]
        if lights := [one["id"] for one in nodes if one["kind"] == "LIGHT"]:
            light: str = lights[0]
            return light
        await asyncio.sleep(0.05)  # what another process did may be a second old
    raise AssertionError("the owner found no devices")
