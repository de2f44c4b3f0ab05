"""A client for itself (RFC 6749 §4.4): what its token opens, and what it never does."""

from typing import Any

from core.domain.accounts import ClientAuth, Flow
from core.domain.grants import OWN, Scope
from tests.app.oauth.site import App, Site

FORM = {"grant_type": "client_credentials"}
WHO = "{ viewer { user { id } grant { id } client { name } scopes } }"


async def asked(site: Site, token: str, query: str) -> tuple[int, dict[str, Any]]:
    """A query with a token: status and answer."""
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{site.base_url}/graphql"
    async with site.http.post(url, json={"query": query}, headers=headers) as response:
        return response.status, await response.json()


async def test_a_client_gets_what_is_its_own(site: Site) -> None:
    """Without a scope it gets all that it may have, no user, no grant and no refresh token."""
    status, answer = await site.post("token", FORM)
    assert status == 200, answer
    assert answer["scope"] == "usage:read webhooks:manage"
    assert "refresh_token" not in answer
    _, seen = await asked(site, answer["access_token"], WHO)
    viewer = {"user": None, "grant": None, "client": {"name": "App"}, "scopes": sorted(OWN)}
    assert seen == {"data": {"viewer": viewer}}


async def test_it_registers_documents_with_it(site: Site) -> None:
    """What is the client's own needs no user."""
    _, answer = await site.post("token", {**FORM, "scope": "usage:read"})
    query = 'mutation { registerDocument(document: "{ viewer { scopes } }") { id } }'
    _, seen = await asked(site, answer["access_token"], query)
    assert seen["data"]["registerDocument"]["id"].startswith("sha256:")


async def test_what_is_a_users_needs_that_user(site: Site) -> None:
    """The refusal says whose it is, and how to get it."""
    _, answer = await site.post("token", FORM)
    status, seen = await asked(site, answer["access_token"], "{ homes { totalCount } }")
    assert status == 403
    (error,) = seen["errors"]
    assert error["extensions"]["code"] == "INSUFFICIENT_SCOPE"
    assert "only that user can open" in error["message"]


async def test_nothing_of_a_users_is_reached_by_id(site: Site) -> None:
    """`node` answers null for what its scopes do not open."""
    _, answer = await site.post("token", FORM)
    query = f'{{ node(id: "{site.estate.home.id}") {{ id }} }}'
    _, seen = await asked(site, answer["access_token"], query)
    assert seen == {"data": {"node": None}}


async def test_a_public_client_asks_for_no_one(site: Site) -> None:
    """RFC 6749 §4.4: only a confidential client."""
    status, answer = await site.post("token", FORM, await site.new_app(ClientAuth.NONE))
    assert (status, answer["error"]) == (400, "invalid_client")


async def test_a_client_uses_the_flows_that_it_has(site: Site) -> None:
    """RFC 6749 §5.2: others are refused, at either endpoint."""
    accounts = site.estate.house.services.accounts
    client = await accounts.create_client(
        "Own only",
        redirect_uris=["https://app.example/cb"],
        flows=[Flow.CREDENTIALS],
        auth=ClientAuth.BASIC,
    )
    site.app = App(client)
    status, location, _ = await site.authorize(site.request())
    assert (status, "error=unauthorized_client" in location) == (303, True)


async def test_a_disabled_client_is_out_at_once(site: Site) -> None:
    """The token ends with the client (RFC 9700 §2.3)."""
    _, answer = await site.post("token", FORM)
    await site.estate.house.services.accounts.disable_client(site.app.client.id)
    status, _ = await asked(site, answer["access_token"], WHO)
    assert status == 401


async def test_its_token_is_revoked_and_explained(site: Site) -> None:
    """RFC 7662 §2.2, RFC 7009 §2.1, for a token whose subject is the client."""
    _, answer = await site.post("token", FORM)
    token = {"token": answer["access_token"]}
    _, told = await site.post("introspect", token)
    assert (told["active"], told["sub"]) == (True, site.app.client.id)
    assert (await site.post("revoke", token))[0] == 200
    assert (await site.post("introspect", token))[1] == {"active": False}
    assert (await asked(site, answer["access_token"], WHO))[0] == 401


async def test_it_may_not_have_more_than_it_registered(site: Site) -> None:
    """A client that may ask for users' scopes alone gets none of its own."""
    services = site.estate.house.services
    client = await services.accounts.create_client(
        "Reader", scopes=[Scope.DEVICES_READ], auth=ClientAuth.BASIC
    )
    site.app = App(client, await services.client_secrets.rotate(client.id))
    status, answer = await site.post("token", FORM)
    assert (status, answer["error"]) == (400, "invalid_scope")
