"""graphql-ws, unchanged, over the life of its sockets."""

import asyncio
from contextlib import AsyncExitStack
from functools import cache
from typing import Any

import pytest

from core.domain.grants import Scope, Share
from tests.clients.conftest import HEARTBEAT, SIMULATE, Start, Town
from tests.clients.programs import Program
from tests.clients.road import Road, road
from tests.processes import until_ready
from tests.system.test_processes import free_port

NAME = "query($id: ID!) { device(id: $id) { name } }"
WATCH = """
subscription($ids: [ID!], $after: String) {
  deviceStatusChanged(deviceIds: $ids, after: $after) { sequence state { brightness } }
}
"""
MOMENT = 3
"""Seconds that a short token lasts."""


def said(results: list[dict[str, Any]]) -> list[int]:
    """The brightnesses of events, each one with its cursor and the sequence without a gap."""
    assert all(one["extensions"]["cursor"] for one in results)
    events = [one["data"]["deviceStatusChanged"] for one in results]
    first = events[0]["sequence"]
    assert [one["sequence"] for one in events] == [*range(first, first + len(events))]
    return [one["state"]["brightness"] for one in events]


async def test_everything_over_one_socket(town: Town, start: Start) -> None:
    """Query, mutation and subscription; and a crash of the app leaves nothing behind."""
    after = await town.dim(99)
    async with start("graphql_ws", town.ws_url, token=lambda: town.token) as app:
        watch = app.watch(WATCH, ids=[town.light.id], after=after)
        answer = await app.ask(NAME, id=town.light.id)
        assert answer["result"] == {"data": {"device": {"name": town.light.name}}}
        for brightness in range(1, 6):
            changed = await app.ask(SIMULATE, id=town.light.id, brightness=brightness)
            assert changed["result"]["data"] == {"simulateDevice": {"id": town.light.id}}
        assert said(await app.results(watch, 5)) == [1, 2, 3, 4, 5]
        app.stop(watch)
        assert await app.next(watch) == {"id": watch, "complete": True}
        assert await app.next("closed") == {"closed": 1000}
        watch = app.watch(WATCH, ids=[town.light.id], after=after)
        await app.results(watch, 5)
        assert app.tokens == 2
    assert await town.left_alone()


async def test_errors_come_to_their_operation(town: Town, start: Start) -> None:
    """A sink gets them as errors of GraphQL, with their codes, and the others go on."""
    after = await town.dim(98)
    async with start("graphql_ws", town.ws_url, token=lambda: town.token) as app:
        watch = app.watch(WATCH, ids=[town.light.id], after=after)
        refused = {
            "{ nothing }": "GRAPHQL_VALIDATION_FAILED",
            "{ homes": "GRAPHQL_PARSE_FAILED",
            WATCH.replace("sequence", "nothing"): "GRAPHQL_VALIDATION_FAILED",
        }
        for text, code in refused.items():
            assert _codes(await app.ask(text)) == [code]
        assert _codes(await app.ask(WATCH, ids=["device_none"])) == ["NOT_FOUND"]
        assert _codes(await app.ask(WATCH, ids=[{}])) == ["BAD_USER_INPUT"]
        await town.dim(1)
        assert said(await app.results(watch, 1)) == [1]
    async with start("graphql_ws", town.ws_url, token=lambda: town.reading) as app:
        assert "result" in await app.ask(NAME, id=town.light.id)
        assert _codes(await app.ask(WATCH)) == ["INSUFFICIENT_SCOPE"]


async def test_a_road_that_is_cut_costs_no_event(town: Town, start: Start) -> None:
    """By docs/examples/resume.mjs: none is missed and none comes twice, however often it is cut."""
    await town.dim(97)
    async with (
        road(town.port) as way,
        start("graphql_ws", way.ws_url, "lasting", token=lambda: town.token) as app,
    ):
        watch = app.watch(WATCH, ids=[town.light.id], after=None)
        await app.next("connected")
        # Nothing has come yet: only a ping tells how far the server is.
        await asyncio.sleep(HEARTBEAT * 1.5)
        for cut in range(3):
            way.cut()
            assert await app.next("closed") == {"closed": 1006}
            await town.dim(*range(10 * cut, 10 * cut + 5))
            assert (await app.next("connected"))["connected"]["retried"]
            await town.dim(*range(10 * cut + 5, 10 * cut + 10))
        assert said(await app.results(watch, 30)) == [*range(30)]
        assert app.unread(watch) == 0
        await _held_up(way, app, town, watch)


