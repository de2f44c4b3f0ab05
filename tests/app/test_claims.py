"""What was too large for a delivery, asked for by the link in the claim."""

import pytest
from orjson import loads

from app.working import working
from core.domain.grants import Scope
from core.signing import bodies
from tests.app.conftest import Api
from tests.core.services.estate import eventually
from tests.core.services.repair import of
from tests.webhooks.receivers import answering

CREATE = """
mutation($url: String!) { createWebhookEndpoint(input: { url: $url }) { endpoint { id } } }
"""
CLAIMED = """
query($id: ID!) { webhookDeliveries(filter: { endpointId: $id }) { nodes { id claimed } } }
"""
SWITCH = """
mutation($id: ID!) { controlDevice(input: { deviceId: $id, state: { on: true } }) { status } }
"""


@pytest.fixture
def unusual() -> dict[str, str]:
    """Receivers may be on loopback."""
    return {"webhook_allow": "127.0.0.0/8"}


async def test_the_link_of_a_claim_leads_to_its_data(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a token that opens deliveries, while somebody shows the event; in no cache."""
    monkeypatch.setattr(bodies, "LARGEST", 1_000)
    async with answering() as receiver, working(api.house):
        made = await api.ask(CREATE, url=receiver.url)
        here = made["createWebhookEndpoint"]["endpoint"]["id"]
        await api.ask(SWITCH, id=api.light.id)

        async def claimed() -> bool:
            nodes = (await api.ask(CLAIMED, id=here))["webhookDeliveries"]["nodes"]
            return any(one["claimed"] for one in nodes)

        await eventually(claimed)
    one = next(one for one in await of(api.house, here) if one.claimed)
    link = f"{api.base_url}/webhooks/deliveries/{one.id}/data"
    told = {"Authorization": f"Bearer {api.token(scopes=[Scope.WEBHOOKS_MANAGE])}"}
    async with api.http.get(link, headers=told) as response:
        assert (response.status, response.content_type) == (200, "application/json")
        assert response.headers["Cache-Control"] == "no-store"
        assert loads(await response.read())["events"]["id"] == one.event_id
    other = await api.house.services.accounts.create_client("Other")
    grants = api.house.services.grants
    theirs = await grants.give(api.user.id, other.id, api.grant.scopes, api.grant.shares)
    for headers, address, status, sentence in (
        ({}, link, 401, "access token"),
        ({"Authorization": "Bearer no"}, link, 401, ""),
        ({"Authorization": f"Bearer {api.token(scopes=[Scope.DEVICES_READ])}"}, link, 403, "opens"),
        ({"Authorization": f"Bearer {api.token(theirs)}"}, link, 404, "no delivery"),
        (told, link.replace(one.id, "delivery_none"), 404, "no delivery"),
    ):
        async with api.http.get(address, headers=headers) as response:
            assert response.status == status
            assert sentence in (await response.json())["error"] or sentence == "opens"
            assert ("WWW-Authenticate" in response.headers) == (status in {401, 403})
    await grants.revoke(api.grant)
    own = await api.house.services.grants.give(
        api.user.id, api.client.id, frozenset({Scope.WEBHOOKS_MANAGE}), []
    )
    told = {"Authorization": f"Bearer {api.token(own, [Scope.WEBHOOKS_MANAGE])}"}
    async with api.http.get(link, headers=told) as response:
        assert response.status == 404
