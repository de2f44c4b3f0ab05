"""Explaining: for each endpoint of a client, why an event was, or was not, delivered to it."""

from collections.abc import Sequence

from core.domain.errors import Invalid, Missing
from core.domain.events import Event
from core.domain.explaining import EventExplanation, Facts, explained
from core.domain.grants import Grant, Scope
from core.domain.mirrors import Mirrored
from core.domain.ports import Clock
from core.domain.repairs import LONGEST_ID, Traced, possible
from core.domain.sending import Held
from core.services.covering import Cover
from core.services.deliveries import Deliveries
from core.services.letters import Letters
from core.snapshots.access import Access
from core.store.deliveries import Deliveries as Rows
from core.store.endpoints import Endpoints


class Explaining:
    """Says why, by what is known now."""

    def __init__(
        self,
        rows: Rows,
        endpoints: Endpoints,
        deliveries: Deliveries,
        access: Access,
        letters: Letters,
        clock: Clock,
    ) -> None:
        """Look here, and judge by `access`."""
        self._rows = rows
        self._endpoints = endpoints
        self._deliveries = deliveries
        self._access = access
        self._cover = Cover(access)
        self._letters = letters
        self._clock = clock

    async def explain(self, client_id: str, event_id: str) -> Sequence[EventExplanation]:
        """For each endpoint of a client, what became of an event.

        Raises:
            Missing: there is no such event, or no grant shows it and no endpoint was to have it.
            Unavailable: it cannot be known now.
        """
        event = await self._deliveries.event(event_id)
        sent = await self._rows.of_event(client_id, event_id) if possible(event_id) else ()
        showing = await self._deliveries.showing(client_id, event) if event else []
        if not showing and not sent:
            sentence = f"There is no event {event_id[:LONGEST_ID]}."
            raise Missing(sentence)
        by_endpoint: dict[str, Traced] = {}
        for one in sent:
            by_endpoint.setdefault(one.endpoint_id, one)
        place = await self._rows.planned(event.home.id) if event else None
        open_ones = [one.id for one in by_endpoint.values() if one.open]
        before = await self._rows.before(open_ones)
        found = []
        for held in await self._endpoints.of(client_id):
            its = by_endpoint.get(held.endpoint.id)
            if its is not None:
                facts = _of_delivery(held, its, before.get(its.id))
            elif event is not None:
                planned = place is not None and place >= event.place
                facts = await self._of_event(held, event, showing, planned=planned)
            else:
                facts = _long_ago(held, sent[0])
            found.append(explained(facts, self._clock.now()))
        return found

    async def _of_event(
        self, held: Held, event: Event, showing: Sequence[Grant], *, planned: bool
    ) -> Facts:
        document = await self._document(held)
        client_id = held.endpoint.client_id
        givers = self._access.givers.of(client_id, event.home.id)
        return Facts(
            held=held,
            type_name=event.type.value,
            wanted=held.endpoint.wants(event.type),
            occurred_at=event.occurred_at,
            asked=document is None or document.wanted.matches(event),
            then=not givers or any(grant.covered(event) for grant in givers),
            now=bool(showing),
            missing=self._missing(client_id, showing, document),
            planned=planned,
        )

    async def _document(self, held: Held) -> Mirrored | None:
        try:
            return await self._letters.document(held)
        except Invalid:
            return None

    def _missing(
        self, client_id: str, showing: Sequence[Grant], document: Mirrored | None
    ) -> Sequence[str]:
        """The fewest scopes that a grant lacks to open the document; none where one opens it."""
        if not showing or any(self._cover.opens(client_id, one, document) for one in showing):
            return ()
        return min((self._lacking(client_id, grant, document) for grant in showing), key=len)

    def _lacking(self, client_id: str, grant: Grant, document: Mirrored | None) -> Sequence[str]:
        held = grant.scopes & self._access.clients[client_id].scopes
        lacking = set(document.missing(held) if document else ())
        if Scope.EVENTS_SUBSCRIBE not in held:
            lacking.add(Scope.EVENTS_SUBSCRIBE)
        return sorted(lacking)


def _of_delivery(held: Held, its: Traced, before: str | None) -> Facts:
    return Facts(
        held=held,
        type_name=its.event_type.value,
        wanted=True,
        occurred_at=its.occurred_at,
        delivery=its,
        before=before,
    )


def _long_ago(held: Held, known: Traced) -> Facts:
    """Of an event that is no longer kept, and was for another endpoint of the client."""
    return Facts(
        held=held,
        type_name=known.event_type.value,
        wanted=held.endpoint.wants(known.event_type),
        occurred_at=known.occurred_at,
    )
