"""A client library that knows nothing of us runs the whole flow: Authlib's own OAuth client."""

import asyncio
import json
import time
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from authlib.oauth2.client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT

from core.domain.accounts import ClientAuth
from core.domain.grants import Scope
from tests.app.oauth.site import BACK, SCOPE, Site, told
from tests.core.tokens.holder import Holder


class Response:
    """As much of an HTTP response as the library reads."""

    def __init__(self, status: int, body: bytes) -> None:
        self.status_code = status
        self._body = body

    def json(self) -> Any:
        """The body."""
        return json.loads(self._body)


class Session:
    """As much of an HTTP session as the library calls, on Python's own client."""

    def request(self, method: str, url: str, **more: Any) -> Response:
        """Send a form, signed by the library's `auth`."""
        body = more["data"]
        text = body if isinstance(body, str) else urlencode(body)
        url, headers, text = more["auth"].prepare(method, url, dict(more["headers"]), text)
        request = Request(url, text.encode(), headers, method=method)  # noqa: S310 - our own server
        try:
            with urlopen(request) as answer:  # noqa: S310 - likewise
                return Response(answer.status, answer.read())
        except HTTPError as refused:
            with refused:
                return Response(refused.code, refused.read())

    def post(self, url: str, **more: Any) -> Response:
        """Post a form."""
        return self.request("POST", url, **more)


@pytest.mark.parametrize("auth", [ClientAuth.BASIC, ClientAuth.POST, ClientAuth.NONE])
async def test_a_library_runs_the_flow(site: Site, auth: ClientAuth) -> None:
    """URL, consent, code, tokens, refresh and revocation, however the client proves itself."""
    app = await site.new_app(auth)
    client = OAuth2Client(
        Session(),
        client_id=app.client.id,
        client_secret=app.secret,
        token_endpoint_auth_method=auth.value,
        revocation_endpoint_auth_method=auth.value,
        scope=SCOPE,
        redirect_uri=BACK,
        code_challenge_method="S256",
    )
    verifier = "library-" * 6
    asked = f"{site.base_url}/oauth/authorize"
    url, state = client.create_authorization_url(asked, code_verifier=verifier)
    async with site.http.get(url, allow_redirects=False) as response:
        request = told(response.headers["Location"])["request"]
    grant, scopes = await site.grant(app), [Scope(word) for word in SCOPE.split()]
    authorizations = site.estate.house.services.authorizations
    back = await authorizations.approve(request, grant.user_id, grant, scopes)

    def rest() -> tuple[dict[str, Any], dict[str, Any], Any]:
        token = f"{site.base_url}/oauth/token"
        first = client.fetch_token(
            token, authorization_response=back, state=state, code_verifier=verifier
        )
        second = client.refresh_token(token, refresh_token=first["refresh_token"])
        revoke = f"{site.base_url}/oauth/revoke"
        return first, second, client.revoke_token(revoke, second["refresh_token"])

    first, second, revoked = await asyncio.to_thread(rest)
    assert first["refresh_token"] != second["refresh_token"]
    assert revoked.status_code == 200
    assert await site.ask(second["access_token"]) == 401


class Brief(PrivateKeyJWT):  # type: ignore[misc]  # the library is untyped
    """The library signs for an hour, unless it is told for how long."""

    def sign(self, auth: Any, token_endpoint: str) -> Any:
        """An assertion for a minute."""
        self.claims = {"exp": int(time.time()) + 60}
        return super().sign(auth, token_endpoint)


async def test_a_library_signs_with_a_key(site: Site) -> None:
    """RFC 7523: its assertions are for the endpoint that it asks."""
    holder, accounts = Holder("RS256"), site.estate.house.services.accounts
    signed = ClientAuth.PRIVATE_KEY
    app = await accounts.create_client("Signer", auth=signed, jwks=holder.jwks)
    client = OAuth2Client(
        Session(),
        client_id=app.id,
        client_secret=holder.key,
        token_endpoint_auth_method=signed.value,
    )
    client.register_client_auth_method(Brief())
    url = f"{site.base_url}/oauth/token"
    asked = asyncio.to_thread(client.fetch_token, url, grant_type="client_credentials")
    token = await asked
    assert token["token_type"] == "Bearer"
