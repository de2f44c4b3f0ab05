"""The server object of one request: Authlib's rules on our rows, within one transaction."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Unpack

from authlib.oauth2.rfc6749 import (
    AuthorizationServer,
    InvalidGrantError,
    InvalidRequestError,
    OAuth2Error,
)

from app.compose import House
from app.oauth.asked import Asked
from app.oauth.keys import InvalidProofError
from app.oauth.parties import Party, Unproven, authenticated
from core.domain.accounts import Client
from core.domain.audit import ANONYMOUS, Actor, Detail, Kind
from core.domain.authorizations import GRACE, TokenFamily
from core.domain.grants import Grant, Scope
from core.store.oauth import Rows

LONGEST: Final = timedelta(days=1)
"""No access token of a family lives longer, whatever the setting was when it was issued."""
Answer = tuple[int, Any, list[tuple[str, str]]]
"""Status, body (a dictionary is JSON) and headers."""


class InvalidTargetError(OAuth2Error):
    """The resource is not one that tokens are given for here (RFC 8707 §2)."""

    error = "invalid_target"


@dataclass(frozen=True, slots=True)
class End:
    """Tokens that are to be ended once the transaction has committed: one, or a family's.

    By `until` the last of them has expired by itself.
    """

    id: str
    grant_id: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, to be noted once the transaction has committed."""

    kind: Kind
    actor: Actor
    detail: Detail


class WritesError(Exception):
    """A request that was expected to look only has something to write."""


@dataclass(slots=True)
class Case:
    """What one request works with; `ends` is what it found must end, `decisions` what it decided.

    `client` is who asks, once they have proven it (a public client cannot). One that only `looks`
    keeps no writer waiting. `jkt` is the thumbprint of the key that they have shown to have, to
    which what they are given is bound.
    """

    house: House
    rows: Rows
    now: datetime
    ends: list[End] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    client: Client | None = None
    looks: bool = False
    jkt: str | None = None

    @property
    def actor(self) -> Actor:
        """Who asks, as the audit names them."""
        return Actor(self.client.id) if self.client else ANONYMOUS

    def note(self, kind: Kind, actor: Actor, **detail: Unpack[Detail]) -> None:
        """Note that something was allowed."""
        self.decisions.append(Decision(kind, actor, detail))

    def will_write(self) -> None:
        """Say so before the first thing that is written by a request that mostly only looks.

        Raises:
            WritesError: it only looks so far, and is to be decided again by one that may write.
        """
        if self.looks:
            raise WritesError

    def check_resource(self, asked: Asked) -> None:
        """Refuse to give tokens for another API than ours.

        Raises:
            InvalidTargetError: it names what.
        """
        ours = self.house.tokens.audience
        if set(asked.payload.datalist.get("resource", ())) - {ours}:
            raise InvalidTargetError(f"Tokens are given for {ours} alone.")

    def prove(self, asked: Asked, *, needed: bool) -> None:
        """Take the proof of a key that came along, once (RFC 9449 §11.1).

        Raises:
            InvalidProofError: it was shown before; or there is none, and it is `needed`.
        """
        proof = asked.proof
        if proof is None:
            if needed:
                raise InvalidProofError("This app is given tokens only with a DPoP proof.")
            return
        if not self.rows.use(proof.digest, proof.until, self.now):
            raise InvalidProofError("The DPoP proof was shown before: make one for each request.")
        self.jkt = proof.jkt

    def check_key(self, jkt: str | None) -> None:
        """Refuse who has not the key that a code or refresh token is bound to.

        Raises:
            InvalidGrantError: they showed another, or none.
        """
        if jkt is not None and jkt != self.jkt:
            raise InvalidGrantError("It is bound to a key: show a DPoP proof of that key.")

    def bearer(self, grant: Grant, scopes: frozenset[Scope], family: str | None) -> dict[str, Any]:
        """A new access token, as the token endpoint tells of it (RFC 6749 §5.1, RFC 9449 §5)."""
        tokens, seconds = self.house.tokens, self.house.settings.access_token_seconds
        given: Detail = {"scopes": scopes}
        if not grant.of_client:
            given |= {"user_id": grant.user_id, "grant_id": grant.id}
        self.note(Kind.TOKEN_ISSUE, Actor(grant.client_id), **given)
        return {
            "access_token": tokens.issue(grant, scopes, seconds, family=family, jkt=self.jkt),
            "token_type": "Bearer" if self.jkt is None else "DPoP",
            "expires_in": seconds,
            "scope": " ".join(sorted(scopes)),
        }

    def end_family(self, family: TokenFamily) -> None:
        """Refuse every token of a family, now and for ever.

        One whose end was decided before and has not reached the access log, because the process
        died between the two, is ended again. What is over by itself is left as it is.
        """
        if family.revoked and (self.house.access.ended(family.id) or self._over(family)):
            return
        if not family.revoked:
            self.will_write()
            self.rows.revoke_family(family.id)
            self.note(Kind.TOKEN_REVOKE, Actor(family.client_id), grant_id=family.grant_id)
        self.ends.append(End(family.id, family.grant_id, self.now + LONGEST))

    def _over(self, family: TokenFamily) -> bool:
        """Whether no access token of it can be alive: the last came at its last rotation."""
        return family.rotated_at + GRACE + LONGEST <= self.now


