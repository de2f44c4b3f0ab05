"""graphql-sse, unchanged, in its distinct connections mode: each operation a stream of its own."""

import asyncio
from typing import Any

from core.domain.grants import Scope
from tests.clients.conftest import SIMULATE, Start, Town
from tests.clients.road import road
from tests.clients.test_graphql_ws import MOMENT, NAME, WATCH, said
from tests.processes import until_ready
from tests.system.test_processes import free_port


async def test_everything_over_streams(town: Town, start: Start) -> None:
    """Query, mutation and subscription; and a crash of the app leaves nothing behind."""
    after = await town.dim(92)
    async with start("graphql_sse", town.graphql_url, token=lambda: town.token) as app:
        watch = app.watch(WATCH, ids=[town.light.id], after=after)
        answer = await app.ask(NAME, id=town.light.id)
        assert answer["result"] == {"data": {"device": {"name": town.light.name}}}
        for brightness in range(1, 6):
            changed = await app.ask(SIMULATE, id=town.light.id, brightness=brightness)
            assert changed["result"]["data"] == {"simulateDevice": {"id": town.light.id}}
        assert said(await app.results(watch, 5)) == [1, 2, 3, 4, 5]
        app.stop(watch)
        assert await app.next(watch) == {"id": watch, "complete": True}
        watch = app.watch(WATCH, ids=[town.light.id], after=after)
        assert said(await app.results(watch, 5)) == [1, 2, 3, 4, 5]
    assert await town.left_alone()


async def test_an_app_sees_what_is_refused(town: Town, start: Start) -> None:
    """A NetworkError whose response is that of a query; a wrong value is told the same way."""
    refused = {
        "{ nothing }": (422, "GRAPHQL_VALIDATION_FAILED"),
        "{ homes": (400, "GRAPHQL_PARSE_FAILED"),
        WATCH.replace("sequence", "nothing"): (422, "GRAPHQL_VALIDATION_FAILED"),
    }
    async with start("graphql_sse", town.graphql_url, token=lambda: town.token) as app:
        for text, expected in refused.items():
            assert _refused(await app.ask(text)) == expected
        assert _refused(await app.ask(WATCH, ids=[{}])) == (422, "BAD_USER_INPUT")
        assert _refused(await app.ask(WATCH, ids=["device_none"])) == (404, "NOT_FOUND")
        app.token = lambda: town.reading
        assert _refused(await app.ask(WATCH)) == (403, "INSUFFICIENT_SCOPE")
        app.token = lambda: "nobody's"
        assert _refused(await app.ask(WATCH)) == (401, "UNAUTHENTICATED")


async def test_a_stream_lasts(town: Town, start: Start) -> None:
    """By docs/examples/stream.mjs: no gap over cuts, silence and the end of tokens."""
    after = await town.dim(91)
    async with road(town.port) as way, town.beside() as house:

        def brief() -> str:
            return house.tokens.issue(town.grant, list(Scope), MOMENT)

        async with start("graphql_sse", way.graphql_url, "lasting", token=brief) as app:
            watch = app.watch(WATCH, ids=[town.light.id], after=after)
            await town.dim(0)
            assert said(await app.results(watch, 1)) == [0]
            for cut in range(2):
                way.cut()
                await town.dim(*range(10 * cut + 1, 10 * cut + 11))
                assert said(await app.results(watch, 10)) == [*range(10 * cut + 1, 10 * cut + 11)]
            way.hold()
            asked = app.tokens
            await town.dim(21)
            async with asyncio.timeout(10):
                while app.tokens == asked:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.05)
            way.free()
            await town.dim(22)
            assert said(await app.results(watch, 2)) == [21, 22]
            app.token = lambda: "nobody's"
            assert _refused(await app.next(watch)) == (401, "UNAUTHENTICATED")
            assert app.unread(watch) == 0


async def test_a_server_that_ends_sends_its_clients_elsewhere(town: Town, start: Start) -> None:
    """The stream ends without being complete, and goes on at the next process."""
    port = free_port()
    other = town.starter.serve(port, town.env())
    await until_ready(f"http://127.0.0.1:{port}")
    async with (
        road(port) as way,
        start("graphql_sse", way.graphql_url, "lasting", token=lambda: town.token) as app,
    ):
        watch = app.watch(WATCH, ids=[town.light.id], after=await town.dim(90))
        await town.dim(1)
        assert said(await app.results(watch, 1)) == [1]
        other.process.terminate()
        await town.dim(2, 3)
        way.to = town.port
        await town.dim(4)
        assert said(await app.results(watch, 3)) == [2, 3, 4]
    assert await asyncio.to_thread(other.process.wait, 20) == 0
    assert await town.left_alone()


def _refused(answer: dict[str, Any]) -> tuple[int, str]:
    """The status and the one code of what a server did not stream."""
    error = answer["error"]
    assert error["name"] == "NetworkError", error
    (told,) = error["errors"]
    return error["status"], told["extensions"]["code"]
