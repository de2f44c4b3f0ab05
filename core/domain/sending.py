"""Sending: an endpoint and its deliveries as whoever sends has them, and what is to be recorded."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from core.domain.answers import Attempt
from core.domain.breaker import Breaker
from core.domain.deliveries import Delivery
from core.domain.endpoints import Endpoint
from core.domain.events import Event


@dataclass(frozen=True, slots=True)
class SealedKey:
    """What messages are signed with, sealed; a former one signs along until its end."""

    sealed: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """An endpoint with what its client does not see of it.

    `planned` is the number of its newest delivery. `version` grows with what its client changes,
    `token` with whoever sends to it.
    """

    endpoint: Endpoint
    keys: tuple[SealedKey, ...]
    breaker: Breaker = field(default_factory=Breaker)
    version: int = 0
    planned: int = 0
    token: int = 0


@dataclass(slots=True)
class Parcel:
    """A delivery that is to be sent, with what its row holds besides.

    `state` is the sequence of the newest state of its device that this endpoint is sent. `event` is
    there once it has been fetched; that of a `test` comes with the row.
    """

    delivery: Delivery
    lane: str
    attempts: tuple[Attempt, ...] = ()
    state: int | None = None
    event: Event | None = None
    test: bool = False

    @property
    def stale(self) -> bool:
        """Whether a newer state is already known."""
        return self.state is not None and self.state > self.delivery.sequence


@dataclass(frozen=True, slots=True)
class Notice:
    """What a client is told of an endpoint."""

    id: str
    client_id: str
    endpoint_id: str
    text: str
    at: datetime


@dataclass(slots=True)
class Settled:
    """A delivery after an attempt; without one where it ended for another reason."""

    parcel: Parcel
    after: Delivery
    attempt: Attempt | None = None


@dataclass(slots=True)
class Account:
    """What is to be recorded of one endpoint: its deliveries, and what is known of it since."""

    token: int
    version: int
    settled: list[Settled] = field(default_factory=list)
    breaker: Breaker | None = None
    endpoint: Endpoint | None = None
    """Where its health, or whether it is active, has changed."""
    notices: Sequence[Notice] = ()
    recovered: bool = False
    """Whether everything that waits is to be sent at once."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """Whether it was taken; `now` is the endpoint where its client has changed it meanwhile."""

    taken: bool
    now: Held | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """How much waits to be sent, and since when the oldest that is sent next does."""

    pending: int = 0
    oldest_seconds: float = 0.0


class Colleague(NamedTuple):
    """A worker as it tells of itself: a life of its process.

    It is `behind` at so many endpoints, and has `room` for so many more.
    """

    id: str
    behind: int
    room: int


def gifts(me: Colleague, others: Collection[Colleague]) -> Sequence[str]:
    """To whom one gives endpoints that it is behind at: a life for each.

    All work out the same from the same: whoever has most gives one to who has fewest and has room,
    until these differ by one at most. Each then gives what falls to it.
    """
    counts = {one.id: one.behind for one in (me, *others)}
    room = {one.id: one.room for one in (me, *others) if one.room > 0}
    found: list[str] = []
    while room:
        rich = max(counts, key=lambda life: (counts[life], life))
        poor = min(room, key=lambda life: (counts[life], life))
        if counts[rich] < counts[poor] + 2:
            break
        counts[rich] -= 1
        counts[poor] += 1
        room[poor] -= 1
        if not room[poor]:
            del room[poor]
        if rich == me.id:
            found.append(poor)
    return found
