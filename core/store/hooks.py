"""Rows of webhooks to domain values and back."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any, Final, TypeAlias

from core.domain.answers import Attempt
from core.domain.breaker import Breaker, BreakerState
from core.domain.deliveries import Delivery, DeliveryStatus
from core.domain.endpoints import ContentMode, Endpoint, EndpointStatus, Ordering, Signing
from core.domain.events import Event, EventType
from core.domain.health import Health
from core.domain.repairs import Traced
from core.domain.sending import Held, SealedKey
from core.store import codec
from core.store.rows import Fetched
from core.store.types import EPOCH, MICROSECOND, microseconds

Json: TypeAlias = dict[str, Any]
DELETED: Final = "DELETED"
"""The status of an endpoint of which only rows are left; nobody is shown it."""
MOST_ATTEMPTS: Final = 50
"""Of a delivery, that are kept: the first ones, and the last."""
_FIRST: Final = 10
_NAMES: Final = tuple(one.name for one in fields(Delivery))
_TYPE: Final = _NAMES.index("event_type")
_STATUS: Final = _NAMES.index("status")
_REPLAY: Final = _NAMES.index("replay_id")
_TYPES: Final = {one.value: one for one in EventType}
_STATUSES: Final = {one.value: one for one in DeliveryStatus}


def held_of(row: Fetched) -> Held:
    """A row of `endpoints`."""
    said = row.definition
    types = said["event_types"]
    return Held(
        endpoint=Endpoint(
            id=row.id,
            client_id=row.client_id,
            url=said["url"],
            document=said["document"],
            created_at=row.created_at,
            updated_at=row.updated_at,
            active_since=row.active_since,
            variables=said["variables"],
            event_types=None if types is None else frozenset(map(EventType, types)),
            description=said["description"],
            ordering=Ordering(said["ordering"]),
            rate_limit=said["rate_limit"],
            content_mode=ContentMode(said["content_mode"]),
            signing=Signing(said["signing"]),
            status=EndpointStatus(row.status),
            disabled_at=row.disabled_at,
            disabled_because=row.disabled_because,
            health=health_in(row.health),
            temporary=said.get("temporary", False),
        ),
        keys=tuple(SealedKey(one["sealed"], instant_in(one["until"])) for one in row.keys),
        breaker=breaker_in(row.breaker),
        version=row.version,
        planned=row.planned,
        token=row.token,
    )


def held_values(held: Held) -> Json:
    """The row of an endpoint, but for what planners and senders have of it."""
    endpoint = held.endpoint
    types = endpoint.event_types
    return {
        "status": endpoint.status.value,
        "definition": {
            "url": endpoint.url,
            "document": endpoint.document,
            "variables": dict(endpoint.variables),
            "event_types": None if types is None else sorted(one.value for one in types),
            "description": endpoint.description,
            "ordering": endpoint.ordering.value,
            "rate_limit": endpoint.rate_limit,
            "content_mode": endpoint.content_mode.value,
            "signing": endpoint.signing.value,
            "temporary": endpoint.temporary,
        },
        "keys": [{"sealed": one.sealed, "until": instant_out(one.until)} for one in held.keys],
        "updated_at": endpoint.updated_at,
        "active_since": endpoint.active_since,
        "disabled_at": endpoint.disabled_at,
        "disabled_because": endpoint.disabled_because,
        "health": health_out(endpoint.health),
        "breaker": breaker_out(held.breaker),
        "version": held.version,
    }


def health_out(health: Health) -> Json:
    """As the column holds it."""
    return {
        "succeeded_at": instant_out(health.succeeded_at),
        "failing_since": instant_out(health.failing_since),
        "failed_at": instant_out(health.failed_at),
        "error": health.error,
        "noticed": health.noticed,
    }


def health_in(said: Json) -> Health:
    """What `health_out` made."""
    return Health(
        succeeded_at=instant_in(said["succeeded_at"]),
        failing_since=instant_in(said["failing_since"]),
        failed_at=instant_in(said["failed_at"]),
        error=said["error"],
        noticed=said["noticed"],
    )


def breaker_out(breaker: Breaker) -> Json:
    """As the column holds it."""
    return {
        "state": breaker.state.value,
        "failures": breaker.failures,
        "trips": breaker.trips,
        "ticket": breaker.ticket,
        "until": instant_out(breaker.until),
        "recovered_at": instant_out(breaker.recovered_at),
    }


def breaker_in(said: Json) -> Breaker:
    """What `breaker_out` made."""
    return Breaker(
        state=BreakerState(said["state"]),
        failures=said["failures"],
        trips=said["trips"],
        ticket=said["ticket"],
        until=instant_in(said["until"]),
        recovered_at=instant_in(said["recovered_at"]),
    )


def delivery_of(row: Fetched) -> Delivery:
    """A row of `deliveries`, which has that table's columns first."""
    return Delivery(*_delivery(row))


