"""Who is asking: one way for HTTP and WebSocket, from an Authorization header's value."""

from core.domain.accounts import Viewer
from core.domain.audit import ANONYMOUS, Kind, Outcome
from core.domain.errors import LatchkeyError, Unauthenticated
from core.domain.ports import Notes
from core.snapshots.access import Access
from core.tokens import PERSONAL, Tokens


class Authenticator:
    """Knows a viewer by a bearer token (RFC 6750 §2.1), be it a JWT or a personal one."""

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
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            sentence = "Authorization must be `Bearer` and an access token."
            raise Unauthenticated(sentence)
        if token.startswith(PERSONAL):
            return self._access.holder(token)
        return self._access.viewer(self._tokens.verify(token))


def note_refusal(notes: Notes, error: LatchkeyError, source: str | None) -> None:
    """Note that a token was shown from this address and refused; other errors are none of it."""
    if not isinstance(error, Unauthenticated):
        return
    reason = "taken_back" if error.taken_back else "expired" if error.expired else "not_held"
    notes.note(Kind.TOKEN_USE, Outcome.REFUSED, actor=ANONYMOUS, source=source, reason=reason)
