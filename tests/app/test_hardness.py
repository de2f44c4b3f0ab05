"""Requests that would be dear, wrong or too late: each costs its sender one clear refusal."""

from contextlib import suppress
from typing import Any

import pytest

from core.domain.errors import Missing
from tests.app.conftest import Api

DOCUMENT = "query ($n: Int) { devices(first: $n) { nodes { id name } } }"


async def test_a_head_that_nobody_needs(api: Api) -> None:
    """It is refused by the number of its headers; without a token, as with one."""
    headers = [(f"x-{n}", "y") for n in range(201)]
    response = await api.http.post(api.graphql_url, json={"query": "{ a }"}, headers=headers)
    assert response.status == 431
    assert "200 are the most" in (await response.json(content_type=None))["errors"][0]["message"]


async def test_variables_that_no_answer_could_hold(api: Api) -> None:
    """JSON can be read deeper than it can be written; unknown variables are ignored, as ever."""
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    for _ in range(2):
        data = await api.ask(DOCUMENT, n=2, unused=deep)
        assert len(data["devices"]["nodes"]) == 2


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/graphql-response+json;q=0, application/json", "application/json"),
        ("application/json, application/graphql-response+json;q=0.5", "application/json"),
        ("application/json, application/graphql-response+json", None),
        ("text/plain, */*;q=0.1", "application/json"),
    ],
)
async def test_the_best_of_what_is_accepted(api: Api, accept: str, kind: str | None) -> None:
    """By weight; of equal ones GraphQL's own (RFC 9110 §12.5.1)."""
    response, _ = await api.post({"query": "{ __typename }"}, headers={"Accept": accept})
    assert response.content_type == (kind or "application/graphql-response+json")


async def test_a_type_that_is_refused(api: Api) -> None:
    """A weight of 0 says no."""
    headers = {"Accept": "application/json;q=0"}
    response, _ = await api.post({"query": "{ __typename }"}, headers=headers)
    assert response.status == 406


async def test_access_taken_back_while_a_place_is_waited_for(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is shown by the grant that was: the answer is that of a revoked one."""
    fresh, token = api.house.fresh, api.token()
    places = {api.home_id: 1}
    cursor = api.house.cursors.places(api.grant.id, places)

    async def reach(_: Any) -> None:
        await api.house.services.grants.revoke(api.grant)

    monkeypatch.setattr(fresh, "reach", reach)
    headers = {"Latchkey-After": cursor}
    response, answer = await api.post({"query": DOCUMENT}, token=token, headers=headers)
    assert (response.status, "data" in answer) == (401, False)


async def test_access_taken_back_while_a_text_is_read(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a revoked grant nor a document that was removed meanwhile runs."""
    documents, token = api.house.services.documents, api.token()
    registered = await documents.register(api.client.id, DOCUMENT, lambda _: None)
    read = api.house.register.text

    async def slow(client_id: str, document_id: str) -> str | None:
        text = await read(client_id, document_id)
        with suppress(Missing):  # what compiles ahead reads it too
            await documents.remove(client_id, document_id)
        return text

    monkeypatch.setattr(api.house.register, "held", lambda *_: None)
    monkeypatch.setattr(api.house.register, "text", slow)
    _, answer = await api.post({"documentId": registered.id}, token=token)
    assert answer["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"
    monkeypatch.setattr(api.house.register, "text", _revoking(api, read))
    registered = await documents.register(api.client.id, DOCUMENT, lambda _: None)
    response, answer = await api.post({"documentId": registered.id}, token=token)
    assert (response.status, "data" in answer) == (401, False)


def _revoking(api: Api, read: Any) -> Any:
    async def revoking(client_id: str, document_id: str) -> Any:
        await api.house.services.grants.revoke(api.grant)
        return await read(client_id, document_id)

    return revoking
