"""Another library that knows nothing of us runs the flows: requests-oauthlib, which blocks."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest
from oauthlib.oauth2 import BackendApplicationClient, InvalidGrantError, WebApplicationClient
from requests_oauthlib import OAuth2Session

from core.domain.accounts import ClientAuth
from core.domain.grants import Scope
from tests.app.oauth.site import BACK, SCOPE, App, Site, told

T = TypeVar("T")
WHO = {"query": "{ viewer { scopes } }"}


@pytest.fixture(autouse=True)
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library speaks https alone, unless told that it is only trying something out."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


async def blocking(work: Callable[[], T]) -> T:
    """What the library's work comes to, done beside the server's loop."""
    return await asyncio.to_thread(work)


async def allowed(site: Site, app: App, url: str) -> str:
    """Where the browser comes back to, once the user has said yes to the library's request."""
    async with site.http.get(url, allow_redirects=False) as response:
        request = told(response.headers["Location"])["request"]
    grant, scopes = await site.grant(app), [Scope(word) for word in SCOPE.split()]
    authorizations = site.estate.house.services.authorizations
    return await authorizations.approve(request, grant.user_id, grant, scopes)


def proof(app: App) -> dict[str, Any]:
    """What the library sends along to say who asks: Basic, or the client's id in the form."""
    return {"auth": (app.client.id, app.secret)} if app.secret else {"client_id": app.client.id}


def revoked(session: OAuth2Session, app: App, url: str, token: str) -> int:
    """The status of a revocation: this library makes the request and leaves the sending to us."""
    client, named = WebApplicationClient(app.client.id), {} if app.secret else proof(app)
    url, headers, body = client.prepare_token_revocation_request(
        url, token, "refresh_token", **named
    )
    auth = proof(app).get("auth")
    answer = session.post(url, body, headers=headers, auth=auth, withhold_token=True)
    return int(answer.status_code)


@pytest.mark.parametrize("auth", [ClientAuth.BASIC, ClientAuth.NONE])
async def test_a_library_runs_the_code_flow(site: Site, auth: ClientAuth) -> None:
    """URL, consent, code with PKCE, tokens, a query, refresh, revocation."""
    app = await site.new_app(auth)
    session = OAuth2Session(app.client.id, scope=SCOPE.split(), redirect_uri=BACK, pkce="S256")
    url, state = session.authorization_url(f"{site.base_url}/oauth/authorize")
    assert parse_qs(urlsplit(url).query)["code_challenge_method"] == ["S256"]
    back = await allowed(site, app, url)
    assert told(back)["state"] == state
    token_url, api = f"{site.base_url}/oauth/token", f"{site.base_url}/graphql"
    named = {"client_secret": app.secret} if app.secret else {"include_client_id": True}

    def rest() -> tuple[dict[str, Any], dict[str, Any], int]:
        first = dict(session.fetch_token(token_url, authorization_response=back, **named))
        asked = session.post(api, json=WHO).json()
        assert asked == {"data": {"viewer": {"scopes": SCOPE.split()}}}
        second = dict(session.refresh_token(token_url, **proof(app)))
        status = revoked(session, app, f"{site.base_url}/oauth/revoke", second["refresh_token"])
        assert session.post(api, json=WHO).status_code == 401
        with pytest.raises(InvalidGrantError):
            session.refresh_token(token_url, second["refresh_token"], **proof(app))
        return first, second, status

    first, second, status = await blocking(rest)
    assert first["refresh_token"] != second["refresh_token"]
    assert (first["scope"], status) == (SCOPE.split(), 200)


async def test_a_library_asks_for_itself(site: Site) -> None:
    """Client credentials, by Basic as the library does it."""
    app = site.app
    session = OAuth2Session(client=BackendApplicationClient(app.client.id, scope=["usage:read"]))

    def ask() -> tuple[dict[str, Any], Any]:
        url = f"{site.base_url}/oauth/token"
        token = dict(session.fetch_token(url, auth=(app.client.id, app.secret)))
        return token, session.post(f"{site.base_url}/graphql", json=WHO).json()

    token, answer = await blocking(ask)
    assert (token["token_type"], "refresh_token" in token) == ("Bearer", False)
    assert answer == {"data": {"viewer": {"scopes": ["usage:read"]}}}