def traced_of(row: Fetched) -> Traced:
    """The same, with what was tried."""
    attempts = tuple(map(attempt_in, row.attempts))
    sample = sample_in(row.sample) if row.sample else None
    values: Sequence[Any] = (*_delivery(row), attempts, sample)
    return Traced(*values)


def _delivery(row: Fetched) -> Sequence[Any]:
    """The fields of a delivery in their order: by name they took 8 us of a delivery's 250."""
    found = list(row[: len(_NAMES)])
    found[_TYPE], found[_STATUS] = _TYPES[found[_TYPE]], _STATUSES[found[_STATUS]]
    found[_REPLAY] = found[_REPLAY] or None
    return found


def delivery_values(delivery: Delivery, client_id: str, lane: str, behind: int | None) -> Json:
    """The row of a new delivery, behind the one with that number, or the first of its lane."""
    return {
        "id": delivery.id,
        "client_id": client_id,
        "endpoint_id": delivery.endpoint_id,
        "number": delivery.number,
        "event_id": delivery.event_id,
        "event_type": delivery.event_type.value,
        "home_id": delivery.home_id,
        "device_id": delivery.device_id,
        "place": delivery.place,
        "sequence": delivery.sequence,
        "previous": delivery.previous,
        "occurred_at": delivery.occurred_at,
        "since": delivery.since,
        "next_at": delivery.next_at,
        "status": delivery.status.value,
        "made": delivery.made,
        "refusals": delivery.refusals,
        "tried_at": delivery.tried_at,
        "ended_at": delivery.ended_at,
        "reason": delivery.reason,
        "replay_id": delivery.replay_id or "",
        "replay_of": delivery.replay_of,
        "by_hand": delivery.by_hand,
        "claimed": delivery.claimed,
        "lane": lane,
        "ready": behind is None,
        "behind": behind,
        "sample": None,
        "attempts": [],
    }


def attempt_out(attempt: Attempt) -> Json:
    """As one of the column's list."""
    return {
        "number": attempt.number,
        "started_at": microseconds(attempt.started_at),
        "seconds": attempt.seconds,
        "status": attempt.status,
        "response": attempt.response,
        "error": attempt.error,
        "asked": attempt.asked,
        "signature": attempt.signature,
        "probe": attempt.probe,
    }


def attempt_in(said: Json) -> Attempt:
    """What `attempt_out` made."""
    return Attempt(**{**said, "started_at": EPOCH + said["started_at"] * MICROSECOND})


def attempts_out(attempts: Sequence[Attempt]) -> list[Json]:
    """As the column holds them; of very many, those in the middle are forgotten."""
    found = list(map(attempt_out, attempts))
    return (
        found if len(found) <= MOST_ATTEMPTS else found[:_FIRST] + found[_FIRST - MOST_ATTEMPTS :]
    )


def sample_out(event: Event) -> Json:
    """A sample event, whole."""
    return {
        "type": event.type.value,
        "place": event.place,
        "sequence": event.sequence,
        "occurred_at": microseconds(event.occurred_at),
        "body": codec.event_out(event),
    }


def sample_in(said: Json) -> Event:
    """What `sample_out` made."""
    at = EPOCH + said["occurred_at"] * MICROSECOND
    return codec.event_in(said["type"], said["place"], said["sequence"], at, said["body"])


def instant_out(moment: datetime | None) -> int | None:
    """A moment, where there is one, as JSON holds it."""
    return None if moment is None else microseconds(moment)


def instant_in(number: int | None) -> datetime | None:
    """What `instant_out` made."""
    return None if number is None else EPOCH + number * MICROSECOND
