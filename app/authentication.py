"""Who is asking: one way for HTTP and WebSocket, from an Authorization header's value."""

from core.domain.accounts import Viewer
from core.domain.errors import Unauthenticated
from core.snapshots.access import Access
from core.tokens import Tokens


class Authenticator:
    """Knows a viewer by a bearer token (RFC 6750 §2.1)."""

    def __init__(self, tokens: Tokens, access: Access) -> None:
        """Verify with `tokens`, and ask `access` whether the grant still stands."""
        self._tokens = tokens
        self._access = access

    def __call__(self, authorization: str | None) -> Viewer | None:
        """The viewer; None where nothing was shown.

        Raises:
            Unauthenticated: what was shown does not hold.
            Unavailable: it cannot be known now.
        """
        if authorization is None:
            return None
        scheme, _, token = authorization.strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            sentence = "Authorization must be `Bearer` and an access token."
            raise Unauthenticated(sentence)
        return self._access.viewer(self._tokens.verify(token.strip()))
