"""Assertions: by which a client proves itself with a key (RFC 7523 §3, OIDC Core §9).

What an assertion says is checked here; that it is shown once, by whoever knows what was before.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from core.domain.errors import Unauthenticated
from core.tokens.opaque import digest
from core.tokens.public_keys import BadKeyError, PublicKey, keys_of
from core.tokens.statements import BadStatementError, Statement

TYPES: Final = ("JWT", "client-authentication+jwt")
LONGEST: Final = timedelta(minutes=5)
LEEWAY: Final = timedelta(seconds=5)
"""How far another clock may be ahead of ours."""
KEPT: Final = timedelta(minutes=1)
"""So much longer than it is good an assertion is remembered: clocks of processes differ."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """An assertion that holds: whose it is, and until when its digest has to be known."""

    client_id: str
    digest: str
    until: datetime


class ShownAssertion:
    """An assertion, opened: the client that it names has to be asked for its keys."""

    def __init__(self, text: str) -> None:
        """Open it.

        Raises:
            Unauthenticated: it is none, or does not say whose it is.
        """
        try:
            self._statement = Statement(text)
        except BadStatementError as error:
            raise _refused(error) from error
        subject = self._statement.claims.get("sub")
        if not isinstance(subject, str) or subject != self._statement.claims.get("iss"):
            raise _refused("its iss and sub are not the client_id")
        self.client_id = subject
        """Whose it says to be."""

    def verify(self, jwks: str, audiences: Collection[str], now: datetime) -> Assertion:
        """The assertion, if one of the client's keys signed it for us, a moment ago.

        Raises:
            Unauthenticated: it does not hold.
        """
        try:
            return self._verified(jwks, audiences, now)
        except (BadKeyError, BadStatementError) as error:
            raise _refused(error) from error

    def _verified(self, jwks: str, audiences: Collection[str], now: datetime) -> Assertion:
        """Each rule of RFC 7523 §3, and the type (RFC 8725 §3.11)."""
        it = self._statement
        if it.header.get("typ", "JWT") not in TYPES:
            raise BadStatementError("its typ is that of another kind of token")
        if not _for_one_of(audiences, it.claims.get("aud")):
            raise BadStatementError("its aud is not the issuer, nor the URL of this endpoint")
        until, name = _in_time(it, now), it.id
        it.verify(self._key(keys_of(jwks)))
        seen = digest(f"assertion\n{self.client_id}\n{name}")
        return Assertion(self.client_id, seen, until + KEPT)

    def _key(self, keys: tuple[PublicKey, ...]) -> PublicKey:
        """The key that it names, or the only one that fits (OIDC Core §10.1)."""
        it = self._statement
        named = [key for key in keys if "kid" not in it.header or key.id == it.header["kid"]]
        fitting = [key for key in named if it.algorithm in key.algorithms]
        if len(fitting) != 1:
            raise BadStatementError("its kid names no key of the client's, or not one alone")
        return fitting[0]


def _for_one_of(audiences: Collection[str], shown: object) -> bool:
    """Whether it is for us and for nobody else, who could show it here (RFC 7523 §3.3)."""
    if isinstance(shown, list) and len(shown) == 1:
        (shown,) = shown
    return isinstance(shown, str) and shown in audiences


def _in_time(it: Statement, now: datetime) -> datetime:
    """When it is over."""
    ends, begins, issued = it.moment("exp"), it.moment("nbf"), it.moment("iat")
    moment, leeway = now.timestamp(), LEEWAY.total_seconds()
    if ends is None or not moment < ends <= moment + LONGEST.total_seconds() + leeway:
        raise BadStatementError("its exp is over, or more than five minutes from now")
    if max(begins or moment, issued or moment) > moment + leeway:
        raise BadStatementError("it is of the future")
    return datetime.fromtimestamp(ends, UTC)


def _refused(why: object) -> Unauthenticated:
    return Unauthenticated(f"The client's assertion does not hold: {why}.")
