"""GraphQL over HTTP: what is answered, what is refused, and with which words."""

import base64
import gzip
import json
from typing import Any

import pytest

from core.domain.grants import Scope
from tests.app.conftest import Api
from tests.conftest import both_engines

DEVICES = "{ devices(first: 2) { nodes { id name } } }"


@both_engines
async def test_a_query_is_answered(api: Api) -> None:
    """200, JSON, and never kept by a cache that others share."""
    response, answer = await api.post({"query": DEVICES})
    assert response.status == 200
    assert response.headers["Content-Type"] == "application/json; charset=utf-8"
    assert "Authorization" in response.headers["Vary"]
    assert len(answer["data"]["devices"]["nodes"]) == 2


@both_engines
async def test_the_response_media_type_is_spoken(api: Api) -> None:
    """Who accepts application/graphql-response+json gets it, and real status codes with it."""
    headers = {"Accept": "application/graphql-response+json, application/json;q=0.9"}
    response, _ = await api.post({"query": DEVICES}, headers=headers)
    assert response.content_type == "application/graphql-response+json"
    for query, status in (("{", 400), ("{ nothing }", 422)):
        response, answer = await api.post({"query": query}, headers=headers)
        assert (response.status, "data" in answer) == (status, False)


@both_engines
@pytest.mark.parametrize(
    ("accept", "status"), [("application/graphql-response+json", 294), ("application/json", 200)]
)
async def test_data_with_errors_is_partial_success(api: Api, accept: str, status: int) -> None:
    """Whoever watches statuses on the way sees it; older clients get it as any other answer."""
    query = "{ __typename events(first: 0) { nodes { id } } }"
    response, answer = await api.post({"query": query}, headers={"Accept": accept})
    assert (response.status, "data" in answer, "errors" in answer) == (status, True, True)
    assert response.content_type == accept


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"{", 400, "not JSON"),
        (b"\xff\xfe{\x00}\x00", 400, "not JSON"),
        (b"5", 422, "JSON object"),
        (b"[]", 422, "JSON object"),
        (b"null", 422, "JSON object"),
        (b"{}", 422, "query is missing"),
        (b'{"query": 5}', 422, "query is missing"),
        (b'{"query": "{ __typename }", "variables": []}', 422, "variables must be an object"),
        (b'{"query": "{ __typename }", "operationName": 5}', 422, "operationName"),
        (b"[" * 100_000, 400, "not JSON"),
        (b'{"query": "' + b"9" * 300_000 + b'"}', 413, "larger than"),
    ],
    ids=[
        "cut",
        "utf16",
        "number",
        "list",
        "null",
        "empty",
        "query",
        "variables",
        "name",
        "deep",
        "huge",
    ],
)
async def test_a_body_that_is_no_request(api: Api, data: bytes, status: int, words: str) -> None:
    """Each is refused with one sentence, and the next request is answered."""
    response, answer = await api.post(data=data, headers={"Content-Type": "application/json"})
    assert response.status == status
    (error,) = answer["errors"]
    assert words in error["message"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert (await api.ask("{ __typename }")) == {"__typename": "Query"}


@pytest.mark.parametrize(
    "content_type",
    ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", ""],
)
async def test_a_form_of_another_site_runs_nothing(api: Api, content_type: str) -> None:
    """What a browser sends without asking (CSRF) is not taken for a request."""
    data = json.dumps({"query": "{ __typename }"}).encode()
    response, answer = await api.post(data=data, headers={"Content-Type": content_type})
    assert response.status == 415
    assert "application/json" in answer["errors"][0]["message"]


async def test_a_charset_that_is_not_utf8(api: Api) -> None:
    """JSON is UTF-8 (RFC 8259 §8.1)."""
    headers = {"Content-Type": "application/json; charset=utf-16"}
    response, _ = await api.post(data=b"{}", headers=headers)
    assert response.status == 415


async def test_an_answer_that_nobody_accepts(api: Api) -> None:
    """406 names what is spoken here."""
    response, answer = await api.post({"query": DEVICES}, headers={"Accept": "text/csv"})
    assert response.status == 406
    assert "application/json" in answer["errors"][0]["message"]


async def test_a_bomb_is_not_unpacked(api: Api) -> None:
    """A compressed body is not JSON, whatever it would become."""
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    response, _ = await api.post(data=gzip.compress(b" " * 10_000_000), headers=headers)
    assert response.status == 400


@both_engines
async def test_a_query_by_get(api: Api) -> None:
    """Document, variables and the operation's name stand in the URL, maps as JSON."""
    query = "query A { __typename } query B($id: ID!) { device(id: $id) { name } }"
    params = {"query": query, "operationName": "B", "variables": f'{{"id": "{api.light.id}"}}'}
    headers = {"Authorization": f"Bearer {api.token()}"}
    response = await api.http.get(api.graphql_url, params=params, headers=headers)
    answer = await response.json(content_type=None)
    assert answer == {"data": {"device": {"name": "Living room lamp"}}}
    assert response.headers["Cache-Control"] == "private, no-cache"


@both_engines
async def test_only_queries_run_by_get(api: Api) -> None:
    """A mutation by GET is 405: who follows a link must not move a thing."""
    mutation = f"""mutation {{ controlDevice(input: {{ deviceId: "{api.light.id}",
        state: {{ on: true }} }}) {{ id }} }}"""
    headers = {"Authorization": f"Bearer {api.token()}"}
    params = {"query": mutation}
    response = await api.http.get(api.graphql_url, params=params, headers=headers)
    answer = await response.json(content_type=None)
    assert (response.status, response.headers["Allow"]) == (405, "POST")
    assert "only queries" in answer["errors"][0]["message"]
    device = await api.house.device(api.light.id)
    assert device.state.on is False


@both_engines
async def test_head_is_get_without_a_body(api: Api) -> None:
    """It runs a query for its headers, and no mutation, wherever that stands."""
    headers = {"Authorization": f"Bearer {api.token()}", "Content-Type": "text/plain"}
    mutation = f"""mutation {{ controlDevice(input: {{ deviceId: "{api.light.id}",
        state: {{ on: true }} }}) {{ id }} }}"""
    url, body = api.graphql_url, json.dumps({"query": mutation})
    by_url = await api.http.head(url, headers=headers, params={"query": mutation})
    by_body = await api.http.head(url, headers=headers, data=body)
    assert (by_url.status, by_body.status) == (405, 422)
    asked = await api.http.head(api.graphql_url, params={"query": "{ __typename }"})
    assert (asked.status, await asked.read()) == (200, b"")
    assert (await api.house.device(api.light.id)).state.on is False


@pytest.mark.parametrize(
    ("params", "status", "words"),
    [
        ({}, 422, "query is missing"),
        ({"query": "{ a }", "variables": "{"}, 400, "variables is not JSON"),
        ({"query": "{ a }", "variables": "[]"}, 422, "variables must be an object"),
    ],
)
async def test_a_get_that_is_none(
    api: Api, params: dict[str, str], status: int, words: str
) -> None:
    """What is wrong in the URL is said."""
    response = await api.http.get(api.graphql_url, params=params)
    answer = await response.json(content_type=None)
    assert response.status == status
    assert words in answer["errors"][0]["message"]


async def test_other_methods_are_none(api: Api) -> None:
    """405 says what is allowed."""
    response = await api.http.put(api.graphql_url)
    await response.read()
    assert response.status == 405
    assert {"GET", "POST"} <= set(response.headers["Allow"].replace(" ", "").split(","))


async def test_without_a_token(api: Api) -> None:
    """401 with challenges and no error code (RFC 6750 §3, RFC 9728 §5.1); introspection works."""
    _, answer = await api.post({"query": "{ __schema { queryType { name } } }"}, token=None)
    assert answer["data"]["__schema"]["queryType"]["name"] == "Query"
    response, answer = await api.post({"query": DEVICES}, token=None)
    assert response.status == 401
    where = f"{api.base_url}/.well-known/oauth-protected-resource"
    bearer, dpop = response.headers["WWW-Authenticate"].split(", DPoP ")
    assert bearer == f'Bearer realm="latchkey", resource_metadata="{where}"'
    algorithms = 'algs="ES256 ES384 EdDSA Ed25519 RS256 PS256"'
    assert dpop == f'realm="latchkey", {algorithms}, resource_metadata="{where}"'
    assert answer["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def _unsigned(api: Api) -> str:
    head, body, _ = api.token().split(".")
    fields = json.loads(base64.urlsafe_b64decode(head + "=="))
    plain = json.dumps({**fields, "alg": "none"}).encode()
    return f"{base64.urlsafe_b64encode(plain).rstrip(b'=').decode()}.{body}."


def _forged(api: Api) -> str:
    head, body, signature = api.token().split(".")
    fields = json.loads(base64.urlsafe_b64decode(body + "=="))
    more = json.dumps({**fields, "sub": "user_0"}).encode()
    return f"{head}.{base64.urlsafe_b64encode(more).rstrip(b'=').decode()}.{signature}"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda api: api.token(seconds=-1), "expired"),
        (lambda api: api.token(audience="https://other.example"), "audience"),
        (_unsigned, "algorithm"),
        (_forged, "signature"),
        (lambda _: "rubbish", "not a signed JWT"),
        (lambda _: "a.b.c", "not a signed JWT"),
        (lambda _: "x" * 9_000, "longer"),
    ],
    ids=["expired", "audience", "none", "forged", "rubbish", "dots", "long"],
)
async def test_a_token_that_does_not_hold(api: Api, make: Any, words: str) -> None:
    """401 with invalid_token (RFC 6750 §3.1), and the reason in words."""
    response, answer = await api.post({"query": DEVICES}, token=make(api))
    assert response.status == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert words in answer["errors"][0]["message"]
    assert "data" not in answer


