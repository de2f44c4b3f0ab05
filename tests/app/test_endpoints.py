"""Endpoints over HTTP: with a token of the client itself, and their public keys for everybody."""

import asyncio
from datetime import datetime
from typing import Any, Final

import pytest
from aiohttp import encode_basic_auth
from joserfc.jwk import KeySet

from app.working import working
from core.domain.accounts import ClientAuth
from core.domain.time import Uuid7
from core.signing import PublicKey, receiver_key, verify
from tests.app.conftest import Api
from tests.core.services.estate import eventually
from tests.webhooks.receivers import answering

SCOPE: Final = "webhooks:manage"
CREATE = """
mutation($url: String!, $signing: Signing) {
  createWebhookEndpoint(input: {url: $url, signing: $signing}) {
    endpoint { id } secret publicKey
  }
}
"""
ROTATE = "mutation($id: ID!) { rotateWebhookSecret(id: $id) { secret publicKey } }"
UPDATE = """
mutation($id: ID!) { updateWebhookEndpoint(input: {id: $id, signing: HMAC}) { signing } }
"""
PAUSE = "mutation($id: ID!) { pauseWebhookEndpoint(id: $id) { status } }"
RESUME = "mutation($id: ID!) { resumeWebhookEndpoint(id: $id) { status } }"
HEALTH = """
query($id: ID!) { webhookEndpoint(id: $id) { health { succeededAt failingSince } } }
"""
SWITCH = """
mutation($id: ID!, $on: Boolean!) {
  controlDevice(input: {deviceId: $id, state: {on: $on}}) { status }
}
"""
URL = "https://partner.example/hooks"


async def own_token(api: Api) -> str:
    """A token that a client asked for with its own credentials."""
    client = await api.house.services.accounts.create_client("Backend", auth=ClientAuth.BASIC)
    secret = await api.house.services.client_secrets.rotate(client.id)
    form = {"grant_type": "client_credentials", "scope": SCOPE}
    told = {"Authorization": encode_basic_auth(client.id, secret)}
    async with api.http.post(f"{api.base_url}/oauth/token", data=form, headers=told) as response:
        answer = await response.json()
    assert answer["scope"] == SCOPE
    return str(answer["access_token"])


async def keys(api: Api, endpoint_id: str) -> list[dict[str, Any]]:
    """What everybody is told of an endpoint's keys."""
    async with api.http.get(f"{api.base_url}/.well-known/webhook-keys/{endpoint_id}") as response:
        assert response.status == 200
        assert response.content_type == "application/json"
        assert response.headers["Cache-Control"] == "public, max-age=300"
        found: list[dict[str, Any]] = (await response.json())["keys"]
    return found


async def test_a_client_manages_endpoints_by_itself(api: Api) -> None:
    """With client credentials, which open endpoints and nobody's home; others' are hidden."""
    token = await own_token(api)
    made = (await api.ask(CREATE, token, url=URL))["createWebhookEndpoint"]
    id = made["endpoint"]["id"]
    listed = "{ webhookEndpoints { nodes { id } totalCount } }"
    assert (await api.ask(listed, token))["webhookEndpoints"]["nodes"] == [{"id": id}]
    assert (await api.ask(listed))["webhookEndpoints"]["totalCount"] == 0
    error = await api.refused("{ homes { totalCount } }", token)
    assert error["extensions"]["code"] == "INSUFFICIENT_SCOPE"


async def test_no_endpoints_without_their_scope(api: Api) -> None:
    """403, and the challenge names what would open them."""
    token = api.token(scopes=["devices:read"])  # type: ignore[list-item]  # as it is written
    body = {"query": "{ webhookEndpoints { totalCount } }"}
    response, answer = await api.post(body, token=token)
    assert response.status == 403
    assert f'scope="{SCOPE}"' in response.headers["WWW-Authenticate"]
    assert SCOPE in answer["errors"][0]["message"]