async def _held_up(way: Road, app: Program, town: Town, watch: str) -> None:
    """Neither side hears of it; the client misses the heartbeats and comes back."""
    way.hold()
    await town.dim(40, 41)
    assert await app.next("closed") == {"closed": 1006}
    way.free()
    await town.dim(42)
    assert said(await app.results(watch, 3)) == [40, 41, 42]


async def test_an_address_may_be_dead_for_a_while(town: Town, start: Start) -> None:
    """By itself this client gives up where nobody listens; by the example it tries on."""
    port = free_port()
    url = f"ws://127.0.0.1:{port}/graphql"
    async with (
        start("graphql_ws", url, token=lambda: town.token) as plain,
        start("graphql_ws", url, "lasting", token=lambda: town.token) as lasting,
    ):
        watch = lasting.watch(WATCH, ids=[town.light.id], after=await town.dim(94))
        await lasting.next("closed")
        assert "ECONNREFUSED" in (await plain.ask(NAME))["error"]["message"]
        async with road(town.port, at=port):
            await town.dim(1)
            assert said(await lasting.results(watch, 1)) == [1]


async def test_a_token_is_renewed_before_it_ends(town: Town, start: Start) -> None:
    """In band where the app has a new one; otherwise 4403, a new one, and on from there."""
    after = await town.dim(96)
    async with town.beside() as house, AsyncExitStack() as apps:

        def brief() -> str:
            return house.tokens.issue(town.grant, list(Scope), MOMENT)

        given = {"plain": brief, "lasting": brief, "stale": cache(brief)}
        running = {
            name: await apps.enter_async_context(
                start("graphql_ws", town.ws_url, name.replace("stale", "lasting"), token=token)
            )
            for name, token in given.items()
        }
        watches = {
            name: app.watch(WATCH, ids=[town.light.id], after=after)
            for name, app in running.items()
        }
        await town.dim(1, 2)
        for name, app in running.items():
            assert said(await app.results(watches[name], 2)) == [1, 2]
        await _refused(running["stale"])
        running["stale"].token = brief
        assert await running["plain"].next("closed") == {"closed": 4403}
        await town.dim(3)
        for name in ("lasting", "stale"):
            assert said(await running[name].results(watches[name], 1)) == [3]
        # What graphql-ws does by itself is to come back; it asks again for what it asked first.
        while said(await running["plain"].results(watches["plain"], 1)) != [3]:
            pass
        assert running["plain"].tokens >= 2
        assert "expiresAt" in (await running["lasting"].next("pong"))["pong"]
        assert running["lasting"].unread("closed") == 0


async def _refused(app: Program) -> None:
    """A token that is shown again renews nothing."""
    first = (await app.next("connected"))["connected"]["expiresAt"]
    assert await app.next("pong") == {"pong": {"expiresAt": first}}
    assert await app.next("closed") == {"closed": 4403}


@pytest.mark.parametrize("way", ["plain", "lasting"])
async def test_who_lost_access_gives_up(town: Town, start: Start, way: str) -> None:
    """4401 is final for this client: the app is told, and no new token is asked for."""
    async with town.beside() as house:
        client = await house.services.accounts.create_client("Partner of a day")
        shares = [Share(town.light.home.id)]
        grant = await house.services.grants.give(town.user.id, client.id, list(Scope), shares)
        token = house.tokens.issue(grant, list(Scope), 600)
        async with start("graphql_ws", town.ws_url, way, token=lambda: token) as app:
            watch = app.watch(WATCH)
            await app.next("connected")
            asked = app.tokens
            await house.services.accounts.disable_client(client.id)
            error = (await app.next(watch))["error"]
            assert (error["code"], app.tokens) == (4401, asked)
            assert error["reason"]


async def test_a_server_that_ends_sends_its_clients_elsewhere(town: Town, start: Start) -> None:
    """1012, and on at the next process by the same address: no gap, no repetition."""
    port = free_port()
    other = town.starter.serve(port, town.env())
    await until_ready(f"http://127.0.0.1:{port}")
    async with (
        road(port) as way,
        start("graphql_ws", way.ws_url, "lasting", token=lambda: town.token) as app,
    ):
        watch = app.watch(WATCH, ids=[town.light.id], after=await town.dim(95))
        await town.dim(1)
        assert said(await app.results(watch, 1)) == [1]
        other.process.terminate()
        await town.dim(2, 3)
        assert await app.next("closed") == {"closed": 1012}
        way.to = town.port
        await town.dim(4)
        assert said(await app.results(watch, 3)) == [2, 3, 4]
    assert await asyncio.to_thread(other.process.wait, 20) == 0
    assert await town.left_alone()


def _codes(answer: dict[str, Any]) -> list[str]:
    return [one["extensions"]["code"] for one in answer["error"]["errors"]]