async def test_a_scope_that_is_missing(api: Api) -> None:
    """403 names every field, and the scopes that would open it (RFC 6750 §3.1); nothing has run."""
    query = "{ homes { nodes { id } } events { nodes { id } } }"
    token = api.token(scopes=[Scope.DEVICES_READ])
    response, answer = await api.post({"query": query}, token=token)
    assert response.status == 403
    challenge = response.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert 'scope="events:subscribe"' in challenge
    (error,) = answer["errors"]
    assert error["extensions"]["code"] == "INSUFFICIENT_SCOPE"
    assert "Query.events" in error["message"]
    assert "Query.homes" not in error["message"]


def _nested(fields: str, times: int) -> str:
    return "{ homes { nodes { " + fields * times + "id" + " }" * (3 * times + 3)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("{ " + " ".join(f"a{i}: __typename" for i in range(10_000)) + " }", "tokens"),
        ("{ " + " ".join(f"a{i}: __typename" for i in range(60)) + " }", "alias"),
        (_nested("devices { nodes { home { ", 5), "deep"),
        (_nested("devices(first: 100) { nodes { home { ", 3), "objects in lists"),
    ],
    ids=["tokens", "aliases", "depth", "lists"],
)
async def test_a_document_that_asks_too_much(api: Api, query: str, words: str) -> None:
    """DOCUMENT_TOO_COMPLEX, with what was counted and what would be right."""
    error = await api.refused(query)
    assert error["extensions"]["code"] == "DOCUMENT_TOO_COMPLEX"
    assert words in error["message"]