@pytest.mark.parametrize("unusual", [{"webhook_allow": "127.0.0.1"}])
async def test_an_operator_opens_networks(api: Api) -> None:
    """There, and nowhere else, over http and on any port."""
    assert await api.ask(CREATE, url="http://127.0.0.1:8765/hooks")
    error = await api.refused(CREATE, url="http://127.0.0.2:8765/hooks")
    assert error["extensions"]["field"] == "url"


async def test_everybody_may_read_public_keys(api: Api) -> None:
    """As a JWK Set, the newest first, a former one with its end, also after a change to secrets."""
    made = (await api.ask(CREATE, url=URL, signing="ED25519"))["createWebhookEndpoint"]
    id = made["endpoint"]["id"]
    (first,) = await keys(api, id)
    assert first["key"] == made["publicKey"]
    assert first.keys() == {"kty", "crv", "x", "kid", "use", "key"}
    newer = (await api.ask(ROTATE, id=id))["rotateWebhookSecret"]["publicKey"]
    told = await keys(api, id)
    assert [one["key"] for one in told] == [newer, made["publicKey"]]
    left = datetime.fromisoformat(told[1].pop("until")) - api.house.clock.now()
    assert 23.9 < left.total_seconds() / 3_600 <= 24
    assert told[1] == first
    for one, key in zip(told, KeySet.import_key_set({"keys": told}).keys, strict=True):
        assert key.thumbprint() == one["kid"]
        assert PublicKey.parse(one["key"]).jwk["x"] == one["x"]
    await api.ask(UPDATE, id=id)
    assert (await api.ask(ROTATE, id=id))["rotateWebhookSecret"]["publicKey"] is None
    assert [one["key"] for one in await keys(api, id)] == [newer, made["publicKey"]]
    assert all("until" in one for one in await keys(api, id))


async def test_what_has_no_public_key(api: Api) -> None:
    """A secret is nobody's, and an endpoint that is not there reads the same."""
    made = (await api.ask(CREATE, url=URL))["createWebhookEndpoint"]
    for id in (made["endpoint"]["id"], Uuid7().new("endpoint"), "x%00'y"):
        url = f"{api.base_url}/.well-known/webhook-keys/{id}"
        async with api.http.get(url) as response:
            assert response.status == 404
            text = await response.text()
        assert "no endpoint with this id" in text
        assert made["secret"] not in text


def received(raw: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and body of a request as it came."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    return {
        name.lower(): value for name, _, value in (line.partition(": ") for line in lines)
    }, body


@pytest.mark.parametrize("unusual", [{"webhook_allow": "127.0.0.1"}])
async def test_from_registering_to_a_verified_delivery(api: Api) -> None:
    """Signed by the secret that was shown; paused, nothing comes; then it does, by both secrets."""

    async def switch(*, on: bool) -> None:
        await api.ask(SWITCH, id=api.light.id, on=on)

    async with answering() as receiver, working(api.house):
        made = (await api.ask(CREATE, url=receiver.url))["createWebhookEndpoint"]
        id, old = made["endpoint"]["id"], receiver_key(made["secret"])
        await switch(on=True)
        await eventually(lambda: any(b"device.status_changed" in one for one in receiver.got))
        for raw in receiver.got:
            verify([old], *received(raw), api.house.clock.now())
        assert (await api.ask(PAUSE, id=id))["pauseWebhookEndpoint"]["status"] == "PAUSED"
        await asyncio.sleep(2)  # by then every sender has noticed
        receiver.got.clear()
        await switch(on=False)
        new = receiver_key((await api.ask(ROTATE, id=id))["rotateWebhookSecret"]["secret"])
        await asyncio.sleep(0.3)
        assert receiver.got == []
        await api.ask(RESUME, id=id)
        await eventually(lambda: any(b"device.status_changed" in one for one in receiver.got), 5)
        for key in (old, new):
            verify([key], *received(receiver.got[0]), api.house.clock.now())
        health = (await api.ask(HEALTH, id=id))["webhookEndpoint"]["health"]
        assert (health["failingSince"], health["succeededAt"] is None) == (None, False)
    assert api.house.dead == []
