"""Covering: by whose grants a client may be sent an event, then and now."""

from collections.abc import Mapping

from core.domain.events import Event
from core.domain.grants import Grant, Scope
from core.domain.mirrors import Mirrored
from core.snapshots.access import Access


class Cover:
    """Judges by access as it is known now."""

    def __init__(self, access: Access) -> None:
        """Judge by this."""
        self._access = access

    def grants(self, client_id: str, event: Event, rooms: Mapping[str, str | None]) -> list[Grant]:
        """The grants to a client that show it this event.

        `rooms` says where in the event's home each device is now that is there.

        Raises:
            Unavailable: access cannot be known now.
        """
        access = self._access
        access.check()
        client = access.clients.get(client_id)
        if client is None or client.disabled:
            return []
        return [
            grant
            for grant in access.givers.of(client_id, event.home.id)
            if grant.shows(event, rooms) and not access.users[grant.user_id].disabled
        ]

    def opens(self, client_id: str, grant: Grant, document: Mirrored | None) -> bool:
        """Whether a grant's scopes, of those that its client may have, open a document.

        None is one that is not known any more: then those that every document of events needs.
        """
        held = grant.scopes & self._access.clients[client_id].scopes
        return Scope.EVENTS_SUBSCRIBE in held and not (document and document.missing(held))
