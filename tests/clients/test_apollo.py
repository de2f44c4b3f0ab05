"""Apollo Client, unchanged: one normalised cache, fed over HTTP and by live events."""

from typing import Any

from tests.clients.conftest import SIMULATE, Start, Town
from tests.clients.programs import Program
from tests.clients.test_graphql_ws import said

LIGHT = "query($id: ID!) { device(id: $id) { id name state { brightness } } }"
WATCH = """
subscription($ids: [ID!], $after: String) {
  deviceStatusChanged(deviceIds: $ids, after: $after) {
    sequence state { brightness } device { id state { brightness } }
  }
}
"""


async def test_events_update_what_is_shown(town: Town, start: Start) -> None:
    """A watched query shows each event of its device, without asking for anything again."""
    after = await town.dim(94)
    async with start("apollo", town.graphql_url, town.ws_url, token=lambda: town.token) as app:
        shown = app.watch(LIGHT, id=town.light.id)
        while (seen := await app.next(shown))["result"]["loading"]:
            pass
        assert seen["result"]["data"]["device"]["state"]["brightness"] == 94
        asked = app.unread("sent")
        watch = app.watch(WATCH, ids=[town.light.id], after=after)
        for brightness in (1, 2, 3):
            await town.dim(brightness)
            assert said(await app.results(watch, 1)) == [brightness]
            (seen,) = await app.results(shown, 1)
            assert seen["data"]["device"]["state"]["brightness"] == brightness
            assert seen["data"]["device"]["name"] == town.light.name
        assert app.unread("sent") == asked
        assert app.unread(watch) == app.unread(shown) == 0
        app.stop(watch)
        app.watch(WATCH, ids=[town.light.id])
    assert await town.left_alone()


async def test_a_known_query_is_sent_as_its_hash(town: Town, start: Start) -> None:
    """Automatic persisted queries: hash, then text along with it, then hash; mutations too."""
    async with start("apollo", town.graphql_url, town.ws_url, token=lambda: town.token) as app:
        for _ in range(2):
            answer = await app.ask("query Rarely { homes { totalCount } }")
            assert answer["result"]["data"]["homes"]["totalCount"] == 1
        assert await _texts(app, 3) == [False, True, False]
        answer = await app.ask(SIMULATE, id=town.light.id, brightness=5)
        assert answer["result"]["data"]["simulateDevice"]["id"] == town.light.id
        assert await _texts(app, 2) == [False, True]


async def test_an_app_sees_what_is_refused(town: Town, start: Start) -> None:
    """As CombinedGraphQLErrors, with codes, over HTTP and over the socket."""
    async with start("apollo", town.graphql_url, town.ws_url, token=lambda: town.token) as app:
        assert _codes(await app.ask("{ nothing }")) == ["GRAPHQL_VALIDATION_FAILED"]
        assert _codes(await app.ask(LIGHT)) == ["BAD_USER_INPUT"]
        assert _codes(await app.next(app.watch(WATCH, ids=[{}]))) == ["BAD_USER_INPUT"]
        missing = WATCH.replace("sequence", "nothing")
        assert _codes(await app.next(app.watch(missing))) == ["GRAPHQL_VALIDATION_FAILED"]
    async with start("apollo", town.graphql_url, town.ws_url, token=lambda: town.reading) as app:
        answer = await app.ask(SIMULATE, id=town.light.id, brightness=5)
        assert _codes(answer) == ["INSUFFICIENT_SCOPE"]
        assert _codes(await app.next(app.watch(WATCH))) == ["INSUFFICIENT_SCOPE"]


async def _texts(app: Program, many: int) -> list[bool]:
    """Whether each of the next requests brought its text; all bring its hash."""
    sent = [(await app.next("sent"))["sent"] for _ in range(many)]
    assert all(one["extensions"]["persistedQuery"]["sha256Hash"] for one in sent)
    return ["query" in one for one in sent]


def _codes(answer: dict[str, Any]) -> list[str]:
    error = answer["error"]
    assert error["name"] == "CombinedGraphQLErrors", error
    return [one["extensions"]["code"] for one in error["errors"]]
