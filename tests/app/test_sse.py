"""GraphQL over SSE, on a real server: what is told, how it is resumed, and how it ends."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app import errors
from core.domain.devices import State
from core.domain.documents import digest
from core.domain.grants import Scope, Share
from tests.app.conftest import SOON, Api
from tests.app.test_dpop import ADA, bound_token
from tests.app.test_persisted import register
from tests.app.test_socket import SWITCH, WATCH, _press, _switch, _until_listeners
from tests.conftest import both_engines
from tests.event_source import EventSource, Told

EVENTS = "subscription($after: String) { events(after: $after) { id } }"
JSON = "application/graphql-response+json"
SECONDS = 5.0


class Events:
    """A partner's open stream, read event by event."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.reader = EventSource()
        self.last_id = ""
        self._told: list[Told] = []

    async def next(self) -> Told | None:
        """The next event; None at the end of the stream."""
        async with asyncio.timeout(SECONDS):
            while not self._told:
                if not (part := await self.response.content.readany()):
                    return None
                self._told += self.reader.feed(part)
        told = self._told.pop(0)
        self.last_id = told.last_id
        return told

    async def answer(self) -> dict[str, Any]:
        """The answer of the next event, which is a `next`."""
        told = await self.next()
        assert told is not None
        assert told.type == "next"
        answer: dict[str, Any] = json.loads(told.data)
        return answer

    async def id(self) -> str:
        """The id of the next event of the log."""
        found: str = (await self.answer())["data"]["events"]["id"]
        return found

    async def rest(self) -> list[Told]:
        """Everything up to the end."""
        return [told async for told in self._rest()]

    async def comment(self) -> None:
        """Read until it has beaten once more."""
        before = self.reader.comments
        async with asyncio.timeout(SECONDS):
            while self.reader.comments == before:
                self._told += self.reader.feed(await self.response.content.readany())

    async def _rest(self) -> AsyncIterator[Told]:
        while (told := await self.next()) is not None:
            yield told

    async def failed(self) -> str:
        """The code of the error with which it ends."""
        told, complete = await self.rest()
        assert (told.type, complete.type) == ("next", "complete")
        (error,) = json.loads(told.data)["errors"]
        assert error["extensions"]["traceId"]
        code: str = error["extensions"]["code"]
        return code


@asynccontextmanager
async def asked(
    api: Api,
    query: str | None,
    *,
    token: str | None = "",
    method: str = "POST",
    headers: dict[str, str] | None = None,
    last: str | None = None,
    **more: Any,
) -> AsyncIterator[aiohttp.ClientResponse]:
    """The answer to who asks for a stream, whatever it is."""
    head = {"Accept": "text/event-stream"}
    if token is not None:
        head["Authorization"] = f"Bearer {token or api.token()}"
    if last is not None:
        head["Last-Event-ID"] = last
    body: dict[str, Any] = {**more} if query is None else {"query": query, **more}
    if method == "POST":
        how: dict[str, Any] = {"json": body}
    else:
        how = {"params": {k: v if isinstance(v, str) else json.dumps(v) for k, v in body.items()}}
    head |= headers or {}
    async with api.http.request(method, api.graphql_url, headers=head, **how) as response:
        yield response


@asynccontextmanager
async def streamed(api: Api, query: str | None, **more: Any) -> AsyncIterator[Events]:
    """An open stream."""
    async with asked(api, query, **more) as response:
        assert response.status == 200, await response.text()
        yield Events(response)


async def refused(api: Api, query: str | None, **more: Any) -> tuple[int, str, dict[str, Any]]:
    """Status, code and error of who is refused before a stream begins."""
    async with asked(api, query, **more) as response:
        assert response.content_type == JSON
        answer = json.loads(await response.read())
    (error,) = answer["errors"]
    assert "data" not in answer
    assert error["extensions"]["traceId"]
    return response.status, error["extensions"]["code"], error


async def logged(api: Api) -> list[str]:
    """The ids of everything that happened."""
    log = await api.ask("{ events(first: 100) { nodes { id } } }")
    return [one["id"] for one in log["events"]["nodes"]]


