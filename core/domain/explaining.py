"""Explaining: why an event was, or was not, delivered to an endpoint. A table of reasons. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Final

from core.domain.breaker import BreakerState, free_at
from core.domain.deliveries import DeliveryStatus
from core.domain.endpoints import EndpointStatus
from core.domain.repairs import Traced
from core.domain.sending import Held


class EventOutcome(Enum):
    """What became of an event at an endpoint, the first that holds of those that keep it away."""

    CREATED_LATER = "CREATED_LATER"
    TYPE_NOT_WANTED = "TYPE_NOT_WANTED"
    NOT_ASKED_FOR = "NOT_ASKED_FOR"
    NOT_COVERED_THEN = "NOT_COVERED_THEN"
    NOT_COVERED_NOW = "NOT_COVERED_NOW"
    SCOPES_MISSING = "SCOPES_MISSING"
    NOT_PLANNED_YET = "NOT_PLANNED_YET"
    PASSED_OVER = "PASSED_OVER"
    PAUSED = "PAUSED"
    DISABLED = "DISABLED"
    RECEIVER_DOWN = "RECEIVER_DOWN"
    BEHIND_ANOTHER = "BEHIND_ANOTHER"
    WAITING = "WAITING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    DEAD = "DEAD"
    CANCELLED = "CANCELLED"


_O = EventOutcome
SENTENCES: Final = {
    _O.CREATED_LATER: "The endpoint was made after the event had happened.",
    _O.TYPE_NOT_WANTED: "The endpoint does not want events of the type {type}: see eventTypes.",
    _O.NOT_ASKED_FOR: "The arguments of the endpoint's document do not ask for this event.",
    _O.NOT_COVERED_THEN: "No grant to your client covered it when it happened.",
    _O.NOT_COVERED_NOW: "No grant to your client covers it now.",
    _O.SCOPES_MISSING: "No grant that covers it opens all that the document selects: {scopes}.",
    _O.NOT_PLANNED_YET: "It is not planned yet: it is in the queue of events.",
    _O.PASSED_OVER: (
        "It was not for this endpoint when it was planned, as endpoint and grants were then; or "
        "its delivery is no longer kept."
    ),
    _O.PAUSED: "It waits: the endpoint is paused. Resume it.",
    _O.DISABLED: "It waits: the endpoint is disabled. {because} Resume it.",
    _O.RECEIVER_DOWN: "It waits: the receiver is taken to be down, and looked at again {next}.",
    _O.BEHIND_ANOTHER: "It waits behind delivery {before} of the same device.",
    _O.WAITING: "It waits for its time: {next}. {why}",
    _O.DELIVERED: "It was delivered with attempt {made}.",
    _O.FAILED: "It failed, and is not tried again: {why}",
    _O.DEAD: "Its time was over: {why}",
    _O.CANCELLED: "It was cancelled: {why}",
}
ENDS: Final = {
    DeliveryStatus.DELIVERED: _O.DELIVERED,
    DeliveryStatus.FAILED: _O.FAILED,
    DeliveryStatus.DEAD: _O.DEAD,
    DeliveryStatus.CANCELLED: _O.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of an event and one endpoint. Without a delivery, what could have led to one.

    `asked` tells whether the document asks for it, `missing` are the scopes that the nearest grant
    lacks to open it, `planned` whether its home is planned beyond it. `before` is the delivery
    that its own waits for.
    """

    held: Held
    type_name: str
    wanted: bool
    occurred_at: datetime
    asked: bool = True
    then: bool = True
    now: bool = True
    missing: Sequence[str] = ()
    planned: bool = True
    delivery: Traced | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class EventExplanation:
    """Why an event was, or was not, delivered to one endpoint."""

    held: Held
    outcome: EventOutcome
    reason: str
    delivery: Traced | None = None
    next_attempt_at: datetime | None = None


def explained(facts: Facts, now: datetime) -> EventExplanation:
    """The explanation."""
    outcome = _outcome(facts, now)
    delivery = facts.delivery
    next_at = _next(facts, outcome, now)
    sentence = SENTENCES[outcome].format(
        type=facts.type_name,
        scopes=", ".join(facts.missing) or "the scope to watch events is missing",
        because=facts.held.endpoint.disabled_because or "",
        before=facts.before,
        next="now" if next_at is None or next_at <= now else f"at {_written(next_at)}",
        made=delivery.made if delivery else 0,
        why=(delivery and delivery.reason) or "",
    )
    return EventExplanation(facts.held, outcome, " ".join(sentence.split()), delivery, next_at)


def _outcome(facts: Facts, now: datetime) -> EventOutcome:
    if facts.delivery is None:
        return _never(facts)
    if not facts.delivery.open:
        return ENDS[facts.delivery.status]
    if facts.held.endpoint.status is EndpointStatus.PAUSED:
        return _O.PAUSED
    if facts.held.endpoint.status is EndpointStatus.DISABLED:
        return _O.DISABLED
    if (
        facts.held.breaker.state is not BreakerState.CLOSED
        and free_at(facts.held.breaker, now) > now
    ):
        return _O.RECEIVER_DOWN
    return _O.WAITING if facts.before is None else _O.BEHIND_ANOTHER


def _never(facts: Facts) -> EventOutcome:
    """Why there is no delivery: the conditions in the order in which they are looked at."""
    conditions = (
        (facts.held.endpoint.created_at > facts.occurred_at, _O.CREATED_LATER),
        (not facts.wanted, _O.TYPE_NOT_WANTED),
        (not facts.asked, _O.NOT_ASKED_FOR),
        (not facts.then, _O.NOT_COVERED_THEN),
        (not facts.now, _O.NOT_COVERED_NOW),
        (bool(facts.missing), _O.SCOPES_MISSING),
        (not facts.planned, _O.NOT_PLANNED_YET),
    )
    return next((outcome for holds, outcome in conditions if holds), _O.PASSED_OVER)


def _next(facts: Facts, outcome: EventOutcome, now: datetime) -> datetime | None:
    """When it is tried next, as far as that can be said."""
    if facts.delivery is None:
        return None
    if outcome is _O.RECEIVER_DOWN:
        return free_at(facts.held.breaker, now)
    if outcome is _O.WAITING:
        return max(
            facts.delivery.due(facts.held.breaker.recovered_at), free_at(facts.held.breaker, now)
        )
    return None


def _written(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
