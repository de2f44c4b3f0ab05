"""Persisted documents over HTTP and over a socket: found, not found, restricted."""

import asyncio
import json
from typing import Any

import pytest
import structlog

from core.domain.documents import digest
from tests.app.conftest import Api
from tests.app.test_socket import WATCH, opened
from tests.core.services.estate import eventually

NAME = "query ($id: ID!) { device(id: $id) { name } }"
SWITCH = """mutation($id: ID!) {
  controlDevice(input: { deviceId: $id, state: { on: true } }) { status }
}"""
REGISTER = "mutation($document: String!) { registerDocument(document: $document) { id } }"
MODERN = {"Accept": "application/graphql-response+json"}


async def register(api: Api, document: str = NAME) -> str:
    """Register a document as a partner does, and give its id."""
    named: str = (await api.ask(REGISTER, document=document))["registerDocument"]["id"]
    return named


async def restrict(api: Api, *, registered_only: bool = True) -> None:
    """Have the client run registered documents only."""
    await api.house.services.accounts.restrict_client(
        api.client.id, registered_only=registered_only
    )


def apollo(text: str) -> dict[str, Any]:
    """How Apollo's clients name a document."""
    return {"persistedQuery": {"version": 1, "sha256Hash": digest(text)}}


async def got(api: Api, headers: dict[str, str] | None = None, **params: Any) -> tuple[int, Any]:
    """Status and answer of a GET request; maps as JSON."""
    texts = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in params.items()
    }
    bearer = {"Authorization": f"Bearer {api.token()}", **(headers or {})}
    response = await api.http.get(api.graphql_url, params=texts, headers=bearer)
    return response.status, await response.json(content_type=None)


async def test_an_id_runs_what_was_registered(api: Api) -> None:
    """By POST and by GET, in both ways to name it; the answer is the text's."""
    named, variables = await register(api), {"id": api.light.id}
    assert named == f"sha256:{digest(NAME)}"
    wanted = await api.post({"query": NAME, "variables": variables})
    for how in ({"documentId": named}, {"extensions": apollo(NAME)}):
        _, answer = await api.post({**how, "variables": variables})
        assert answer == wanted[1] == {"data": {"device": {"name": "Living room lamp"}}}
        assert await got(api, **how, variables=variables) == (200, answer)


async def test_registering_again_is_the_same_document(api: Api) -> None:
    """The token needs no scope for it, but has to be one."""
    named = await register(api)
    body = {"query": REGISTER, "variables": {"document": NAME}}
    _, answer = await api.post(body, token=api.token(scopes=[]))
    assert answer == {"data": {"registerDocument": {"id": named}}}
    response, answer = await api.post(body, token=None)
    assert (response.status, "data" in answer) == (401, False)


@pytest.mark.parametrize(
    ("document", "code", "words"),
    [
        ("{", "GRAPHQL_PARSE_FAILED", "Syntax Error"),
        ("{\n  nothing\n}", "GRAPHQL_VALIDATION_FAILED", "Cannot query field 'nothing'"),
        ("query A { __typename } query B { b }", "GRAPHQL_VALIDATION_FAILED", "'b'"),
        ("{ " + "a: __typename " * 5_000 + "}", "DOCUMENT_TOO_COMPLEX", "tokens"),
        ("{ __typename } # \0", "BAD_USER_INPUT", "U+0000"),
    ],
    ids=["syntax", "field", "second operation", "long", "nul"],
)
async def test_a_bad_document_is_refused(api: Api, document: str, code: str, words: str) -> None:
    """With the code that a request with it gets, and where in it."""
    error = await api.refused(REGISTER, document=document)
    assert error["extensions"]["code"] == code
    assert words in error["message"]
    assert api.house.access.documents == {}
    if "nothing" in document:
        (fault,) = error["extensions"]["errors"]
        assert fault["locations"] == [{"line": 2, "column": 3}]


@pytest.mark.parametrize(("headers", "status"), [({}, 200), (MODERN, 422)])
async def test_what_is_not_found(api: Api, headers: dict[str, str], status: int) -> None:
    """200 for who asks for application/json, as Apollo's clients expect; else what it is."""
    named = {"documentId": f"sha256:{digest(NAME)}"}
    for how, words in ((named, "or send query"), ({"extensions": apollo(NAME)}, "PersistedQuery")):
        response, answer = await api.post(how, headers=headers)
        (error,) = answer["errors"]
        assert (response.status, "data" in answer) == (status, False)
        assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
        assert words in error["message"]
        assert (await got(api, headers, **how))[0] == status


async def test_apollos_handshake(api: Api) -> None:
    """The hash alone, then the text along with it, then the hash alone, also by GET."""
    asked = {"extensions": apollo(NAME), "variables": {"id": api.light.id}}
    assert (await api.post(asked))[1]["errors"][0]["message"] == "PersistedQueryNotFound"
    _, answer = await api.post({**asked, "query": NAME})
    assert answer["data"]["device"]
    assert (await api.post(asked))[1] == answer
    assert await got(api, **asked) == (200, answer)
    assert api.house.access.documents == {}


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"query": "{ a }", "documentId": f"sha256:{'0' * 64}"}, 400, "is not that of query"),
        ({"query": "{ a }", "extensions": apollo(NAME)}, 400, "is not that of query"),
        ({"extensions": {"persistedQuery": {"version": 2}}}, 400, '"version": 1'),
        ({"documentId": 5}, 422, "documentId must be a string"),
    ],
    ids=["id", "hash", "version", "number"],
)
async def test_ids_that_are_wrong(api: Api, body: dict[str, Any], status: int, words: str) -> None:
    """Each is refused with what is wrong with it."""
    response, answer = await api.post(body)
    (error,) = answer["errors"]
    assert (response.status, error["extensions"]["code"]) == (status, "BAD_USER_INPUT")
    assert words in error["message"]


