"""Who is asking: one way for HTTP and WebSocket, from an Authorization header's value."""

from collections.abc import Awaitable, Sequence
from typing import Final, Protocol

from starlette.types import Scope

from core.domain.accounts import Viewer
from core.domain.audit import ANONYMOUS, Kind, Outcome
from core.domain.errors import LatchkeyError, Unauthenticated
from core.domain.ports import Clock, Notes
from core.services import Proofs
from core.snapshots.access import Access
from core.tokens import PERSONAL, Tokens, read_proof

BEARER: Final = "Bearer"
DPOP: Final = "DPoP"


class Head(Protocol):
    """What a proof is held against: the head of an HTTP request, or of a socket's."""

    @property
    def method(self) -> str:
        """Its method."""

    def header(self, name: bytes) -> str | None:
        """A header by its name in lower case; several are one list."""


class Authenticator:
    """Knows a viewer by an access token: of a bearer (RFC 6750 §2.1), or with its key's proof.

    A bearer's may be a personal one.
    """

    def __init__(
        self, tokens: Tokens, access: Access, proofs: Proofs, clock: Clock, uris: Sequence[str]
    ) -> None:
        """Verify with `tokens`, and ask `access` whether the grant still stands.

        Proofs are made for the first of `uris`, by whichever of these names (RFC 9449 §4.3).
        """
        self._tokens = tokens
        self._access = access
        self._proofs = proofs
        self._clock = clock
        self._uris = uris

    def __call__(self, authorization: str | None, head: Head) -> Viewer | Awaitable[Viewer] | None:
        """The viewer; None where nothing was shown. Only a proof has to be waited for.

        Raises:
            Unauthenticated: what was shown does not hold.
            Unavailable: it cannot be known now.
        """
        if authorization is None:
            return None
        scheme, token = _parted(authorization)
        return self._proven(token, head) if scheme == "dpop" else self._known(token, bound=False)

    def again(self, authorization: str | None) -> Viewer | None:
        """The viewer as of now, of what was found to hold in this request: a proof is shown once.

        Raises as the call does.
        """
        if authorization is None:
            return None
        scheme, token = _parted(authorization)
        return self._known(token, bound=scheme == "dpop")

    async def _proven(self, token: str, head: Head) -> Viewer:
        """The viewer of a token that is bound to a key, whose proof comes along (RFC 9449 §7)."""
        self._known(token, bound=True)
        shown = head.header(b"dpop")
        if shown is None:
            raise _unproven("Send a DPoP header with a proof for this request.")
        now = self._clock.now()
        proof = read_proof(shown, head.method, self._uris, now, token)
        if proof.jkt != self._tokens.verify(token).jkt:
            raise _unproven("The DPoP proof is of another key than the access token.")
        if not await self._proofs.use(proof.digest, proof.until):
            raise _unproven("The DPoP proof was shown before: make one for each request.")
        return self._known(token, bound=True)  # access may have been taken back meanwhile

    def _known(self, token: str, *, bound: bool) -> Viewer:
        if token.startswith(PERSONAL) and not bound:
            return self._access.holder(token)
        claims = self._tokens.verify(token)
        if (claims.jkt is not None) is not bound:
            sentence = (
                "The access token is bound to no key: show it as `Bearer`."
                if bound
                else "The access token is bound to a key: show it as `DPoP`, with a proof."
            )
            raise Unauthenticated(sentence)
        return self._access.viewer(claims)


def is_dpop(authorization: str | None) -> bool:
    """Whether an Authorization header shows a token that is bound to a key (RFC 9449 §7.1)."""
    return (authorization or "").lstrip()[:5].lower().rstrip() == "dpop"


def _parted(authorization: str) -> tuple[str, str]:
    scheme, _, token = authorization.strip().partition(" ")
    scheme, token = scheme.lower(), token.strip()
    if scheme not in {"bearer", "dpop"} or not token:
        raise Unauthenticated("Authorization must be `Bearer` or `DPoP`, and an access token.")
    return scheme, token


def _unproven(sentence: str) -> Unauthenticated:
    return Unauthenticated(sentence, unproven=True)


class Caller:
    """Who is at the other end of a socket: what it shows counts with the head that opened it."""

    __slots__ = ("_authenticate", "_headers", "_notes", "_peer")
    method = "GET"

    def __init__(self, scope: Scope, authenticate: Authenticator, notes: Notes) -> None:
        """Refusals are noted with its address."""
        self._headers: list[tuple[bytes, bytes]] = scope["headers"]
        self._peer: tuple[str, int] | None = scope.get("client")
        self._authenticate = authenticate
        self._notes = notes

    def header(self, name: bytes) -> str | None:
        """A header by its name; several are one list."""
        found = (value.decode("latin-1") for one, value in self._headers if one == name)
        return ", ".join(found) or None

    async def __call__(self, shown: str | None) -> Viewer | None:
        """The viewer of an Authorization header's value; None for nobody.

        Raises as `Authenticator` does.
        """
        try:
            found = self._authenticate(shown, self)
            return found if found is None or isinstance(found, Viewer) else await found
        except LatchkeyError as error:
            note_refusal(self._notes, error, self._peer and self._peer[0])
            raise


def note_refusal(notes: Notes, error: LatchkeyError, source: str | None) -> None:
    """Note that a token was shown from this address and refused; other errors are none of it."""
    if not isinstance(error, Unauthenticated):
        return
    reason = "taken_back" if error.taken_back else "expired" if error.expired else "not_held"
    reason = "unproven" if error.unproven else reason
    notes.note(Kind.TOKEN_USE, Outcome.REFUSED, actor=ANONYMOUS, source=source, reason=reason)
