"""Parties: clients as Authlib asks about them, and how they prove who they are (RFC 6749 §2.3)."""

import base64
from datetime import datetime
from typing import Final
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import ClientMixin, InvalidClientError, InvalidRequestError

from app.oauth.asked import Asked
from app.oauth.metadata import PAR, TOKEN
from core.domain.accounts import Client, ClientAuth, Flow
from core.domain.authorizations import redirects_to
from core.domain.errors import Unauthenticated
from core.domain.grants import Scope
from core.store.oauth import Rows
from core.tokens import ShownAssertion, digest

ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Unproven(InvalidClientError):
    """Whoever asks did not prove who they are; a challenge names its realm (RFC 7617 §2)."""

    def get_headers(self) -> list[tuple[str, str]]:
        """Those of Authlib, which leaves the realm out."""
        headers: list[tuple[str, str]] = super().get_headers()
        realm = 'Basic realm="latchkey", '
        return [(name, value.replace("Basic ", realm, 1)) for name, value in headers]


class Party(ClientMixin):
    """A client of ours, in Authlib's words."""

    def __init__(self, client: Client) -> None:
        """Answer for this client."""
        self.client = client

    def get_client_id(self) -> str:
        """Its id."""
        return self.client.id

    def get_default_redirect_uri(self) -> str | None:
        """Its one redirect URI; with several, a request has to name one (RFC 6749 §3.1.2.3)."""
        uris = self.client.redirect_uris
        return uris[0] if len(uris) == 1 else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Whether it registered this very URI."""
        return redirects_to(self.client, redirect_uri)

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """The scopes that were asked for, if it may ask for each; None otherwise, and for none."""
        asked = set((scope or "").split())
        return " ".join(sorted(asked)) if asked and asked <= self.client.scopes else None

    def check_response_type(self, response_type: str) -> bool:
        """Only a code is ever given out by the authorization endpoint."""
        return response_type == "code" and Flow.CODE in self.client.flows

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it may ask in this way."""
        return grant_type in self.client.flows


def authenticated(rows: Rows, asked: Asked, now: datetime, issuer: str) -> Party:
    """The client that is asking, proven in the one way it registered; a secret goes either way.

    Raises:
        InvalidClientError: it is unknown, disabled, or proves nothing. All of these read the same.
        InvalidRequestError: it proves itself in two ways at once (RFC 6749 §2.3).
    """
    basic, form = asked.headers.get("authorization"), asked.form
    proofs = (basic, form.get("client_secret"), form.get("client_assertion"))
    if sum(proof is not None for proof in proofs) > 1:
        raise InvalidRequestError("Prove who you are in one way: Basic, client_secret or a key.")
    status = 400 if basic is None else 401
    if "client_assertion" in form or "client_assertion_type" in form:
        client = _asserted(rows, asked, now, issuer)
    else:
        client = _known(rows, asked, now)
    if client is None or client.disabled:
        raise _unproven(status)
    if form.get("client_id", client.id) != client.id:
        raise InvalidRequestError("The client_id is not that of the Authorization header.")
    asked.auth_method = client.auth.value
    return Party(client)


def _known(rows: Rows, asked: Asked, now: datetime) -> Client | None:
    """The client by its id, and by its secret if it has one; None where that is wrong."""
    basic = asked.headers.get("authorization")
    client_id, secret = asked.form.get("client_id", ""), asked.form.get("client_secret")
    if basic is not None:
        client_id, secret = _basic(basic)
    client = rows.client(client_id)
    return client if client and _proven(rows, client, secret, now) else None


def _asserted(rows: Rows, asked: Asked, now: datetime, issuer: str) -> Client | None:
    """The client by an assertion of its own (RFC 7523 §2.2, §3), once; None where that is wrong."""
    form = asked.form
    if form.get("client_assertion_type") != ASSERTION:
        return None
    try:
        shown = ShownAssertion(form.get("client_assertion", ""))
        if form.get("client_id", shown.client_id) != shown.client_id or "\0" in shown.client_id:
            return None
        client = rows.client(shown.client_id)
        if client is None or client.auth is not ClientAuth.PRIVATE_KEY or client.jwks is None:
            return None
        audiences = [issuer, asked.url]
        if asked.url == issuer + PAR:  # which takes the token endpoint's name, too (RFC 9126 §2)
            audiences.append(issuer + TOKEN)
        held = shown.verify(client.jwks, audiences, now)
    except Unauthenticated:
        return None
    return client if rows.use(held.digest, held.until, now) else None


def scopes_of(text: str) -> frozenset[Scope]:
    """The scopes that a checked text names."""
    return frozenset(Scope(word) for word in text.split())


def _proven(rows: Rows, client: Client, secret: str | None, now: datetime) -> bool:
    if client.public or secret is None:
        return client.public and secret is None
    if client.auth is ClientAuth.PRIVATE_KEY:
        return False
    return rows.knows_secret(digest(secret), client.id, now)


def _basic(header: str) -> tuple[str, str]:
    """Id and secret of an Authorization header, each form-encoded within it (RFC 6749 §2.3.1)."""
    scheme, _, value = header.strip().partition(" ")
    try:
        pair = base64.b64decode(value.strip(), validate=True).decode() if scheme else ""
    except ValueError:
        pair = ""
    client_id, colon, secret = pair.partition(":")
    client_id = unquote_plus(client_id)
    if scheme.lower() != "basic" or not colon or "\0" in client_id:
        raise _unproven(401)
    return client_id, unquote_plus(secret)


def _unproven(status: int) -> Unproven:
    sentence = "The client is not known here, or did not prove who it is."
    return Unproven(sentence, status_code=status)