class Server(AuthorizationServer):
    """Authlib's server, whose framework is a dictionary, and whose clients prove it our way."""

    def __init__(self, case: Case) -> None:
        """Register nothing yet: each endpoint brings its own."""
        super().__init__(scopes_supported=[scope.value for scope in Scope])
        self.case = case

    def query_client(self, client_id: str) -> Party | None:
        """A client that may ask; a disabled one may not."""
        client: Client | None = self.case.rows.client(client_id)
        return None if client is None or client.disabled else Party(client)

    def authenticate_client(self, request: Asked, methods: Any, endpoint: str = "token") -> Party:
        """The client that is asking, and its key where it shows one.

        Whoever introspects must prove it, and is told by 401 that they do not (RFC 7662 §2.3).
        """
        del methods
        introspects, issuer = endpoint == "introspection", self.case.house.settings.public_url
        try:
            party = authenticated(self.case.rows, request, self.case.now, issuer)
        except Unproven as error:
            error.status_code = 401 if introspects else error.status_code
            raise
        self.case.client = None if party.client.public else party.client
        self.case.prove(request, needed=party.client.bound and endpoint == "token")
        if introspects and party.client.public:
            sentence = "Only a client that can prove who it is may ask about tokens."
            raise Unproven(sentence, status_code=401)
        return party

    def get_authorization_grant(self, request: Asked) -> Any:
        """The grant that gives out codes: there is no other.

        Authlib would put what was asked for into its sentence, and fail over the letters in it.

        Raises:
            OAuth2Error: it is none; told to the client where its redirect URI is in order.
        """
        asked = request.payload.response_type
        if asked == "code":
            return super().get_authorization_grant(request)
        error = "unsupported_response_type" if asked else "invalid_request"
        client, given = self.query_client(request.payload.client_id or ""), request.payload
        uri = client and (given.redirect_uri or client.get_default_redirect_uri())
        trusted = uri if client and uri and client.check_redirect_uri(uri) else None
        raise OAuth2Error("Ask with response_type=code.", error=error, redirect_uri=trusted)

    def create_token_response(self, request: Asked) -> Answer:
        """Answer the token endpoint.

        Authlib would put what it does not know into its sentence, and fail over the letters in it.

        Raises:
            OAuth2Error: it is no kind of grant that there is.
        """
        asked = request.payload.grant_type
        if asked is None:
            raise InvalidRequestError("Missing 'grant_type' in request.")
        known = sorted(grant.GRANT_TYPE for grant, _ in self._token_grants)
        if asked not in known:
            sentence = f"Ask with one of: {', '.join(known)}."
            raise OAuth2Error(sentence, error="unsupported_grant_type")
        answer: Answer = super().create_token_response(request)
        return answer

    def create_oauth2_request(self, request: Asked) -> Asked:
        """It is one already."""
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> Answer:
        """What was decided; the routes make it a response."""
        return status, body, list(headers)

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def save_token(self, token: Any, request: Any) -> None:
        """The grants keep what they issue themselves, and only as digests."""