@both_engines
async def test_a_subscription_is_told_live(api: Api) -> None:
    """Each event once, under its cursor; nothing on the way keeps any of it back."""
    async with streamed(api, WATCH) as events, streamed(api, WATCH, method="GET") as others:
        headers = events.response.headers
        assert headers["Content-Type"] == "text/event-stream; charset=utf-8"
        assert headers["Cache-Control"] == "no-store"
        assert headers["X-Accel-Buffering"] == "no"
        assert headers["Vary"] == "Accept, Authorization"
        assert headers["Transfer-Encoding"] == "chunked"
        await _switch(api, on=not api.light.state.on)
        told = await events.next()
        assert await others.answer()
    assert told is not None
    answer = json.loads(told.data)
    assert told == ("next", told.data, answer["extensions"]["cursor"])
    assert answer["data"]["deviceStatusChanged"]["device"]["id"] == api.light.id
    assert events.reader.retry is not None


@both_engines
async def test_a_reader_resumes_where_it_was(api: Api) -> None:
    """By Last-Event-ID, though the URL with its older `after` stays: no gap, nothing twice."""
    async with streamed(api, EVENTS) as events:
        await _switch(api, on=True)
        one, first = await events.id(), events.last_id
        two, last = await events.id(), events.last_id
    await _switch(api, on=False)
    log = await logged(api)
    missed = {since: log[log.index(since) + 1 :] for since in (one, two)}
    assert missed[one] == [two, *missed[two]]
    url = {"method": "GET", "variables": {"after": first}}
    async with streamed(api, EVENTS, **url) as older, streamed(api, EVENTS, last=last, **url) as it:
        assert [await older.id() for _ in missed[one]] == missed[one]
        assert [await it.id() for _ in missed[two]] == missed[two]
        await _switch(api, on=True)
        more = (await logged(api))[len(log) :]
        assert [await it.id() for _ in more] == more


@both_engines
async def test_queries_and_mutations_run_over_it(api: Api) -> None:
    """One next, then complete; a mutation not by GET, and nothing is kept by a cache."""
    async with streamed(api, SWITCH, variables={"id": api.light.id, "on": True}) as events:
        assert (await events.answer())["data"]["controlDevice"]["status"] == "CONFIRMED"
        assert [told.type for told in await events.rest()] == ["complete"]
    async with streamed(api, "{ homes { totalCount } }", method="GET") as events:
        assert events.response.headers["Cache-Control"] == "no-store"
        assert await events.answer() == {"data": {"homes": {"totalCount": 1}}}
        assert [told.type for told in await events.rest()] == ["complete"]
    async with streamed(api, "{ __typename events(first: 0) { nodes { id } } }") as events:
        assert (await events.answer())["errors"]
    variables = {"id": api.light.id, "on": True}
    status, _, error = await refused(api, SWITCH, method="GET", variables=variables)
    assert (status, "mutation" in error["message"]) == (405, True)


def test_a_code_is_a_status() -> None:
    """As the error that it was would have been; what is no error of ours is a bug."""
    assert errors.of_code("NOT_FOUND") == (404, {})
    assert errors.of_code("UNAVAILABLE") == (503, {"Retry-After": "1"})
    assert errors.of_code("INTERNAL") == (500, {})


UNFIT = [
    ("subscription {", 400, "GRAPHQL_PARSE_FAILED"),
    ("subscription { nothing }", 422, "GRAPHQL_VALIDATION_FAILED"),
    ("subscription { events { home { rooms { id } } } }", 422, "GRAPHQL_VALIDATION_FAILED"),
    ("subscription($a: String!) { events(after: $a) { id } }", 422, "BAD_USER_INPUT"),
    ('subscription { events(after: "rubbish") { id } }', 400, "BAD_USER_INPUT"),
    ('subscription { deviceStatusChanged(deviceIds: ["x"]) { id } }', 404, "NOT_FOUND"),
    ("{ nothing }", 422, "GRAPHQL_VALIDATION_FAILED"),
    ("query($n: Int!) { devices(first: $n) { totalCount } }", 422, "BAD_USER_INPUT"),
]


