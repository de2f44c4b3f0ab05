"""The authorization code flow as it should go (RFC 6749 §4.1, RFC 7636, RFC 9207, RFC 8707)."""

import pytest

from core.domain.accounts import ClientAuth
from core.domain.grants import Scope
from tests.app.oauth.site import SCOPE, Site, told
from tests.core.services.estate import LeapClock


@pytest.mark.parametrize("auth", [ClientAuth.BASIC, ClientAuth.NONE])
async def test_a_code_brings_tokens(site: Site, auth: ClientAuth) -> None:
    """RFC 6749 §5.1, RFC 6750 §2.1: a token that opens the API, its time, scopes, successor."""
    app = await site.new_app(auth)
    answer = await site.tokens(app)
    assert set(answer) == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 900)
    assert answer["scope"] == SCOPE
    assert await site.ask(answer["access_token"]) == 200


async def test_a_secret_may_be_posted(site: Site) -> None:
    """RFC 6749 §2.3.1: in the form, where the client cannot send Basic."""
    code, _ = await site.code()
    assert site.app.secret is not None
    proof = {"client_id": site.app.client.id, "client_secret": site.app.secret}
    form = {**proof, "grant_type": "authorization_code", "code": code}
    public = type(site.app)(site.app.client)
    status, answer = await site.post("token", form, public)
    assert (status, answer["error"]) == (400, "invalid_grant"), "the redirect_uri is missing"
    code, _ = await site.code()
    status, _ = await site.redeem(code, public, **proof)
    assert status == 200


async def test_the_browser_goes_to_the_consent_page(site: Site) -> None:
    """RFC 6749 §3.1: a valid request is kept, its user asked under an id that says nothing."""
    status, location, _ = await site.authorize(site.request())
    assert status == 303
    assert location.startswith("/consent?request=")
    pending = await site.estate.house.services.authorizations.pending(told(location)["request"])
    assert (pending.client.id, pending.expired) == (site.app.client.id, False)
    assert pending.scopes == {Scope(word) for word in SCOPE.split()}


async def test_a_refresh_brings_the_next_token(site: Site) -> None:
    """RFC 6749 §6: both tokens are new, and the scopes are the same."""
    first = await site.tokens()
    status, second = await site.refresh(first["refresh_token"])
    assert status == 200
    assert second["scope"] == first["scope"]
    assert second["refresh_token"] != first["refresh_token"]
    assert await site.ask(second["access_token"]) == 200


async def test_a_refresh_may_ask_for_less(site: Site) -> None:
    """RFC 6749 §6: the access token is narrower, the refresh token keeps its scopes."""
    first = await site.tokens()
    _, less = await site.refresh(first["refresh_token"], scope="devices:read")
    assert less["scope"] == "devices:read"
    _, again = await site.refresh(less["refresh_token"])
    assert again["scope"] == SCOPE


async def test_a_lost_answer_is_given_again(site: Site, clock: LeapClock) -> None:
    """For 30 s the same client gets the same successor; the family lives on with it."""
    first = await site.tokens()
    _, lost = await site.refresh(first["refresh_token"])
    clock.leap(25)
    status, again = await site.refresh(first["refresh_token"])
    assert (status, again["refresh_token"]) == (200, lost["refresh_token"])
    status, _ = await site.refresh(again["refresh_token"])
    assert status == 200


async def test_what_the_tokens_are_for_may_be_named(site: Site) -> None:
    """RFC 8707 §2, RFC 8707 §2.2, RFC 9700 §2.3: our API, at both endpoints."""
    resource = f"{site.base_url}/graphql"
    code, _ = await site.code(resource=resource)
    status, _ = await site.redeem(code, resource=resource)
    assert status == 200


async def test_one_redirect_uri_need_not_be_named(site: Site) -> None:
    """RFC 6749 §4.1.1: a client that registered one may leave it out, at both endpoints."""
    code, _ = await site.code(redirect_uri=None)
    status, _ = await site.redeem(code, redirect_uri=None)
    assert status == 200


async def test_an_old_secret_is_good_for_a_day(site: Site, clock: LeapClock) -> None:
    """After a rotation both prove the client, and then the new one alone."""
    old, secrets = site.app, site.estate.house.services.client_secrets
    new = type(old)(old.client, await secrets.rotate(old.client.id))
    token = (await site.tokens(old))["refresh_token"]
    _, answer = await site.refresh(token, new)
    clock.leap(24 * 3600)
    status, refused = await site.refresh(answer["refresh_token"], old)
    assert (status, refused["error"]) == (401, "invalid_client")
    status, _ = await site.refresh(answer["refresh_token"], new)
    assert status == 200
