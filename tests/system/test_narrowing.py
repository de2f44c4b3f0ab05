"""What a person takes back by the form of one process is gone in another, without a broadcast."""

import asyncio
import time
from dataclasses import replace
from itertools import cycle
from typing import Any, Final

import aiohttp

from tests.app.visitor import Visitor
from tests.processes import Partner, Watching
from tests.system.test_processes import Town, town  # noqa: F401 - a fixture

SOON: Final = 2.0
LAMPS: Final = "{ devices(first: 100, filter: { capability: [ON_OFF] }) { nodes { id } } }"
SWITCH: Final = """mutation($id: ID!, $on: Boolean!) {
  controlDevice(input: { deviceId: $id, state: { on: $on } }) { status }
}"""
WATCH: Final = """
subscription($after: String) { deviceStatusChanged(after: $after) { device { id } } }
"""
NODE: Final = "query($id: ID!) { node(id: $id) { id } }"
LOG: Final = """query($after: String) {
  events(first: 100, after: $after) {
    nodes { ... on DeviceStatusChanged { device { id } } }
    pageInfo { endCursor hasNextPage }
  }
}"""


async def test_what_is_narrowed_here_is_gone_there(town: Town) -> None:  # noqa: F811 - the fixture
    """Queries, nodes, the log, a replay and an open stream of the other process, within 2 s."""
    password = town.run("user", "create", "alice")["password"]
    town.run("home", "create", "--owner", "alice", "--devices", "12")
    tokens = [
        town.run("token", "create", "--client", client, "--user", "alice")["access_token"]
        for client in (town.run("client", "create", name)["client_id"] for name in ("App", "Hand"))
    ]
    town.start()
    await town.ready()
    here, there = (town.partner(which, tokens[0]) for which in (0, 1))
    hand = replace(here, token=tokens[1])
    kept, *others = await lamps(hand)
    async with here.watching(WATCH) as near, there.watching(WATCH) as far:
        switching = asyncio.create_task(switch(hand, [kept, *others]))
        old = await shown(far, {kept, *others})
        await shown(near, {kept, *others})
        begun = await narrow(f"http://127.0.0.1:{town.ports[0]}", password, kept)
        await asyncio.gather(*(until_alone(one, kept, begun) for one in (here, there)))
        for partner in (here, there):
            for other in others:
                assert await partner.ask(NODE, id=other) == {"node": None}
            assert await logged(partner) == {kept}
            async with partner.watching(WATCH, after=old) as replay:
                assert {(await replay.next())["device"]["id"] for _ in range(3)} == {kept}
        for watching in (near, far):
            await quiet(watching, kept, begun)
        switching.cancel()
        await asyncio.gather(switching, return_exceptions=True)


async def lamps(partner: Partner) -> list[str]:
    """What can be switched, once the owner has brought the home to life."""
    for _ in range(200):
        nodes = (await partner.ask(LAMPS))["devices"]["nodes"]
        if len(nodes) > 1:
            return [one["id"] for one in nodes]
        await asyncio.sleep(0.05)
    raise AssertionError("the owner found no devices")


async def switch(partner: Partner, devices: list[str]) -> None:
    """Switch one after the other, on and off, for ever."""
    for on in cycle((True, False)):
        for device_id in devices:
            await partner.answer(SWITCH, id=device_id, on=on)


async def shown(watching: Watching, devices: set[str]) -> str | None:
    """Read on until each of these was shown; the cursor of the first event."""
    missing, first = set(devices), None
    while missing:
        missing.discard((await watching.next())["device"]["id"])
        first = first or watching.cursor
    return first


async def narrow(base_url: str, password: str, device_id: str) -> float:
    """Sign in, and leave the app this one device, by the form of the account; when it was sent."""
    async with aiohttp.ClientSession() as http:
        visitor = Visitor(http, base_url)
        await visitor.sign_in("alice", password)
        account = await visitor.get("/account")
        first = account.text.index('aria-label="Change what it sees: App"')
        path = account.text[:first].rpartition('href="')[2].split('"')[0]
        page = await visitor.get(path)
        kept = [one for one in page.forms[path] if one[0] not in {"home", "room", "device"}]
        begun = time.monotonic()
        done = await visitor.post(path, [*kept, ("device", device_id)])
        assert done.status == 303, done.text
        return begun


async def until_alone(partner: Partner, kept: str, begun: float) -> None:
    """Wait until queries show this device alone, and not longer than is allowed."""
    query, alone = "{ devices { nodes { id } } }", [{"id": kept}]
    while (await partner.ask(query))["devices"]["nodes"] != alone:  # noqa: ASYNC110 - another process
        await asyncio.sleep(0.02)
    assert time.monotonic() - begun <= SOON


async def logged(partner: Partner) -> set[str]:
    """The devices of which the log tells, all of it."""
    found: set[str] = set()
    page: dict[str, Any] = {"endCursor": None, "hasNextPage": True}
    while page["hasNextPage"]:
        log = (await partner.ask(LOG, after=page["endCursor"]))["events"]
        found |= {one["device"]["id"] for one in log["nodes"] if one}
        page = log["pageInfo"]
    return found


async def quiet(watching: Watching, kept: str, begun: float) -> None:
    """Nothing but this device is told of from the moment on, though all are switched."""
    left = begun + SOON - time.monotonic()
    await asyncio.sleep(max(left, 0))
    await watching.socket.send_json({"type": "ping"})  # what was sent before it was in time
    while (await watching.socket.receive_json())["type"] != "pong":
        pass
    assert {(await watching.next())["device"]["id"] for _ in range(5)} == {kept}
