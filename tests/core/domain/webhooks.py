"""Endpoints, deliveries and attempts to reason about."""

from datetime import datetime
from typing import Any

from core.domain.answers import Attempt
from core.domain.deliveries import Delivery
from core.domain.endpoints import Endpoint
from core.domain.events import EventType
from tests.fakes import HOME, START


def endpoint(**given: Any) -> Endpoint:
    """An endpoint, with what is given."""
    usual: dict[str, Any] = {
        "id": "endpoint_1",
        "client_id": "client_1",
        "url": "https://partner.example/hook",
        "document": "subscription { events { id } }",
        "created_at": START,
        "updated_at": START,
        "active_since": START,
    }
    return Endpoint(**{**usual, **given})


def delivery(**given: Any) -> Delivery:
    """The delivery of an event that has just happened, with what is given."""
    usual: dict[str, Any] = {
        "id": "delivery_1",
        "endpoint_id": "endpoint_1",
        "event_id": "event_1",
        "event_type": EventType.DEVICE_STATUS_CHANGED,
        "home_id": HOME.id,
        "device_id": "device_1",
        "place": 7,
        "sequence": 3,
        "occurred_at": START,
        "since": START,
        "next_at": START,
    }
    return Delivery(**{**usual, **given})


def attempt(
    of: Delivery, status: int | None, at: datetime | None = None, asked: float | None = None
) -> Attempt:
    """The next one of a delivery, when it is due, a tenth of a second long."""
    return Attempt(of.made + 1, at or of.next_at, 0.1, status, asked=asked)