async def test_without_a_token_there_are_no_documents(api: Api) -> None:
    """401, with the challenge that says what to bring."""
    named = await register(api)
    response, answer = await api.post({"documentId": named}, token=None)
    assert response.status == 401
    challenge = response.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="latchkey", resource_metadata="http')
    assert "error" not in challenge
    assert "data" not in answer


async def test_a_registered_mutation_does_not_run_by_get(api: Api) -> None:
    """405, as with its text (GraphQL over HTTP, appendix A, "GET")."""
    named = await register(api, SWITCH)
    status, _ = await got(api, documentId=named, variables={"id": api.light.id})
    assert status == 405
    assert (await api.house.device(api.light.id)).state.on is False
    _, answer = await api.post({"documentId": named, "variables": {"id": api.light.id}})
    assert answer["data"]["controlDevice"]["status"] == "CONFIRMED"


async def test_a_restricted_client(api: Api) -> None:
    """It runs what it registered and what needs no token, and cannot add to it."""
    await register(api)
    await restrict(api)
    assert await api.ask(NAME, id=api.light.id)
    assert await api.ask("{ __schema { queryType { name } } }")
    response, answer = await api.post({"query": "{ viewer { client { id } } }"}, headers=MODERN)
    assert response.status == 422
    assert "registered documents only" in answer["errors"][0]["message"]
    error = await api.refused(REGISTER, document="{ __typename }")
    assert error["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_client_does_not_lift_its_own_restriction(api: Api) -> None:
    """Not even by the mutation that it registered before."""
    await register(api, REGISTER)
    await restrict(api)
    error = await api.refused(REGISTER, document="{ homes { totalCount } }")
    assert error["extensions"]["code"] == "INSUFFICIENT_SCOPE"
    assert "latchkey document register" in error["message"]


async def test_an_id_over_a_socket(api: Api) -> None:
    """Queries, mutations and subscriptions, with no text; an unknown id ends itself alone."""
    watched, named = await register(api, WATCH), await register(api, SWITCH)
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.send({"id": "w", "type": "subscribe", "payload": {"documentId": watched}})
        await socket.send({"id": "0", "type": "subscribe", "payload": {"documentId": "none"}})
        message = await socket.next()
        assert (message["type"], message["id"]) == ("error", "0")
        assert message["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
        await asyncio.sleep(0.3)  # until the watch has begun
        payload = {"extensions": {}, "documentId": named, "variables": {"id": api.light.id}}
        await socket.send({"id": "m", "type": "subscribe", "payload": payload})
        told = [await socket.next() for _ in range(3)]
    assert {one["id"] for one in told} == {"m", "w"}
    event = next(one for one in told if one["id"] == "w")["payload"]["data"]
    assert event["deviceStatusChanged"]["device"]["id"] == api.light.id


async def test_apollos_hash_over_a_socket(api: Api) -> None:
    """What is wrong with it ends the operation, what is no request the socket."""
    asked = {"variables": {"id": api.light.id}, "extensions": apollo(NAME)}
    async with opened(api) as socket:
        await socket.init(api.token())
        for payload, kind in (
            (asked, "error"),
            ({**asked, "query": NAME + " "}, "error"),
            ({**asked, "query": NAME}, "next"),
            (asked, "next"),
        ):
            await socket.send({"id": "1", "type": "subscribe", "payload": payload})
            assert (await socket.next())["type"] == kind
            if kind == "next":
                assert (await socket.next())["type"] == "complete"
        await socket.send({"id": "1", "type": "subscribe", "payload": {"documentId": 5}})
        code, reason = await socket.closed()
    assert (code, "documentId must be a string" in reason) == (4400, True)


async def test_a_restriction_while_a_socket_is_open(api: Api) -> None:
    """What runs goes on; the next operation is judged by it."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(WATCH, "w")
        await restrict(api)
        await socket.subscribe(NAME, "q", id=api.light.id)
        message = await socket.next()
        assert (message["type"], message["id"]) == ("error", "q")
        await restrict(api, registered_only=False)
        await api.ask(SWITCH, id=api.light.id)
        assert (await socket.next())["id"] == "w"


async def test_a_server_makes_ready_what_is_registered(api: Api) -> None:
    """It looks at each document as it comes; one that its graph does not take costs a line."""
    with structlog.testing.capture_logs() as lines:
        await api.house.services.documents.register(api.client.id, "{ nothing }", str)
        await eventually(lambda: len(lines) > 0)
    assert [line["event"] for line in lines] == ["registered_document_unfit"]
    assert await api.ask(NAME, id=api.light.id)
    assert api.house.dead == []
