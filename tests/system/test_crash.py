"""Kill the process in the middle, start it again, and look for what it owed."""

import asyncio
import signal
from typing import Any

import aiohttp

from tests.processes import Partner, Starter, partner_of

EVENTS = """
query($after: String) {
  events(first: 100, after: $after) {
    nodes { id type sequence home { id } ... on CommandUpdated { command { id status } }
      ... on DeviceStatusChanged { device { id } } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
CONTROL = """
mutation($id: ID!, $brightness: Int!) {
  controlDevice(input: {
    deviceId: $id, state: { brightness: $brightness }, waitMs: 0, timeoutMs: 3000
  }) { id status }
}
"""
WATCH = "subscription($after: String) { events(after: $after) { id } }"
ROUNDS = 3


async def _log(partner: Partner, after: str | None = None) -> list[dict[str, Any]]:
    """The whole log by polling."""
    found = []
    while True:
        page = (await partner.ask(EVENTS, after=after))["events"]
        found += page["nodes"]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            return found


async def _storm(partner: Partner, light: str, accepted: set[str]) -> None:
    """Ask for a new brightness again and again, until the process dies under us."""
    brightness = 1
    while True:
        brightness = brightness % 99 + 1
        answer = await partner.ask(CONTROL, id=light, brightness=brightness)
        accepted.add(answer["controlDevice"]["id"])
        await asyncio.sleep(0.05)


async def _watch(partner: Partner, after: str | None, seen: list[str]) -> str | None:
    """Follow the log live until the process dies; the last cursor."""
    async with partner.watching(WATCH, after=after) as watching:
        try:
            while True:
                seen.append((await watching.next())["id"])
        except (TypeError, aiohttp.ClientError):  # what a socket that dies under a reader raises
            return watching.cursor or after


async def test_a_killed_process_loses_nothing(starter: Starter) -> None:
    """No event is lost or repeated over three kills, and every command comes to an end."""
    accepted: set[str] = set()
    seen: list[str] = []
    cursor: str | None = await _first_cursor(starter)
    for _ in range(ROUNDS):
        demo = starter.demo()
        partner, light = partner_of(demo), demo.ready["light_id"]
        watch = asyncio.create_task(_watch(partner, cursor, seen))
        storm = asyncio.create_task(_storm(partner, light, accepted))
        await asyncio.sleep(1.2)
        demo.end(signal.SIGKILL)
        await asyncio.gather(storm, return_exceptions=True)
        cursor = await watch
    partner = partner_of(starter.demo())
    await asyncio.sleep(3.5)  # every deadline has come
    log = await _log(partner, None)
    ended = {
        event["command"]["id"]: event["command"]["status"]
        for event in log
        if event["type"] == "COMMAND_UPDATED" and event["command"]["status"] != "ACCEPTED"
    }
    assert accepted <= ended.keys()
    assert len(accepted) > ROUNDS
    assert len(seen) == len(set(seen))
    ids = [event["id"] for event in log]
    start = ids.index(seen[0])
    in_order = [one for one in ids[start:] if one in set(seen)]
    assert sorted(in_order) == sorted(seen)
    await _nothing_between_is_missing(partner, cursor, seen, ids[start:])


async def _nothing_between_is_missing(
    partner: Partner, cursor: str | None, seen: list[str], ids: list[str]
) -> None:
    """What the log holds is what was seen live and what the last cursor still gives."""
    rest = [event["id"] for event in await _log(partner, cursor)]
    missing = [one for one in ids if one not in {*seen, *rest}]
    assert missing == []
    assert not set(seen) & set(rest)


async def _first_cursor(starter: Starter) -> str:
    """A cursor at the end of a new demo's log."""
    demo = starter.demo()
    partner = partner_of(demo)
    after = None
    while True:
        page = (await partner.ask(EVENTS, after=after))["events"]["pageInfo"]
        after = page["endCursor"]
        if not page["hasNextPage"]:
            break
    demo.end()
    assert isinstance(after, str)
    return after
