"""What becomes of a token: revoked (RFC 7009) or asked about (RFC 7662), by its own client."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint

from app.oauth.asked import Asked
from app.oauth.parties import Party
from app.oauth.server import Case, End, Server
from core.domain.audit import Actor, Detail, Kind
from core.domain.authorizations import TokenFamily
from core.domain.errors import Unauthenticated
from core.tokens import Claims, digest

ENDINGS: Final = "endings"
"""The kind of attempts: tokens that a client has ended, by client."""


class Shown:
    """An access token or the newest refresh token of a family, in Authlib's words."""

    def __init__(self, token: Claims | TokenFamily) -> None:
        """What it says, or the family that it is of."""
        self.token = token

    def check_client(self, client: Party) -> bool:
        """Whether it is this client's."""
        return self.token.client_id == client.client.id

    def is_expired(self) -> bool:
        """One that has expired is not found."""
        return False

    def is_revoked(self) -> bool:
        """Nor is one that was revoked."""
        return False


class OfAnyKind:
    """A token may be named with any hint: one that nobody knows is ignored (RFC 7009 §2.2)."""

    def check_params(self, request: Asked, client: Party) -> None:
        """Refuse a form without a token; Authlib would refuse an unknown hint too."""
        del client
        if "token" not in request.form:
            raise InvalidRequestError("Missing 'token' in request.")


class Revocation(OfAnyKind, RevocationEndpoint):
    """A token that its client no longer needs. One that does not hold is as good as revoked."""

    server: Server

    def query_token(self, token_string: str, token_type_hint: str | None) -> Shown | None:
        """The token, whatever the hint says (RFC 7009 §2.1)."""
        del token_type_hint
        return _found(self.server.case, token_string, deciding=True)

    def revoke_token(self, token: Shown, request: Asked) -> None:
        """End it; with a refresh token, all that was issued along with it (RFC 7009 §2.1).

        Raises:
            Limited: its client ends too many at once: each stays in the access log for a while.
        """
        del request
        case, it = self.server.case, token.token
        case.will_write()
        case.house.throttle.check(ENDINGS, it.client_id)
        case.house.throttle.count(ENDINGS, it.client_id)
        if isinstance(it, TokenFamily):
            case.end_family(it)
        else:
            case.ends.append(End(it.token_id, it.grant_id, it.expires_at))
            given: Detail = {} if it.grant_id == it.client_id else {"grant_id": it.grant_id}
            case.note(Kind.TOKEN_REVOKE, Actor(it.client_id), **given)


class Introspection(OfAnyKind, IntrospectionEndpoint):
    """What a token means now. Another client's token reads as one that does not hold (§4)."""

    server: Server

    def query_token(self, token_string: str, token_type_hint: str | None) -> Shown | None:
        """The token, if it holds now."""
        del token_type_hint
        return _found(self.server.case, token_string, deciding=False)

    def check_permission(self, token: Shown, client: Party, request: Asked) -> bool:
        """Whether it is the client's own."""
        del request
        return token.check_client(client)

    def introspect_token(self, token: Shown) -> dict[str, Any]:
        """What RFC 7662 §2.2 has words for."""
        house, it = self.server.case.house, token.token
        if isinstance(it, TokenFamily):
            return {
                "scope": " ".join(sorted(it.scopes)),
                "client_id": it.client_id,
                "exp": _seconds(it.expires_at),
                "iss": house.tokens.issuer,
            }
        bound = {} if it.jkt is None else {"cnf": {"jkt": it.jkt}}  # RFC 9449 §6.2
        return {
            **bound,
            "scope": " ".join(sorted(it.scopes)),
            "client_id": it.client_id,
            "token_type": "DPoP" if bound else "Bearer",
            "exp": _seconds(it.expires_at),
            "sub": it.user_id,
            "aud": house.tokens.audience,
            "iss": house.tokens.issuer,
            "jti": it.token_id,
        }


def _found(case: Case, token: str, *, deciding: bool) -> Shown | None:
    """The token that this text is, if it holds now; its scopes are those that it still has."""
    try:
        claims = case.house.tokens.verify(token)
        viewer = case.house.access.viewer(claims)
    except Unauthenticated:
        return _refresh(case, token, deciding=deciding)
    return Shown(replace(claims, scopes=viewer.scopes))


def _refresh(case: Case, token: str, *, deciding: bool) -> Shown | None:
    family = case.rows.family(token.partition(".")[0], locked=deciding and not case.looks)
    if family is None or family.expires_at <= case.now:
        return None
    if family.revoked:
        return Shown(family) if deciding and not case.house.access.ended(family.id) else None
    # One that was rotated a moment ago still says which family its client wants to be over.
    newest = deciding or digest(token) == family.current
    return Shown(family) if newest and case.rows.grant(family.grant_id) is not None else None


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
