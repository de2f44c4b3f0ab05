"""Tokens that are refused are counted in the audit, whoever shows them and however."""

import aiohttp

from core.domain.audit import Kind, Sought
from tests.app.conftest import Api


async def told(api: Api) -> list[str]:
    """What each line says, so far."""
    await api.house.services.audit.close()
    rows = await api.house.services.audit.listed(Sought(kind=Kind.TOKEN_USE), 99)
    contents = [row.content or {} for row in rows]
    assert {(one["source"], one["actor"]) for one in contents} <= {("127.0.0.1", "anonymous")}
    return sorted(one["detail"] for one in contents)


async def test_refused_tokens_are_counted(api: Api) -> None:
    """By reason; the token itself is nowhere."""
    for _ in range(3):
        await api.post({"query": "{ viewer { scopes } }"}, token="s3cr3t.forged.token")
    await api.post({"query": "{ viewer { scopes } }"}, token=api.token(seconds=-60))
    await api.house.services.grants.revoke(api.grant)
    await api.post({"query": "{ viewer { scopes } }"})
    assert await told(api) == [
        '{"count": 1, "reason": "expired"}',
        '{"count": 1, "reason": "taken_back"}',
        '{"count": 3, "reason": "not_held"}',
    ]


async def test_refused_sockets_are_counted(api: Api) -> None:
    """A token in `connection_init` is a token shown."""
    async with api.http.ws_connect(api.graphql_url, protocols=["graphql-transport-ws"]) as socket:
        payload = {"authorization": "Bearer s3cr3t.forged.token"}
        await socket.send_json({"type": "connection_init", "payload": payload})
        assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
    assert await told(api) == ['{"count": 1, "reason": "not_held"}']


async def test_who_is_served_or_shows_nothing_is_not_noted(api: Api) -> None:
    """Neither is a refusal of a token."""
    await api.post({"query": "{ viewer { scopes } }"})
    await api.post({"query": "{ viewer { scopes } }"}, token=None)
    assert await told(api) == []
