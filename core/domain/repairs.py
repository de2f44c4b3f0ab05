"""Repair: deliveries as their client looks at them, and replays of them. Pure."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from core.domain.answers import Attempt
from core.domain.deliveries import Delivery, DeliveryStatus
from core.domain.errors import Conflict, Invalid
from core.domain.events import Event, EventType
from core.domain.rates import LEAST, MOST as MOST_RATE

LOST: Final = (DeliveryStatus.FAILED, DeliveryStatus.DEAD, DeliveryStatus.CANCELLED)
"""The ends of what was not taken."""
MOST_REPLAYS: Final = 3
"""Of one endpoint that run at a time."""
MOST_DEVICES: Final = 100
"""That a replay names."""
LONGEST_ID: Final = 100
"""Of an identifier that is looked for; no record has a longer one."""
DEFAULT_PACE: Final = 10
"""Messages a second of a replay."""
AHEAD: Final = timedelta(seconds=10)
"""A replay's deliveries are made so long before they are due, and what comes after them then."""
CROWDED: Final = AHEAD / 2
"""Before a replay looks again whether fewer wait of what was made by it, or its like."""


@dataclass(slots=True)
class Traced(Delivery):
    """A delivery with what was tried. `sample` is the event of a test, which no log holds."""

    attempts: tuple[Attempt, ...] = ()
    sample: Event | None = None


@dataclass(frozen=True, slots=True)
class Which:
    """Which deliveries; all given conditions hold together.

    `since` and `until` are of when they began; `until` is excluded.
    """

    endpoint_id: str | None = None
    status: DeliveryStatus | None = None
    event_type: EventType | None = None
    device_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which deliveries a replay sends again, by their events, and how many a second."""

    since: datetime | None = None
    until: datetime | None = None
    event_types: frozenset[EventType] | None = None
    device_ids: frozenset[str] | None = None
    only_failed: bool = False
    per_second: int = DEFAULT_PACE

    def check(self) -> None:
        """See that it can be meant.

        Raises:
            Invalid: a condition leaves nothing or names too much, or the pace is out of range.
        """
        if not LEAST <= self.per_second <= MOST_RATE:
            sentence = f"perSecond is {self.per_second}; give {LEAST} to {MOST_RATE}."
            raise Invalid(sentence, "perSecond")
        for name, given in (("eventTypes", self.event_types), ("deviceIds", self.device_ids)):
            if given is not None and not given:
                sentence = f"{name} is empty, so nothing would match: name one or leave it out."
                raise Invalid(sentence, name)
        if len(self.device_ids or ()) > MOST_DEVICES:
            sentence = f"deviceIds has over {MOST_DEVICES} entries: leave some for another replay."
            raise Invalid(sentence, "deviceIds")
        if not all(map(possible, self.device_ids or ())):
            raise Invalid("deviceIds names what can be no device's id.", "deviceIds")
        if self.since is not None and self.until is not None and self.since >= self.until:
            sentence = "until is not after since, so nothing would match."
            raise Invalid(sentence, "until")


@dataclass(frozen=True, slots=True)
class Replay:
    """Deliveries of an endpoint that are sent again, as new messages, in their order.

    It goes through them by number: `place` is how far it is, `until` where it ends. `made` counts
    new deliveries, `skipped` those whose events are no longer kept. At `next_at` it is gone on
    with; that is None once it is done. `limit` is what its endpoint takes each second.
    """

    id: str
    endpoint_id: str
    chosen: Chosen
    place: int
    until: int
    created_at: datetime
    next_at: datetime | None
    made: int = 0
    skipped: int = 0
    limit: int = MOST_RATE

    @property
    def done(self) -> bool:
        """Whether all its deliveries are made; they may not all be sent."""
        return self.next_at is None

    @property
    def page(self) -> int:
        """How many of its deliveries are made at once, at most."""
        return round(self._pace * AHEAD.total_seconds())

    @property
    def most(self) -> int:
        """How many of its deliveries may wait at once; while there are more, it makes none."""
        return 2 * self.page

    def times(self, count: int, now: datetime) -> list[datetime]:
        """When so many more deliveries are due: behind the last ones, and never at once."""
        started = self.made > 0 and self.next_at is not None
        first = max(now, self.next_at + AHEAD) if started and self.next_at else now
        return [first + self._pause * number for number in range(count)]

    def went_on(
        self, place: int, times: Collection[datetime], skipped: int, now: datetime
    ) -> "Replay":
        """The replay after a step to `place` that made a delivery for each of these times."""
        after = replace(
            self, place=place, made=self.made + len(times), skipped=self.skipped + skipped
        )
        if place >= self.until:
            return replace(after, next_at=None)
        if times:
            return replace(after, next_at=max(times) + self._pause - AHEAD)
        return replace(after, next_at=self.next_at if self.made else now)

    @property
    def _pause(self) -> timedelta:
        return timedelta(seconds=1 / self._pace)

    @property
    def _pace(self) -> int:
        return min(self.chosen.per_second, self.limit)


def possible(identifier: str) -> bool:
    """Whether any record could have this id; what could not is no question to the database."""
    return len(identifier) <= LONGEST_ID and identifier.isascii() and identifier.isprintable()


def most_waiting(rate_limit: int) -> int:
    """How many deliveries of replays may wait at an endpoint that takes so many a second."""
    return round(2 * rate_limit * AHEAD.total_seconds())


def check_replays(running: int) -> None:
    """See that an endpoint with so many replays under way may have one more.

    Raises:
        Conflict: it may not.
    """
    if running >= MOST_REPLAYS:
        sentence = f"{running} replays of this endpoint are under way: wait until one is done."
        raise Conflict(sentence)
