"""urql, unchanged: HTTP by hash, and live over graphql-ws."""

from typing import Any

from tests.clients.conftest import SIMULATE, Start, Town
from tests.clients.road import road
from tests.clients.test_graphql_ws import NAME, WATCH, said


async def test_everything_that_urql_does(town: Town, start: Start) -> None:
    """A query by GET and hash, a mutation, live events; and a crash leaves nothing behind."""
    after = await town.dim(93)
    async with start("urql", town.graphql_url, town.ws_url, token=lambda: town.token) as app:
        for _ in range(2):
            answer = await app.ask("query Seldom { homes { totalCount } }")
            assert answer["result"]["data"]["homes"]["totalCount"] == 1
        sent = [(await app.next("sent"))["sent"] for _ in range(3)]
        assert all(one.startswith("GET ") and "sha256Hash" in one for one in sent)
        assert ["query=" in one for one in sent] == [False, True, False]
        watch = app.watch(WATCH, ids=[town.light.id], after=after)
        for brightness in (1, 2, 3):
            changed = await app.ask(SIMULATE, id=town.light.id, brightness=brightness)
            assert changed["result"]["data"]["simulateDevice"]["id"] == town.light.id
        assert said(await app.results(watch, 3)) == [1, 2, 3]
        assert app.unread(watch) == 0
    assert await town.left_alone()


async def test_subscriptions_over_fetch(town: Town, start: Start) -> None:
    """Its own way over HTTP (GraphQL over SSE): as good as any, until its connection ends."""
    after = await town.dim(89)
    async with (
        road(town.port) as way,
        start("urql", way.graphql_url, "", "fetch", token=lambda: town.token) as app,
    ):
        watch = app.watch(WATCH, ids=[town.light.id], after=after)
        await town.dim(1, 2, 3)
        assert said(await app.results(watch, 3)) == [1, 2, 3]
        assert _codes(await app.next(app.watch(WATCH, ids=[{}]))) == ["BAD_USER_INPUT"]
        answer = await app.ask(NAME, id=town.light.id)
        assert answer["result"]["data"]["device"]["name"] == town.light.name
        way.cut()
        assert (await app.next(watch))["result"]["hasNext"] is False
        assert await town.left_alone()  # it does not come back


async def test_an_app_sees_what_is_refused(town: Town, start: Start) -> None:
    """As the CombinedError of its result, with codes, over HTTP and over the socket."""
    async with start("urql", town.graphql_url, town.ws_url, token=lambda: town.token) as app:
        assert _codes(await app.ask("{ nothing }")) == ["GRAPHQL_VALIDATION_FAILED"]
        assert _codes(await app.ask(NAME)) == ["BAD_USER_INPUT"]
        assert _codes(await app.next(app.watch(WATCH, ids=[{}]))) == ["BAD_USER_INPUT"]
    async with start("urql", town.graphql_url, town.ws_url, token=lambda: town.reading) as app:
        answer = await app.ask(SIMULATE, id=town.light.id, brightness=5)
        assert _codes(answer) == ["INSUFFICIENT_SCOPE"]
        assert _codes(await app.next(app.watch(WATCH))) == ["INSUFFICIENT_SCOPE"]


def _codes(answer: dict[str, Any]) -> list[str]:
    return [one["extensions"]["code"] for one in answer["result"]["error"]["errors"]]
