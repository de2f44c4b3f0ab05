"""Bodies of deliveries: an envelope around the `data` that a subscriber of the document gets.

`data` comes as bytes and stands in the body as it is. A body that would be too large gives way to
a claim: the same envelope with a link to what is left out, and a warning.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias

import orjson

from core.domain.events import EventType

LARGEST: Final = 64 * 1024
"""Bytes of a body. What is larger need not be taken or passed on (CloudEvents 1.0, Size Limits)."""
TEST: Final = "endpoint.test"
"""The type of a test delivery, which is of no event."""
JSON: Final = "application/json"
CLOUD_EVENT: Final = "application/cloudevents+json"


_TYPE_NAMES: Final = {one: one.value.lower().replace("_", ".", 1) for one in EventType}


def type_name(event_type: EventType) -> str:
    """What a type of event is called in a delivery: `device.status_changed`."""
    return _TYPE_NAMES[event_type]


@dataclass(slots=True)
class Meta:
    """Where a delivery stands among those of its endpoint.

    `sequence` and `previous_sequence` count within its device (its home, for home.updated); the
    latter is None for the first of them that goes to this endpoint. `replay_of` is the id of the
    message that is sent again.
    """

    cursor: str
    sequence: int
    previous_sequence: int | None
    stale: bool
    replay_of: str | None = None


@dataclass(slots=True)
class Message:
    """What is sent besides `data`: `id` is the webhook-id, `at` when the event happened.

    `source` is a URI of what the event is of, its device or home: sequences are compared within
    it. `link` is where `data` can be had if it does not fit, `event_id` what to ask for there.
    """

    id: str
    type: str
    at: datetime
    source: str
    event_id: str
    link: str
    meta: Meta


@dataclass(slots=True)
class Body:
    """The bytes of a body and what they are; `warning` says why it is a claim."""

    content: bytes
    content_type: str
    warning: str | None = None


Form: TypeAlias = Callable[[Message, bytes], Body]
"""`standard` or `cloud_event`, as an endpoint's content mode wants it."""


def standard(message: Message, data: bytes) -> Body:
    """The body that Standard Webhooks 1.0 recommends, with `meta` behind its members."""
    meta = _meta(message.meta)
    head = _head(message.type, message.at)
    body = b'%b,"data":%b,"meta":%b}' % (head, data, orjson.dumps(meta))
    if len(body) <= LARGEST:
        return Body(body, JSON)
    warning = _warning(len(body), "meta.claim.link")
    claim = {"id": message.event_id, "link": message.link}
    rest = orjson.dumps({"data": None, "meta": {**meta, "claim": claim, "warning": warning}})
    return Body(b"%b,%b" % (head, rest[1:]), JSON, warning)


def cloud_event(message: Message, data: bytes) -> Body:
    """A CloudEvent 1.0 in structured JSON, with `meta` as extension attributes.

    `sequence` is the documented extension of that name, hence a text; `previoussequence` is
    written like it. A claim is that of the extension `dataref`.
    """
    head = orjson.dumps(_attributes(message))
    body = b'%b,"data":%b}' % (head[:-1], data)
    if len(body) <= LARGEST:
        return Body(body, CLOUD_EVENT)
    warning = _warning(len(body), "dataref")
    claim = {"dataref": message.link, "eventid": message.event_id, "warning": warning}
    return Body(b"%b,%b" % (head[:-1], orjson.dumps(claim)[1:]), CLOUD_EVENT, warning)


def _meta(meta: Meta) -> dict[str, Any]:
    members: dict[str, Any] = {
        "cursor": meta.cursor,
        "sequence": meta.sequence,
        "previousSequence": meta.previous_sequence,
        "stale": meta.stale,
    }
    if meta.replay_of is not None:
        members["replayOf"] = meta.replay_of
    return members


def _attributes(message: Message) -> dict[str, Any]:
    meta = message.meta
    attributes = {
        "specversion": "1.0",
        "id": message.id,
        "source": message.source,
        "type": message.type,
        "time": _written(message.at),
        "datacontenttype": JSON,
        "cursor": meta.cursor,
        "sequence": _ordered(meta.sequence),
        "stale": meta.stale,
    }
    if meta.previous_sequence is not None:
        attributes["previoussequence"] = _ordered(meta.previous_sequence)
    if meta.replay_of is not None:
        attributes["replayof"] = meta.replay_of
    return attributes


def _ordered(sequence: int) -> str:
    """A number as a text that sorts like it, up to the largest that the store can hold."""
    return f"{sequence:019}"


def _warning(size: int, where: str) -> str:
    return (
        f"This delivery would have {size} bytes, and at most {LARGEST} are sent: "
        f"data is left out, ask for it at {where}."
    )


@lru_cache(1_024)  # an event goes to several endpoints
def _head(type_: str, at: datetime) -> bytes:
    """The first members, of an object that is still open."""
    return orjson.dumps({"type": type_, "timestamp": _written(at)})[:-1]


@lru_cache(1_024)
def _written(moment: datetime) -> str:
    """RFC 3339 in UTC and to the millisecond, as the graph writes it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