@both_engines
async def test_what_cannot_begin_is_a_plain_refusal(api: Api) -> None:
    """As for a query, by POST and by GET: no stream begins."""
    for query, status, code in UNFIT:
        for method in ("POST", "GET"):
            assert (await refused(api, query, method=method))[:2] == (status, code), query
    await _until_listeners(api, 0)  # nothing is followed for what never began


async def test_who_may_not_is_refused_before(api: Api) -> None:
    """With the challenges of any request; a token in the URL is none."""
    async with asked(api, WATCH, token=None) as response:
        assert (response.status, "WWW-Authenticate" in response.headers) == (401, True)
    url = f"{api.graphql_url}?access_token={api.token()}"
    accept = {"Accept": "text/event-stream"}
    async with api.http.get(url, params={"query": WATCH}, headers=accept) as response:
        assert response.status == 401
    async with asked(api, WATCH, token=api.token(scopes=[Scope.DEVICES_READ])) as response:
        assert response.status == 403
        assert "events:subscribe" in response.headers["WWW-Authenticate"]


async def test_an_id_that_is_no_cursor(api: Api) -> None:
    """It is named, whatever the document says; one of another grant is none either."""
    shares = [Share(api.home_id)]
    other = await api.house.services.grants.give(api.user.id, api.client.id, list(Scope), shares)
    foreign = api.house.cursors.places(other.id, {api.home_id: 1})
    for last in ("rubbish", foreign):
        status, code, error = await refused(api, EVENTS, last=last)
        assert (status, code) == (400, "BAD_USER_INPUT")
        assert error["extensions"]["field"] == "Last-Event-ID"
    async with streamed(api, EVENTS, last="") as events:  # nothing was told yet
        await events.comment()


async def test_a_subscription_as_json_is_told_where_to_go(api: Api) -> None:
    """JSON has an end."""
    plain = {"Accept": "application/json"}
    for method, status in (("POST", 400), ("GET", 405)):
        async with asked(api, WATCH, headers=plain, method=method) as response:
            assert response.status == status
            (error,) = (await response.json())["errors"]
        assert "Accept: text/event-stream" in error["message"]


async def test_the_best_type_is_taken(api: Api) -> None:
    """Who would rather have JSON gets JSON."""
    for accept, kind in (
        ("text/event-stream, application/json;q=0.9", "text/event-stream"),
        ("application/json, text/event-stream", "application/json"),
        (f"{JSON}, text/event-stream;q=0.9", JSON),
        ("*/*", "application/json"),
    ):
        async with asked(api, "{ __typename }", headers={"Accept": accept}) as response:
            assert response.content_type == kind


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_what_is_watched_is_a_stream_wherever_that_ranks(api: Api, method: str) -> None:
    """It has no other answer; who takes none is refused."""
    for accept, status in (
        ("application/json, text/event-stream", 200),
        (f"{JSON}, application/json, text/event-stream;q=0.1, multipart/mixed", 200),
        ("text/event-stream, application/json", 200),
        (f"{JSON}, text/event-stream;q=0", {"GET": 405, "POST": 400}[method]),
    ):
        async with asked(api, WATCH, headers={"Accept": accept}, method=method) as response:
            assert response.status == status
            kind = "text/event-stream" if status == 200 else JSON
            assert response.content_type == kind


async def test_head_and_preflight(api: Api) -> None:
    """HEAD has the head and no stream; a page of another origin may send Last-Event-ID."""
    async with asked(api, WATCH, method="HEAD") as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        assert await response.read() == b""
    await _until_listeners(api, 0)
    asks = {
        "Origin": "https://partner.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "authorization, last-event-id",
    }
    async with api.http.options(api.graphql_url, headers=asks) as response:
        assert response.status == 200
        assert "Last-Event-ID" in response.headers["Access-Control-Allow-Headers"]
    origin = {"Origin": "https://partner.example"}
    async with streamed(api, WATCH, headers=origin) as events:
        assert events.response.headers["Access-Control-Allow-Origin"] == "*"
        await _switch(api, on=not api.light.state.on)
        assert (await events.answer())["data"]


