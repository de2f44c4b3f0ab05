"""Deliveries: one event to one endpoint, and its life over as many attempts as it takes.

The lifecycle is the table `MOVES`; `moved` interprets it. `settled` says which move an attempt's
answer is. Only redelivery leads out of an end; an attempt whose answer comes after one is counted,
and changes nothing else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from enum import Enum
from operator import attrgetter
from typing import Final, TypeVar

from core.domain.answers import Answer, Attempt
from core.domain.endpoints import Ordering
from core.domain.errors import Conflict, Invalid
from core.domain.events import EventType
from core.domain.schedule import Schedule

_CURSOR: Final = re.compile(r"[0-9a-f]{8}-([0-9]{1,18})")


def cursor(endpoint_id: str, number: int) -> str:
    """The cursor of a place among an endpoint's deliveries.

    It hides nothing: whoever has it was sent that delivery. It says of which endpoint it is, so
    that one of another is not taken for its own.
    """
    return f"{endpoint_id[-8:]}-{number}"


def place(endpoint_id: str, text: str, field: str = "after") -> int:
    """The place that a cursor of this endpoint stands for; `field` is where it came in.

    Raises:
        Invalid: it is none of this endpoint's.
    """
    found = _CURSOR.fullmatch(text)
    if found is None or not text.startswith(endpoint_id[-8:]):
        sentence = (
            f"{field} is not a cursor of this endpoint: give the meta.cursor of one of its "
            "deliveries."
        )
        raise Invalid(sentence, field)
    return int(found[1])


class DeliveryStatus(Enum):
    """Where a delivery is; all but the first are ends.

    FAILED: what is wrong is this delivery, for good. DEAD: its time was over.
    """

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    DEAD = "DEAD"
    CANCELLED = "CANCELLED"


class Move(Enum):
    """What can happen to a delivery."""

    DELIVER = "deliver"
    RETRY = "retry"
    PARK = "park"
    GIVE_UP = "give up"
    CANCEL = "cancel"
    REDELIVER = "redeliver"


_S = DeliveryStatus
_AGAIN: Final = {Move.REDELIVER: _S.PENDING}
MOVES: Final[Mapping[DeliveryStatus, Mapping[Move, DeliveryStatus]]] = {
    _S.PENDING: {
        Move.DELIVER: _S.DELIVERED,
        Move.RETRY: _S.PENDING,
        Move.PARK: _S.FAILED,
        Move.GIVE_UP: _S.DEAD,
        Move.CANCEL: _S.CANCELLED,
        **_AGAIN,
    },
    _S.DELIVERED: _AGAIN,
    _S.FAILED: _AGAIN,
    _S.DEAD: _AGAIN,
    _S.CANCELLED: _AGAIN,
}
LASTING: Final = 3
"""Refusals in a row that are taken to last. By the usual schedule that is after five minutes, so
that a route which is missing while the receiver is deployed costs nobody a delivery."""


# Values of which several are made for each request are not frozen, though nobody changes one that
# was handed on: to set their fields past the guard takes ten times as long.
@dataclass(slots=True)
class Delivery:
    """A delivery as it was at one moment.

    `number` is its place among those of its endpoint, from 1 on without gaps.
    `since` is when its age begins: with the event, or when somebody asked for it (a replay, a
    redelivery). `made` counts attempts, `refusals` those in a row that were refused, probes aside;
    `tried_at` is when the last one began. `previous` is the sequence of the delivery before it, of
    the same device and endpoint. `replay_of` is the `webhook-id` that a replay repeats, `replay_id`
    the replay. `claimed` tells that the payload was too large, and goes as an id and a link.
    """

    id: str
    endpoint_id: str
    event_id: str
    event_type: EventType
    home_id: str
    device_id: str | None
    place: int
    sequence: int
    occurred_at: datetime
    since: datetime
    next_at: datetime
    number: int = 0
    previous: int | None = None
    status: DeliveryStatus = DeliveryStatus.PENDING
    made: int = 0
    refusals: int = 0
    tried_at: datetime | None = None
    ended_at: datetime | None = None
    reason: str | None = None
    replay_id: str | None = None
    replay_of: str | None = None
    by_hand: bool = False
    claimed: bool = False

    @property
    def message_id(self) -> str:
        """Its `webhook-id`, the same over all attempts, so that a receiver knows it again."""
        return f"msg_{self.id.rpartition('_')[2]}"

    @property
    def open(self) -> bool:
        """Whether it is still to be delivered."""
        return self.status is DeliveryStatus.PENDING

    def lane(self, ordering: Ordering) -> str:
        """In which lane of its endpoint it waits: each goes by place, one delivery at a time.

        Replays have lanes of their own; one redelivered by hand, and all of an unordered endpoint,
        wait for nobody, and nobody for them.
        """
        if self.by_hand or ordering is Ordering.UNORDERED:
            return self.id
        line = self.device_id or self.home_id
        return line if self.replay_id is None else f"{self.replay_id}/{line}"

    def due(self, recovered_at: datetime | None) -> datetime:
        """When it is to be tried: as planned, or at once when its receiver has come back."""
        if recovered_at is None or self.tried_at is None or self.tried_at >= recovered_at:
            return self.next_at
        return min(self.next_at, recovered_at)


_FIELDS: Final = attrgetter(*(one.name for one in fields(Delivery)))
D = TypeVar("D", bound=Delivery)


def moved(delivery: D, move: Move, now: datetime, reason: str | None = None) -> D:
    """The delivery after `move`.

    Raises:
        Conflict: the table has no such move from where the delivery is.
    """
    status = MOVES[delivery.status].get(move)
    if status is None:
        sentence = f"Cannot {move.value} delivery {delivery.id}: it is {delivery.status.value}."
        raise Conflict(sentence)
    ended = None if status is DeliveryStatus.PENDING else now
    return replace(delivery, status=status, ended_at=ended, reason=reason)


def settled(
    delivery: Delivery, attempt: Attempt, schedule: Schedule, active_since: datetime, chance: float
) -> Delivery:
    """The delivery after an attempt.

    `active_since` is when its endpoint last became active: time before that does not age it.
    `chance` is from 0 to below 1, and decides the jitter alone.
    """
    ended = attempt.started_at + timedelta(seconds=attempt.seconds)
    answer = attempt.answer
    made = max(delivery.made, attempt.number)
    if answer is Answer.TAKEN and delivery.open:  # most of all, so at once
        taken = Delivery(*_FIELDS(delivery))  # a fifth of what `replace` takes
        taken.status, taken.ended_at = MOVES[delivery.status][Move.DELIVER], ended
        taken.made, taken.refusals, taken.tried_at = made, 0, attempt.started_at
        taken.reason = None
        return taken
    refusals = delivery.refusals + (not attempt.probe) if answer is Answer.REFUSED else 0
    left = replace(delivery, made=made, refusals=refusals, tried_at=attempt.started_at)
    if not delivery.open:
        return left
    why = f"After attempt {attempt.number}: {attempt.said}"
    if answer is Answer.GONE or refusals >= LASTING:
        return moved(left, Move.PARK, ended, why)
    age = (attempt.started_at - max(delivery.since, active_since)).total_seconds()
    wait = schedule.wait(max(age, 0.0), attempt.seconds, made, chance)
    if wait is None:
        return moved(left, Move.GIVE_UP, ended, why)
    wait = wait if attempt.retry_after is None else attempt.retry_after
    next_at = ended + timedelta(seconds=wait)
    return replace(moved(left, Move.RETRY, ended, why), next_at=next_at)


def redelivered(delivery: D, now: datetime) -> D:
    """The delivery, to be tried at once, outside of its lane, with its whole schedule before it."""
    again = moved(delivery, Move.REDELIVER, now)
    return replace(again, since=now, next_at=now, refusals=0, by_hand=True)
