"""The logbook of the endpoints for programs: what was decided is noted, who only guesses waits."""

from typing import Final

from app.oauth.server import Answer, Case
from core.domain.audit import ANONYMOUS, Actor, Kind, Outcome
from core.domain.ports import Notes, Throttle
from core.domain.sources import network

GUESSES: Final = "client"
"""The kind of attempts: a client that does not prove who it is, by where it asks from."""
UNKNOWN: Final = frozenset({"invalid_client", "invalid_token"})
"""Errors of who does not prove who it is, or that it was invited."""
PENDING: Final = frozenset({"authorization_pending", "slow_down", "use_dpop_nonce"})
"""Answers that say to come again, which decide nothing."""
SLOW_DOWN: Final = "slow_down"
"""The one of these that who proves nothing has brought about themself."""


class Logbook:
    """Stands before one endpoint."""

    def __init__(self, notes: Notes, throttle: Throttle, refused: Kind | None) -> None:
        """`refused` is what an error of a known client refuses; None where that is not noted."""
        self._notes = notes
        self._throttle = throttle
        self._refused = refused

    def check(self, source: str) -> None:
        """Turn away, before anything is looked up, who has shown too much that does not hold.

        Raises:
            Limited: there was too much.
        """
        self._throttle.check(GUESSES, network(source))

    def note(self, answer: Answer, case: Case | None, source: str) -> None:
        """Note what came of a request."""
        for one in case.decisions if case else ():
            at = None if one.actor == ANONYMOUS else source
            self._notes.note(one.kind, Outcome.ALLOWED, actor=one.actor, source=at, **one.detail)
        status, body, _ = answer
        error = body.get("error") if status >= 400 and isinstance(body, dict) else None  # noqa: PLR2004 - the first that is an error
        if error is not None:
            self.refuse(error, case.actor if case else ANONYMOUS, source)

    def refuse(self, error: str, who: Actor, source: str) -> None:
        """Note a refusal, and count it where it was a guess."""
        # Who proves nothing may guess codes and tokens as well as secrets (RFC 6749 §10.10), and
        # what they send along may be written down before it is refused.
        if error in UNKNOWN or (who == ANONYMOUS and error not in PENDING - {SLOW_DOWN}):
            self._throttle.count(GUESSES, network(source))
        if error in PENDING:
            return
        kind = Kind.CLIENT_AUTHENTICATE if error in UNKNOWN else self._refused
        if kind is not None:
            self._notes.note(kind, Outcome.REFUSED, actor=who, source=source, reason=error)
