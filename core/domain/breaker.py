"""The circuit breaker over an endpoint's attempts: while a receiver is down, nothing is sent. Pure.

The table `FLIPS` has its states. Every attempt asks first, and what it is given, a ticket, goes
along until its outcome is told: so attempts that were on their way when the breaker opened are not
taken for the probe. A failed attempt of an earlier ticket tells nothing new. A success always does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from core.domain.schedule import MOST_RETRY_AFTER

THRESHOLD: Final = 10
"""Failures in a row that open it: two more than the attempts of one delivery by the usual schedule,
so that an event which its receiver cannot digest is never taken for a receiver that is down."""
FIRST_COOL_DOWN: Final = timedelta(seconds=5)
"""As short as the first step of the schedule: a receiver that restarts is back by then."""
LONGEST_COOL_DOWN: Final = timedelta(minutes=10)
"""A receiver that is back waits no longer, and one that is gone costs 144 requests a day."""
LONGEST_HOLD: Final = timedelta(seconds=MOST_RETRY_AFTER)
"""For so long a receiver, or an attempt, can keep others from going."""
_DOUBLINGS: Final = 7


class BreakerState(Enum):
    """Whether attempts may be made: all, none, or one."""

    CLOSED = "CLOSED"
    OPEN = "OPEN"
    HALF_OPEN = "HALF_OPEN"


class Flip(Enum):
    """What can happen to a breaker."""

    TRIP = "trip"
    PROBE = "probe"
    RECOVER = "recover"


_B = BreakerState
FLIPS: Final[Mapping[BreakerState, Mapping[Flip, BreakerState]]] = {
    _B.CLOSED: {Flip.TRIP: _B.OPEN},
    _B.OPEN: {Flip.PROBE: _B.HALF_OPEN, Flip.RECOVER: _B.CLOSED},
    _B.HALF_OPEN: {Flip.TRIP: _B.OPEN, Flip.PROBE: _B.HALF_OPEN, Flip.RECOVER: _B.CLOSED},
}


@dataclass(frozen=True, slots=True)
class Breaker:
    """A breaker as a row holds it.

    Until `until` nobody may go: the receiver asked for it (CLOSED), it cools down (OPEN), or the
    probe is out (HALF_OPEN), which counts as lost from then on. `failures` are those in a row while
    CLOSED, `trips` the openings in a row without a success between. `recovered_at` is when it last
    closed again: what failed before is worth another try then.
    """

    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    trips: int = 0
    ticket: int = 0
    until: datetime | None = None
    recovered_at: datetime | None = None


def asked(breaker: Breaker, now: datetime, lasts: timedelta) -> tuple[Breaker, int | None]:
    """The breaker after somebody asked to make an attempt, and the ticket if they may.

    `lasts` is how long an attempt takes at most; a probe of which nothing is heard for longer was
    lost with the process that made it.
    """
    if now < free_at(breaker, now):
        return breaker, None
    if breaker.state is BreakerState.CLOSED:
        return replace(breaker, until=None) if breaker.until else breaker, breaker.ticket
    probing = _flipped(breaker, Flip.PROBE, until=now + lasts)
    return probing, probing.ticket


def free_at(breaker: Breaker, now: datetime) -> datetime:
    """When it is worth asking (again).

    A time further ahead than any that could have been set tells that a clock was set back.
    """
    until = breaker.until
    if until is None or until <= now or until > now + LONGEST_HOLD:
        return now
    return until


def succeeded(breaker: Breaker, now: datetime) -> Breaker:
    """The breaker after an attempt reached the receiver and was taken, whatever its ticket."""
    if breaker.state is BreakerState.CLOSED:
        return replace(breaker, failures=0) if breaker.failures else breaker
    return replace(_flipped(breaker, Flip.RECOVER), failures=0, trips=0, recovered_at=now)


def failed(breaker: Breaker, ticket: int, now: datetime, hold: timedelta = timedelta(0)) -> Breaker:
    """The breaker after an attempt failed; for `hold` the receiver wants to be left alone."""
    if ticket != breaker.ticket:
        return breaker
    failures = breaker.failures + 1
    if breaker.state is BreakerState.CLOSED and failures < THRESHOLD:
        held = now + min(hold, LONGEST_HOLD)
        until = max(breaker.until or held, held) if hold else breaker.until
        return replace(breaker, failures=failures, until=until)
    trips = breaker.trips + 1
    until = now + max(cool_down(trips), min(hold, LONGEST_HOLD))
    return replace(_flipped(breaker, Flip.TRIP, until=until), failures=0, trips=trips)


def renewed(breaker: Breaker, now: datetime) -> Breaker:
    """The breaker of an endpoint that its partner resumed: closed, and all that waits is due."""
    return Breaker(ticket=breaker.ticket + 1, recovered_at=now)


def cool_down(trips: int) -> timedelta:
    """How long nobody goes after so many openings in a row: twice as long each, to a bound."""
    return min(FIRST_COOL_DOWN * (1 << min(trips - 1, _DOUBLINGS)), LONGEST_COOL_DOWN)


def _flipped(breaker: Breaker, flip: Flip, until: datetime | None = None) -> Breaker:
    """Through the table, with a new ticket: outcomes of earlier attempts no longer count."""
    state = FLIPS[breaker.state][flip]
    return replace(breaker, state=state, ticket=breaker.ticket + 1, until=until)
