"""What is said between the API and who listens on a machine of their own, transport aside.

Both ends read and write it here: texts of JSON, objects that have a `type` each.
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Final, TypeGuard, TypeVar, cast

import orjson

from core.domain.answers import RESPONSE_KEPT, explained
from core.domain.definitions import Definition
from core.domain.endpoints import ContentMode, Ordering
from core.domain.errors import Invalid
from core.domain.events import EventType
from core.domain.schedule import LEAST_RETRY_AFTER, MOST_RETRY_AFTER
from core.signing import Secret
from schema.default import DEFAULT
from webhooks.replies import Reply

PATH: Final = "/webhooks/listen"
LONGEST_ERROR: Final = 300
"""Characters of why no answer came."""
MOST_BYTES: Final = 1_000_000
"""Of one message to who listens: the largest body, with every letter of it escaped, fits."""
_STATUS: Final = range(100, 1_000)
_HIDDEN: Final = re.compile("[\x00-\x1f\x7f]")
E = TypeVar("E", bound=Enum)


def read(text: str) -> dict[str, Any]:
    """A message.

    Raises:
        Invalid: it is none.
    """
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        sentence = "A message is JSON."
        raise Invalid(sentence) from error
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        sentence = "A message is a JSON object with a type."
        raise Invalid(sentence)
    return message


def wanted(message: Mapping[str, Any]) -> tuple[Definition, Secret | None]:
    """What a message of the type `listen` asks for: an endpoint, and the secret that it had before.

    Raises:
        Invalid: it is no such message; the field of the endpoint is named as in the graph.
    """
    given = message.get("input")
    if message["type"] != "listen" or not isinstance(given, dict):
        sentence = 'The first message is {"type": "listen", "input": {"url": "…"}}.'
        raise Invalid(sentence)
    if strange := sorted(given.keys() - _PARTS.keys()):
        sentence = f"There is no {strange[0][:40]!r} here: give {', '.join(_PARTS)}."
        raise Invalid(sentence, "input")
    found: dict[str, Any] = {"url": "", "document": DEFAULT}
    for name, value in given.items():
        if value is not None:
            key, part = _PARTS[name]
            found[key] = part(name, value)
    secret = message.get("secret")
    if secret is not None and not isinstance(secret, str):
        sentence = "secret is a text that begins with whsec_."
        raise Invalid(sentence, "secret")
    return cast("Definition", found), None if secret is None else Secret.parse(secret)


def delivery(number: int, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
    """A request that whoever listens is to make."""
    return {"type": "delivery", "id": number, "headers": dict(headers), "body": body.decode()}


def answer(number: int, reply: Reply) -> dict[str, Any]:
    """What became of it there."""
    return {
        "type": "answer",
        "id": number,
        "status": reply.status,
        "seconds": reply.seconds,
        "start": reply.start,
        "retryAfter": reply.retry_after,
        "error": reply.error,
    }


def answered(message: Mapping[str, Any]) -> tuple[int, Reply]:
    """Which request a message of the type `answer` is about, and what became of it.

    Raises:
        Invalid: it does not say.
    """
    number, status, error = (message.get(name) for name in ("id", "status", "error"))
    seconds, wait = message.get("seconds"), message.get("retryAfter")
    if not _whole(number) or not (status is None or (_whole(status) and status in _STATUS)):
        sentence = "An answer has the id of its request, and a status of 100 to 999 or null."
        raise Invalid(sentence)
    if not _seconds(seconds) or not (wait is None or _seconds(wait)):
        sentence = "An answer says how many seconds it took; retryAfter is seconds too, or null."
        raise Invalid(sentence)
    if status is None:
        why = error if isinstance(error, str) and error else "No answer came."
        return number, Reply(None, seconds, error=_HIDDEN.sub(" ", why)[:LONGEST_ERROR])
    start = message.get("start")
    text = start[:RESPONSE_KEPT].replace("\0", "\ufffd") if isinstance(start, str) else ""
    asked = None if wait is None else min(max(wait, LEAST_RETRY_AFTER), MOST_RETRY_AFTER)
    return number, Reply(status, seconds, text, asked, explained(status) or None)


def _whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _seconds(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        sentence = f"{name} is a text."
        raise Invalid(sentence, name)
    return value


def _number(name: str, value: object) -> int:
    if not _whole(value):
        sentence = f"{name} is a whole number."
        raise Invalid(sentence, name)
    return value


def _one(kind: type[E]) -> Callable[[str, object], E]:
    def part(name: str, value: object) -> E:
        found = next((one for one in kind if one.value == value), None)
        if found is None:
            known = " or ".join(one.value for one in kind)
            sentence = f"{name} is {known}."
            raise Invalid(sentence, name)
        return found

    return part


def _types(name: str, value: object) -> frozenset[EventType]:
    if not isinstance(value, list):
        sentence = f"{name} is a list of types."
        raise Invalid(sentence, name)
    return frozenset(map(_one(EventType), [name] * len(value), value))


def _any(name: str, value: object) -> object:
    del name
    return value


_PARTS: Final[Mapping[str, tuple[str, Callable[[str, Any], Any]]]] = {
    "url": ("url", _text),
    "document": ("document", _text),
    "variables": ("variables", _any),
    "eventTypes": ("event_types", _types),
    "description": ("description", _text),
    "ordering": ("ordering", _one(Ordering)),
    "rateLimit": ("rate_limit", _number),
    "contentMode": ("content_mode", _one(ContentMode)),
}
"""What an endpoint may be given here, by the names of the graph. A shared secret signs it: that
can go on after a break, since who listens has it too."""
