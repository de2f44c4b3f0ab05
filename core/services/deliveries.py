"""Deliveries, for the client that they are of: looked at, sent again, and read where too large."""

from collections.abc import Mapping, Sequence

from core.domain.errors import Invalid, Missing
from core.domain.events import Event
from core.domain.grants import Grant
from core.domain.mirrors import Mirrored
from core.domain.ports import Clock
from core.domain.repairs import LONGEST_ID, Traced, Which, possible
from core.domain.sending import Held, Notice
from core.services.covering import Cover
from core.services.letters import Letters
from core.snapshots.access import Access
from core.store.deliveries import Deliveries as Rows, Found
from core.store.endpoints import Endpoints
from core.store.logs import Logs


class Deliveries:
    """What a client may know and do about its deliveries."""

    def __init__(
        self,
        rows: Rows,
        endpoints: Endpoints,
        logs: Logs,
        access: Access,
        letters: Letters,
        clock: Clock,
    ) -> None:
        """Look here, and show what `access` covers."""
        self._rows = rows
        self._endpoints = endpoints
        self._logs = logs
        self._cover = Cover(access)
        self._letters = letters
        self._clock = clock

    async def find(self, client_id: str, delivery_id: str) -> Traced | None:
        """One of this client's, with what was tried."""
        return await self._rows.find(client_id, delivery_id) if possible(delivery_id) else None

    async def page(
        self, client_id: str, which: Which, before: int | str | None, limit: int
    ) -> Found:
        """Some of this client's, the newest first; see the store."""
        named = (which.endpoint_id, which.device_id)
        if not all(possible(one) for one in named if one is not None):
            return Found([])
        return await self._rows.page(client_id, which, before, limit)

    async def redeliver(self, client_id: str, delivery_id: str) -> Traced:
        """Have one sent again with its `webhook-id`, at once and outside of its lane.

        Raises:
            Missing: this client has none with that id.
            Conflict: its event is no longer kept.
            Unavailable: the database does not answer.
        """
        if not possible(delivery_id):
            raise _missing(delivery_id)
        return await self._rows.redeliver(client_id, delivery_id, self._clock.now())

    async def notices(self, client_id: str, before: str | None, limit: int) -> Sequence[Notice]:
        """What this client was told of its endpoints, the newest first."""
        return await self._rows.notices(client_id, before, limit)

    async def endpoint(self, client_id: str, endpoint_id: str) -> Held:
        """An endpoint of this client.

        Raises:
            Missing: it has none with that id.
        """
        held = None
        if possible(endpoint_id):
            held = await self._endpoints.find(client_id, endpoint_id)
        if held is None:
            sentence = f"There is no endpoint {endpoint_id[:LONGEST_ID]}."
            raise Missing(sentence)
        return held

    async def endpoints(self, client_id: str) -> Sequence[Held]:
        """All endpoints of this client, the oldest first."""
        return await self._endpoints.of(client_id)

    async def event(self, event_id: str) -> Event | None:
        """The event with this id, if it is kept, whoever may see it."""
        return await self._rows.event(event_id) if possible(event_id) else None

    async def showing(self, client_id: str, event: Event) -> list[Grant]:
        """The grants to this client that show it the event, as things are now.

        Raises:
            Unavailable: it cannot be known now.
        """
        return self._cover.grants(client_id, event, await self.rooms(event.home.id))

    async def rooms(self, home_id: str) -> Mapping[str, str | None]:
        """Which devices are in a home now, each with its room."""
        _, rooms = await self._logs.rooms_now(home_id)
        return rooms

    async def data(self, client_id: str, delivery_id: str) -> bytes:
        """The `data` of a delivery as its endpoint's document shows it now.

        Raises:
            Missing: there is none, its event is no longer kept, or nobody shows it any more.
            Unavailable: it cannot be known now.
        """
        traced = await self.find(client_id, delivery_id)
        if traced is None:
            raise _missing(delivery_id)
        held = await self.endpoint(client_id, traced.endpoint_id)
        try:
            document = await self._letters.document(held)
        except Invalid as error:
            raise Missing(str(error)) from None
        if traced.sample is not None:
            return document.render(traced.sample)
        event = await self._rows.event_at(traced.home_id, traced.place)
        if event is None or not await self.opened(client_id, event, document):
            raise _missing(delivery_id)
        return document.render(event)

    async def opened(self, client_id: str, event: Event, document: Mirrored) -> bool:
        """Whether some grant shows a client this event now, and opens all of this document.

        Raises:
            Unavailable: it cannot be known now.
        """
        grants = await self.showing(client_id, event)
        return any(self._cover.opens(client_id, grant, document) for grant in grants)


def _missing(delivery_id: str) -> Missing:
    return Missing(f"There is no delivery {delivery_id[:LONGEST_ID]}.")
