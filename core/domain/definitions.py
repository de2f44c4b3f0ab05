"""Definitions: what a client says of its endpoint, each part of it checked by itself."""

from collections.abc import Mapping
from typing import Any, Final, TypedDict

import orjson

from core.domain.addresses import Network
from core.domain.endpoints import (
    ContentMode,
    Ordering,
    Signing,
    checked_description,
    checked_rate_limit,
    checked_types,
    listener_url,
)
from core.domain.errors import Invalid
from core.domain.events import EventType
from core.domain.targets import target

LONGEST_DOCUMENT: Final = 10_000
"""Characters of a document, comments included: it is read with its endpoint again and again."""
LONGEST_VARIABLES: Final = 10_000
"""Bytes of a document's variables, written as JSON."""


class Definition(TypedDict, total=False):
    """The parts of it that are given, by their names in `core.domain.endpoints.Endpoint`.

    What is left out stays as it is, or is the usual. `event_types` that are None are all.
    """

    url: str
    document: str
    variables: Any
    event_types: frozenset[EventType] | None
    description: str
    ordering: Ordering
    rate_limit: int
    content_mode: ContentMode
    signing: Signing


def checked_definition(
    given: Definition, allowed: tuple[Network, ...] = (), *, temporary: bool = False
) -> Definition:
    """The parts as they are kept; `allowed` are networks that may be called besides public ones.

    Nothing calls the URL of a `temporary` endpoint.
    Whether the document is one, and goes with its variables, only the graph knows.

    Raises:
        Invalid: one of them can never be; its field is named as in the graph.
    """
    kept = given.copy()
    if "url" in given and temporary:
        kept["url"] = listener_url(given["url"])
    elif "url" in given:
        target(given["url"], allowed)
    if len(given.get("document", "")) > LONGEST_DOCUMENT:
        sentence = (
            f"document has {len(given['document'])} characters, comments included; it has at most "
            f"{LONGEST_DOCUMENT}."
        )
        raise Invalid(sentence, "document")
    if "variables" in given:
        kept["variables"] = checked_variables(given["variables"])
    if "event_types" in given:
        kept["event_types"] = checked_types(given["event_types"])
    if "description" in given:
        kept["description"] = checked_description(given["description"])
    if "rate_limit" in given:
        kept["rate_limit"] = checked_rate_limit(given["rate_limit"])
    return kept


def checked_variables(given: Any) -> Mapping[str, Any]:
    """The variables of a document.

    Raises:
        Invalid: they are no object, or cannot be kept as they are.
    """
    if not isinstance(given, dict):
        sentence = 'variables is a JSON object, such as {"homeId": "home_…"}.'
        raise Invalid(sentence, "variables")
    try:
        written = orjson.dumps(given)
    except TypeError:  # too deep, a number of more than 64 bits, or half a character
        written = b""
    if not written or orjson.loads(written) != given:  # infinite, which JSON does not have
        sentence = (
            "variables has what JSON cannot carry: numbers of more than 64 bits, or values more "
            "than 250 deep."
        )
        raise Invalid(sentence, "variables")
    if len(written) > LONGEST_VARIABLES:
        sentence = (
            f"variables has {len(written)} bytes as JSON; it has at most {LONGEST_VARIABLES}."
        )
        raise Invalid(sentence, "variables")
    return given
