"""What the floors below the graph need of the documents that endpoints have, as protocols."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

from core.domain.events import Event
from core.domain.ports import Wanted


class Mirrored(Protocol):
    """A subscription document with its variables, as an endpoint has it: events in, bytes out."""

    @property
    def wanted(self) -> Wanted:
        """Which events it asks for, by the arguments of its root field."""

    def missing(self, scopes: Collection[str]) -> Sequence[str]:
        """The scopes that these lack to open it, by name; empty where they open it."""

    def render(self, event: Event) -> bytes:
        """What it shows of an event: the `data` of a WebSocket subscriber's payload, byte for byte.

        Whoever asks has seen to it that the event may be shown.
        """


class Mirror(Protocol):
    """Reads what endpoints mirror; the graph stands behind it."""

    async def document(self, text: str, variables: Mapping[str, Any]) -> Mirrored:
        """The document, checked as when a socket sends it: syntax, fields, size, cost, variables.

        Raises:
            Invalid: it is none that an endpoint may have; its field is `document` or `variables`.
        """
