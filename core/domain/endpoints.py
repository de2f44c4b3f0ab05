"""Endpoints: receivers of webhooks, what may be stored of them, and whether they are active.

The lifecycle is the table `TURNS`; `turned` interprets it. What waits for an endpoint that is not
active waits, and does not age. Secrets are not in here.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import Any, Final

from core.domain.errors import Conflict, Invalid
from core.domain.events import EventType
from core.domain.health import Health
from core.domain.names import hides, normal_name
from core.domain.rates import checked_rate

DEFAULT_RATE: Final = 100
LONGEST_DESCRIPTION: Final = 500
MOST: Final = 100
"""Of one client."""
LISTEN: Final = "listen:"
"""What the URL of a temporary endpoint begins with."""
LONGEST_LISTENER: Final = 500
_ID: Final = re.compile("endpoint_[0-9a-f]{32}")


class Ordering(Enum):
    """Whether a delivery waits for those before it, of the same device."""

    ORDERED = "ORDERED"
    UNORDERED = "UNORDERED"


class ContentMode(Enum):
    """How a body is laid out: by Standard Webhooks, or by CloudEvents 1.0, structured."""

    STANDARD = "STANDARD"
    CLOUDEVENTS = "CLOUDEVENTS"


class Signing(Enum):
    """By which keys messages are signed: a shared secret (`v1`), or a key pair (`v1a`)."""

    HMAC = "HMAC"
    ED25519 = "ED25519"


class EndpointStatus(Enum):
    """Whether anything is sent; PAUSED is what the partner wants, DISABLED what we do."""

    ACTIVE = "ACTIVE"
    PAUSED = "PAUSED"
    DISABLED = "DISABLED"


class Turn(Enum):
    """What can happen to an endpoint."""

    PAUSE = "pause"
    RESUME = "resume"
    DISABLE = "disable"


_E = EndpointStatus
TURNS: Final[Mapping[EndpointStatus, Mapping[Turn, EndpointStatus]]] = {
    _E.ACTIVE: {Turn.PAUSE: _E.PAUSED, Turn.RESUME: _E.ACTIVE, Turn.DISABLE: _E.DISABLED},
    _E.PAUSED: {Turn.PAUSE: _E.PAUSED, Turn.RESUME: _E.ACTIVE, Turn.DISABLE: _E.DISABLED},
    _E.DISABLED: {Turn.RESUME: _E.ACTIVE, Turn.DISABLE: _E.DISABLED},
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as it was at one moment.

    `event_types` are those that it wants; None is all that its document can show. `disabled_at` and
    `disabled_because` are there while it is DISABLED. `active_since` is when it last became ACTIVE.
    A `temporary` one is sent to over the connection of who listens, and gone with it.
    """

    id: str
    client_id: str
    url: str
    document: str
    created_at: datetime
    updated_at: datetime
    active_since: datetime
    variables: Mapping[str, Any] = field(default_factory=dict)
    event_types: frozenset[EventType] | None = None
    description: str = ""
    ordering: Ordering = Ordering.ORDERED
    rate_limit: int = DEFAULT_RATE
    content_mode: ContentMode = ContentMode.STANDARD
    signing: Signing = Signing.HMAC
    status: EndpointStatus = EndpointStatus.ACTIVE
    disabled_at: datetime | None = None
    disabled_because: str | None = None
    health: Health = field(default_factory=Health)
    temporary: bool = False

    @property
    def active(self) -> bool:
        """Whether anything is sent to it."""
        return self.status is EndpointStatus.ACTIVE

    def wants(self, type: EventType) -> bool:
        """Whether it asks for events of this type; its document may still show none."""
        return self.event_types is None or type in self.event_types


def named(endpoint_id: str) -> bool:
    """Whether an endpoint can have this id; what cannot is looked for nowhere."""
    return _ID.fullmatch(endpoint_id) is not None


def turned(endpoint: Endpoint, turn: Turn, now: datetime, because: str | None = None) -> Endpoint:
    """The endpoint after `turn`; the same where it was there already.

    One that is resumed starts afresh: its health of before says nothing of the repaired receiver.

    Raises:
        Conflict: the table has no such turn from where the endpoint is.
    """
    status = TURNS[endpoint.status].get(turn)
    if status is None:
        was = endpoint.status.value
        sentence = f"Cannot {turn.value} endpoint {endpoint.id}: it is {was}. Resume it first."
        raise Conflict(sentence)
    if status is endpoint.status:
        return endpoint
    left = replace(endpoint, status=status, updated_at=now, disabled_at=None, disabled_because=None)
    if status is EndpointStatus.DISABLED:
        return replace(left, disabled_at=now, disabled_because=because)
    if status is EndpointStatus.ACTIVE:
        return replace(left, active_since=now, health=endpoint.health.renewed())
    return left


def checked_rate_limit(rate: int) -> int:
    """How many messages a second an endpoint takes.

    Raises:
        Invalid: it is out of range.
    """
    return checked_rate(rate, "rateLimit")


def checked_description(text: str) -> str:
    """A description that people can read, in lines, without what is around it.

    Raises:
        Invalid: it is too long, or holds what cannot be seen.
    """
    text = normal_name(text)
    if len(text) > LONGEST_DESCRIPTION or any(map(hides, text.split("\n"))):
        sentence = (
            f"description has at most {LONGEST_DESCRIPTION} printable characters, none of them "
            "invisible."
        )
        raise Invalid(sentence, "description")
    return text


def listener_url(text: str) -> str:
    """The URL of a temporary endpoint: where whoever listens takes it, for its client to read.

    Raises:
        Invalid: it is too long, or holds what cannot be seen.
    """
    if len(text) > LONGEST_LISTENER or not (text.isascii() and text.isprintable()):
        sentence = f"url has at most {LONGEST_LISTENER} printable ASCII characters."
        raise Invalid(sentence, "url")
    return LISTEN + text


def checked_types(types: Collection[EventType] | None) -> frozenset[EventType] | None:
    """The types of events that an endpoint wants; None is all.

    Raises:
        Invalid: the list is empty, so that nothing would ever be sent.
    """
    if types is not None and not types:
        sentence = "eventTypes is empty: name at least one or leave it out."
        raise Invalid(sentence, "eventTypes")
    return None if types is None else frozenset(types)


def check_room(there: int) -> None:
    """See that a client that has so many endpoints may have one more.

    Raises:
        Conflict: it may not.
    """
    if there >= MOST:
        sentence = f"You have {there} endpoints; {MOST} are the most. Delete one first."
        raise Conflict(sentence)
