"""The refresh token grant: a token is used once; a used one ends its family (RFC 9700 §4.14).

For half a minute after a token was used, its client may ask again and is given the same successor:
an answer that was lost on its way must not cost the user a new consent.
"""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant

from app.oauth.asked import Asked
from app.oauth.parties import Party, scopes_of
from app.oauth.server import Case, Server
from core.domain.authorizations import GRACE, TokenFamily
from core.domain.grants import Grant
from core.tokens import digest, new_secret

PURPOSE = "refresh-token"


class Held:
    """A refresh token that was shown and holds; `successor` is the one that was given for it."""

    def __init__(self, family: TokenFamily, grant: Grant, successor: str | None) -> None:
        """Of this family, under this grant."""
        self.family = family
        self.grant = grant
        self.successor = successor

    def check_client(self, client: Party) -> bool:
        """Whether it is this client's."""
        return self.family.client_id == client.client.id

    def get_scope(self) -> str:
        """What it may still be refreshed for: what was allowed and was not taken back."""
        return " ".join(sorted(self.family.scopes & self.grant.scopes))


class RefreshGrant(RefreshTokenGrant):
    """A refresh token for the next one, and an access token."""

    request: Asked
    server: Server

    @property
    def case(self) -> Case:
        """What the request works with."""
        return self.server.case

    def authenticate_refresh_token(self, refresh_token: str) -> Held | None:
        """The token, if it is the newest of a family that is alive, or just was."""
        family = self.case.rows.family(refresh_token.partition(".")[0])
        if family is None or family.client_id != self.request.client.client.id:
            return None
        if family.revoked or family.expires_at <= self.case.now:
            self.case.end_family(family)
            return None
        grant = self.case.rows.grant(family.grant_id)
        if grant is None:
            self.case.rows.revoke_family(family.id)
            return None
        shown = digest(refresh_token)
        if shown == family.current:
            self.case.check_key(family.jkt)
            return Held(family, grant, None)
        successor = self._given(family, shown)
        # Whoever binds a token that they took to a key of theirs must not make its owner, who has
        # another or none, one who is merely refused: so the key decides nothing before reuse does.
        if successor is None or family.jkt not in {None, self.case.jkt}:
            self.case.end_family(family)
            return None
        return Held(family, grant, successor)

    def authenticate_user(self, refresh_token: Held) -> Grant:
        """The grant behind the token."""
        self.case.check_resource(self.request)
        return refresh_token.grant

    def issue_token(self, user: Grant, refresh_token: Held) -> dict[str, Any]:
        """The next access token, with all scopes or those asked for, and the next refresh token.

        The refresh token keeps all its scopes (RFC 6749 §6); from the first key that a public
        client shows on, it is bound to that (RFC 9449 §5).
        """
        asked = (self.request.payload.scope or "").strip()
        scopes = scopes_of(asked or refresh_token.get_scope())
        if not scopes:
            raise InvalidGrantError("The user took back what was allowed.")
        family = refresh_token.family
        if self.case.jkt is not None and self.request.client.client.public:
            self.case.rows.bind_family(family.id, self.case.jkt)
        token = self.case.bearer(user, scopes, family.id)
        return {**token, "refresh_token": refresh_token.successor or self._next(refresh_token)}

    def revoke_old_credential(self, refresh_token: Held) -> None:
        """It was replaced already."""

    def _next(self, held: Held) -> str:
        family = held.family
        token = f"{family.handle}.{new_secret()}"
        sealed = self.case.house.sealer.seal(PURPOSE, token.encode())
        self.case.rows.rotate(family, digest(token), sealed, self.case.now)
        return token

    def _given(self, family: TokenFamily, shown: str) -> str | None:
        """What was given for this token, if that was a moment ago; None for any other."""
        late = family.rotated_at + GRACE <= self.case.now
        if late or shown != family.previous or family.successor is None:
            return None
        opened = self.case.house.sealer.open(PURPOSE, family.successor)
        return None if opened is None else opened.decode()