async def test_a_document_that_costs_too_much(api: Api) -> None:
    """COST_EXCEEDED is a refusal of the whole request."""
    below = "devices(first: 100) { nodes { room { id } home { id } } }"
    query = f"{{ homes(first: 90) {{ nodes {{ {below} }} }} }}"
    headers = {"Accept": "application/graphql-response+json"}
    response, answer = await api.post({"query": query}, headers=headers)
    assert response.status == 422
    assert answer["errors"][0]["extensions"]["code"] == "COST_EXCEEDED"


async def test_what_a_document_costs(api: Api) -> None:
    """`Latchkey-Debug: cost` is answered in the extensions, by GET with a tag of its own."""
    body, tags = {"query": "{ devices { nodes { id } } }"}, set()
    _, answer = await api.post(body, headers={"Latchkey-Debug": "cost"})
    assert answer["extensions"]["cost"]["typeCost"] == 22
    for headers in ({}, {"Latchkey-Debug": "cost"}):
        given = {"Authorization": f"Bearer {api.token()}", **headers}
        response = await api.http.get(api.graphql_url, params=body, headers=given)
        assert ("extensions" in await response.json()) == bool(headers)
        tags.add(response.headers["ETag"])
    assert len(tags) == 2


@both_engines
async def test_a_subscription_by_post(api: Api) -> None:
    """It is told where subscriptions run."""
    error = await api.refused("subscription { events { id } }")
    assert "WebSocket" in error["message"]


@both_engines
async def test_variables_that_do_not_fit(api: Api) -> None:
    """BAD_USER_INPUT before anything runs."""
    error = await api.refused("query($n: Int!) { devices(first: $n) { totalCount } }", n="many")
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert "$n" in error["message"]


@both_engines
async def test_every_error_has_a_trace(api: Api) -> None:
    """A partner can name the request to us."""
    error = await api.refused("{ devices(first: 100000) { totalCount } }")
    assert len(error["extensions"]["traceId"]) == 32
    assert "between 1 and 100" in error["message"]


async def test_a_browser_may_ask_from_another_origin(api: Api) -> None:
    """A partner's web page holds its own token, so any origin may ask; no cookie is ever used."""
    headers = {
        "Origin": "https://partner.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type",
    }
    response = await api.http.options(api.graphql_url, headers=headers)
    await response.read()
    assert response.status == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in response.headers


async def test_probes(api: Api) -> None:
    """Alive, and ready with every check and its duration."""
    response = await api.http.get(f"{api.base_url}/livez")
    assert (response.status, await response.json()) == (200, {"status": "ok"})
    response = await api.http.get(f"{api.base_url}/readyz")
    body = await response.json()
    assert response.status == 200
    assert set(body["checks"]) == {"database", "logs", "tasks", "draining"}
    assert all(check["ok"] and check["ms"] >= 0 for check in body["checks"].values())
