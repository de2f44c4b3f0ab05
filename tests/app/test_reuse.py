"""Conditional requests: what has not changed is not sent again, and only to who may have it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
import pytest

from tests.app.conftest import Api

QUERY = "query($id: ID!) { device(id: $id) { name state { brightness } } }"
CONTROL = """mutation($id: ID!) {
  controlDevice(input: { deviceId: $id, state: { brightness: 37 }, waitMs: 3000 }) { status }
}"""


async def get(
    api: Api, query: str = QUERY, token: str | None = None, **headers: str
) -> tuple[aiohttp.ClientResponse, bytes]:
    """Ask by GET."""
    params = {"query": query, "variables": orjson.dumps({"id": api.light.id}).decode()}
    given = {"Authorization": f"Bearer {token or api.token()}"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    response = await api.http.get(api.graphql_url, params=params, headers=given)
    return response, await response.read()


async def test_what_has_not_changed_is_not_sent(api: Api) -> None:
    """304 for a known tag, alone or among others, weak or strong, and for any."""
    response, body = await get(api)
    tag = response.headers["ETag"]
    assert response.headers["Cache-Control"] == "private, no-cache"
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        response, nothing = await get(api, If_None_Match=known)
        assert (response.status, nothing) == (304, b"")
        assert response.headers["ETag"] == tag
        assert "Authorization" in response.headers["Vary"]
        assert response.headers["Cache-Control"] == "private, no-cache"
    response, again = await get(api, If_None_Match='"x"')
    assert (response.status, again) == (200, body)


async def test_what_has_changed_is_sent(api: Api) -> None:
    """With another tag."""
    response, before = await get(api)
    tag = response.headers["ETag"]
    await api.ask(CONTROL, id=api.light.id)
    response, after = await get(api, If_None_Match=tag)
    assert response.status == 200
    assert after != before
    assert response.headers["ETag"] != tag


async def test_each_media_type_has_its_tag(api: Api) -> None:
    """A tag stands for one representation (RFC 9110 §8.8.3)."""
    one, _ = await get(api)
    other, _ = await get(api, Accept="application/graphql-response+json")
    assert one.headers["ETag"] != other.headers["ETag"]


async def test_a_post_and_an_error_have_no_tag(api: Api) -> None:
    """And are kept by nobody."""
    body = {"query": QUERY, "variables": {"id": api.light.id}}
    posted, _ = await api.post(body, headers={"If-None-Match": "*"})
    failed, _ = await get(api, "{ devices(first: 1000) { totalCount } }", If_None_Match="*")
    for response in (posted, failed):
        assert response.status == 200
        assert "ETag" not in response.headers
        assert response.headers["Cache-Control"] == "no-store"


async def test_who_lost_access_learns_nothing(api: Api) -> None:
    """Not even that nothing has changed."""
    response, _ = await get(api)
    tag, token = response.headers["ETag"], api.token()
    await api.house.services.grants.revoke(api.grant)
    response, body = await get(api, token=token, If_None_Match=tag)
    assert response.status == 401
    assert b"took this access back" in body


async def test_access_is_looked_at_after_a_slow_body(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who takes their time to send gets what they may see then."""
    monkeypatch.setattr("app.graphql.PROMPT_SECONDS", 0.05)
    body = orjson.dumps({"query": QUERY, "variables": {"id": api.light.id}})
    await api.ask(QUERY, id=api.light.id)

    async def slowly() -> AsyncIterator[bytes]:
        yield body[:10]
        await asyncio.sleep(0.1)
        await api.house.services.grants.revoke(api.grant)
        yield body[10:]

    headers: dict[str, Any] = {"Content-Type": "application/json"}
    response, _ = await api.post(data=slowly(), headers=headers)
    assert response.status == 401
