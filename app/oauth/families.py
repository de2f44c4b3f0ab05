"""Families: the first tokens that a user's yes leads to, whichever way it came."""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError

from app.oauth.server import Case
from core.domain.authorizations import IDLE, TokenFamily
from core.domain.grants import Grant, Scope
from core.tokens import digest, new_secret


def begun(case: Case, grant: Grant, allowed: frozenset[Scope], code_digest: str) -> dict[str, Any]:
    """A new family's access token and refresh token, of what was allowed and is still granted.

    Raises:
        InvalidGrantError: nothing of it is.
    """
    scopes = allowed & grant.scopes
    if not scopes:
        raise InvalidGrantError("The user took back what was allowed.")
    handle, now = new_secret(), case.now
    refresh = f"{handle}.{new_secret()}"
    family = TokenFamily(
        id=case.house.ids.new("family"),
        handle=handle,
        code_digest=code_digest,
        client_id=grant.client_id,
        grant_id=grant.id,
        scopes=allowed,
        current=digest(refresh),
        previous=None,
        successor=None,
        rotated_at=now,
        expires_at=now + IDLE,
        # Those of other clients are bound to what the client proves itself by (RFC 9449 §5).
        jkt=case.jkt if case.client is None else None,
    )
    case.rows.put_family(family, now)
    return {**case.bearer(grant, scopes, family.id), "refresh_token": refresh}