async def test_a_persisted_document(api: Api) -> None:
    """By its id, and in Apollo's way."""
    named, sha = {"documentId": await register(api, EVENTS)}, digest(EVENTS)
    apollo = {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": sha}}}
    async with (
        streamed(api, None, method="GET", **named) as by_id,
        streamed(api, None, method="GET", **apollo) as by_hash,
    ):
        await _switch(api, on=not api.light.state.on)
        assert await by_id.id() == await by_hash.id()
    status, code, _ = await refused(api, None, documentId=f"sha256:{'0' * 64}")
    assert (status, code) == (422, "PERSISTED_QUERY_NOT_FOUND")


async def test_a_bound_token(api: Api) -> None:
    """It needs its proof on the request (RFC 9449 §7.1), and outlives that one as others do."""
    token = bound_token(api.house, api.grant)
    proof = ADA.proof("POST", api.graphql_url, api.house.clock.now(), token)
    shown = {"Authorization": f"DPoP {token}"}
    status, code, _ = await refused(api, WATCH, headers=shown)
    assert (status, code) == (401, "UNAUTHENTICATED")
    async with streamed(api, WATCH, headers={**shown, "DPoP": proof}) as events:
        await _switch(api, on=not api.light.state.on)
        assert (await events.answer())["data"]


async def test_a_token_that_expires_under_an_open_stream(api: Api) -> None:
    """The last thing told is UNAUTHENTICATED."""
    async with streamed(api, WATCH, token=api.token(seconds=SOON)) as events:
        assert await events.failed() == "UNAUTHENTICATED"
    await _until_listeners(api, 0)


@both_engines
async def test_access_that_is_taken_back(api: Api) -> None:
    """Likewise, within 2 s."""
    async with streamed(api, WATCH) as events:
        await api.house.services.grants.revoke(api.grant)
        async with asyncio.timeout(2):
            assert await events.failed() == "UNAUTHENTICATED"
    await _until_listeners(api, 0)
    assert (await refused(api, WATCH))[:2] == (401, "UNAUTHENTICATED")


@both_engines
async def test_a_scope_that_is_taken_back(api: Api) -> None:
    """The stream ends with what is missing."""
    async with streamed(api, WATCH) as events:
        rest = set(Scope) - {Scope.EVENTS_SUBSCRIBE}
        await api.house.services.grants.amend(api.grant, rest, [Share(api.home_id)])
        async with asyncio.timeout(2):
            assert await events.failed() == "INSUFFICIENT_SCOPE"


@both_engines
async def test_narrowing_silences_the_other_devices(api: Api) -> None:
    """What is no longer shared is gone from the open stream, and from a replay."""
    async with streamed(api, WATCH) as events:
        await events.comment()
        before = events.reader.last_id
        only = [Share(api.home_id, device_id=api.lock.id)]
        await api.house.services.grants.amend(api.grant, list(Scope), only)
        await _press(api, api.light.id, State(on=not api.light.state.on))
        await _press(api, api.lock.id, State(locked=not api.lock.state.locked))
        told = [await events.answer()]
    async with streamed(api, WATCH, last=before) as events:
        told.append(await events.answer())
    found = [one["data"]["deviceStatusChanged"]["device"]["id"] for one in told]
    assert found == [api.lock.id, api.lock.id]


async def test_the_command_of_the_document_works(api: Api) -> None:
    """docs/live.md, pasted into a shell."""
    page = Path(__file__).parents[2] / "docs/live.md"
    _, _, command = page.read_text(encoding="utf-8").partition("\n```sh\n")
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        "exec " + command.partition("```")[0],
        env={**os.environ, "BASE": api.base_url, "TOKEN": api.token()},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    source, told = EventSource(), list[Told]()
    async with asyncio.timeout(SECONDS):
        while not source.last_id:  # the place where it begins
            told += source.feed(await process.stdout.read(1_000))
        await _switch(api, on=not api.light.state.on)
        while not told:
            told += source.feed(await process.stdout.read(1_000))
    process.kill()
    await process.wait()
    assert json.loads(told[0].data)["data"]["events"]["home"] == {"name": "Maple Street"}


async def test_a_client_that_goes_leaves_nothing(api: Api) -> None:
    """Its watch ends at once, and nobody is told any more."""
    for method in ("POST", "GET"):
        async with streamed(api, WATCH, method=method):
            await _until_listeners(api, 2)  # the watch and its roster
        await _until_listeners(api, 0)
