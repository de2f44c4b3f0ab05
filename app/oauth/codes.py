"""The authorization code grant with PKCE (RFC 6749 §4.1, RFC 7636, RFC 9700 §2.1.1)."""

import re
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge

from app.oauth.asked import Asked
from app.oauth.families import begun
from app.oauth.keys import check_thumbprint
from app.oauth.parties import Party
from app.oauth.server import Case, Server
from core.domain.authorizations import Code
from core.domain.grants import Grant
from core.tokens import digest

S256: Final = "S256"
CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class Redeemed:
    """A code that is being redeemed, in Authlib's words."""

    code_challenge_method = S256

    def __init__(self, code: Code, code_digest: str, *, named: bool) -> None:
        """It is gone from the store already. `named` tells that a redirect URI came along."""
        self.code = code
        self._named = named or code.uri_given
        self.digest = code_digest
        self.code_challenge = code.code_challenge

    def get_redirect_uri(self) -> str | None:
        """The redirect URI that has to be named again; None where it never is."""
        return self.code.redirect_uri if self._named else None

    def get_scope(self) -> str:
        """What the user allowed."""
        return " ".join(sorted(self.code.scopes))


class Pkce(CodeChallenge):
    """S256 or nothing, for every client (RFC 9700 §2.1.1).

    Authlib takes `plain` where the method is left out, unless all three attributes say otherwise,
    and lets the challenge be left out altogether.
    """

    DEFAULT_CODE_CHALLENGE_METHOD = S256
    SUPPORTED_CODE_CHALLENGE_METHOD = (S256,)
    CODE_CHALLENGE_METHODS: Final = {S256: CodeChallenge.CODE_CHALLENGE_METHODS[S256]}

    def validate_code_challenge(self, grant: Any, redirect_uri: Any) -> None:
        """Refuse a request without a whole S256 challenge."""
        del redirect_uri
        told = grant.request.payload.data
        if told.get("code_challenge_method") != S256:
            raise InvalidRequestError("Send a code_challenge with code_challenge_method=S256.")
        if not CHALLENGE.fullmatch(told.get("code_challenge", "")):
            raise InvalidRequestError("A code_challenge of S256 has 43 letters of base64url.")


class CodeGrant(AuthorizationCodeGrant):
    """A code for a token, once."""

    request: Asked
    server: Server

    @property
    def case(self) -> Case:
        """What the request works with."""
        return self.server.case

    @staticmethod
    def validate_authorization_redirect_uri(request: Asked, client: Party) -> str:
        """The redirect URI that may be used; Authlib would repeat a wrong one in its sentence."""
        given: str | None = request.payload.redirect_uri
        uri = given or client.get_default_redirect_uri()
        if uri is None or not client.check_redirect_uri(uri):
            raise InvalidRequestError("The redirect_uri is not one that the app has registered.")
        return uri

    def validate_requested_scope(self) -> None:
        """Refuse a request whose parameters are in doubt, or for more than the client may ask."""
        if repeated := self.request.payload.repeated:
            raise InvalidRequestError(f"Sent more than once: {_named(repeated)}.")
        self.case.check_resource(self.request)
        check_thumbprint(self.request.payload.data.get("dpop_jkt"), self.case.jkt)
        allowed = Party.get_allowed_scope(self.request.client, self.request.payload.scope)
        if allowed is None:
            raise InvalidScopeError("Name one or more scopes that the app may ask for.")

    def query_authorization_code(self, code: str, client: Party) -> Redeemed | None:
        """The code, deleted with that, so that one of many redeems it.

        One that was redeemed before ends what it led to (RFC 6749 §4.1.2, RFC 9700 §2.1.1): of its
        two holders one is not the client.
        """
        hashed, rows = digest(code), self.case.rows
        found = rows.take_code(hashed, client.client.id, self.case.now)
        if found is not None:
            return Redeemed(found, hashed, named=self.request.payload.redirect_uri is not None)
        family = rows.family_of_code(hashed)
        if family is not None and family.client_id == client.client.id:
            self.case.end_family(family)
        return None

    def delete_authorization_code(self, authorization_code: Redeemed) -> None:
        """It is gone already."""

    def authenticate_user(self, authorization_code: Redeemed) -> Grant | None:
        """The grant behind the code, if it still stands, and the code's key is shown."""
        self.case.check_resource(self.request)
        self.case.check_key(authorization_code.code.jkt)
        return self.case.rows.grant(authorization_code.code.grant_id)

    def generate_token(self, user: Grant, scope: str, **_: Any) -> dict[str, Any]:
        """The first tokens of a new family: an access token, and a refresh token."""
        del scope
        redeemed: Redeemed = self.request.authorization_code
        return begun(self.case, user, redeemed.code.scopes, redeemed.digest)


def _named(names: list[str]) -> str:
    """Parameters by name, as far as an error may repeat them (RFC 6749 §4.1.2.1)."""
    return ", ".join(name for name in names if re.fullmatch(r"\w{1,40}", name, re.ASCII))
