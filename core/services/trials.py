"""Trials: a request to an endpoint as it would be, or is sent, of a sample or of a real event."""

from dataclasses import dataclass

from core.domain.deliveries import Delivery
from core.domain.errors import Invalid, Missing
from core.domain.events import Event, EventType
from core.domain.mirrors import Mirrored
from core.domain.ports import Clock, Ids
from core.domain.repairs import LONGEST_ID, Traced
from core.domain.samples import sample
from core.domain.sending import Held
from core.services.deliveries import Deliveries
from core.services.letters import Letter, Letters
from core.store.deliveries import Deliveries as Rows


@dataclass(frozen=True, slots=True)
class Trial:
    """The request, and the delivery that brings it; None where nothing is sent.

    An attempt is signed anew, since its time is part of what is signed.
    """

    letter: Letter
    delivery: Traced | None = None


class Trials:
    """Tries endpoints out."""

    def __init__(
        self, rows: Rows, deliveries: Deliveries, letters: Letters, clock: Clock, ids: Ids
    ) -> None:
        """Write deliveries here, with letters from there."""
        self._rows = rows
        self._deliveries = deliveries
        self._letters = letters
        self._clock = clock
        self._ids = ids

    async def test(
        self,
        client_id: str,
        endpoint_id: str,
        event_type: EventType | None = None,
        event_id: str | None = None,
        *,
        dry_run: bool = False,
    ) -> Trial:
        """Compose the request of an event, and have it sent, unless it is a dry run.

        Without an event, it is of a sample: of this type, or of one that the document asks for.

        Raises:
            Invalid: the document shows no such event, or cannot be run any more.
            Missing: there is no such endpoint, or no such event for this client.
            Conflict: the endpoint is not active, and it is no dry run.
            Unavailable: it cannot be known now.
        """
        if event_type is not None and event_id is not None:
            sentence = "Give eventType for a sample, or eventId for what has happened, not both."
            raise Invalid(sentence, "eventId")
        held = await self._deliveries.endpoint(client_id, endpoint_id)
        document = await self._letters.document(held)
        now = self._clock.now()
        if event_id is not None:
            event = await self._real(client_id, event_id, document)
        else:
            event = sample(_type(document, event_type), now)
        delivery = await self._delivery(held, event, real=event_id is not None)
        letter = self._letters.write(held, document, delivery, event, now, test=event_id is None)
        if dry_run:
            return Trial(letter)
        return Trial(letter, await self._rows.add(delivery, None if event_id else event))

    async def _real(self, client_id: str, event_id: str, document: Mirrored) -> Event:
        event = await self._deliveries.event(event_id)
        if event is None or not await self._deliveries.showing(client_id, event):
            sentence = f"There is no event {event_id[:LONGEST_ID]}."
            raise Missing(sentence)
        if not await self._deliveries.opened(client_id, event, document):
            sentence = (
                "No grant that shows this event opens all that the endpoint's document selects."
            )
            raise Invalid(sentence, "eventId")
        types = document.wanted.types
        if types is not None and event.type not in types:
            sentence = f"The endpoint's document shows no {event.type.value}."
            raise Invalid(sentence, "eventId")
        return event

    async def _delivery(self, held: Held, event: Event, *, real: bool) -> Delivery:
        delivery_id = self._ids.new("delivery")
        previous = None
        if real:
            sent = await self._rows.of_event(held.endpoint.client_id, event.id)
            mine = (one for one in sent if one.endpoint_id == held.endpoint.id)
            previous = next((one.previous for one in mine if one.replay_id is None), None)
        now = self._clock.now()
        return Delivery(
            id=delivery_id,
            endpoint_id=held.endpoint.id,
            event_id=event.id,
            event_type=event.type,
            home_id=event.home.id,
            device_id=event.device.id if event.device else None,
            place=event.place,
            sequence=event.sequence,
            occurred_at=event.occurred_at,
            since=now,
            next_at=now,
            number=held.planned + 1,
            previous=previous,
            replay_id=delivery_id,
            by_hand=True,
        )


def _type(document: Mirrored, asked: EventType | None) -> EventType:
    types = document.wanted.types
    if asked is None:
        return next(one for one in EventType if types is None or one in types)
    if types is not None and asked not in types:
        sentence = f"The endpoint's document shows no {asked.value}."
        raise Invalid(sentence, "eventType")
    return asked
