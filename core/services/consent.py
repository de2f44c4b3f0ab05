"""Consent: deliveries that wait and that nobody shows any more are cancelled before their time."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from core.domain.deliveries import DeliveryStatus
from core.domain.errors import Invalid
from core.domain.events import Event
from core.domain.mirrors import Mirrored
from core.domain.ports import Clock
from core.services.covering import Cover
from core.services.letters import Letters
from core.services.outbox import TAKEN_BACK, UNOPENED
from core.snapshots.access import Access
from core.store.endpoints import Endpoints
from core.store.logs import Logs
from core.store.parcels import Parcels
from core.store.tidying import Tidy, Waiting

PAGE: Final = 200
"""Deliveries that are looked at at once, with their events."""


class Consent:
    """Judges what waits by access as it is known now."""

    def __init__(
        self,
        tidy: Tidy,
        parcels: Parcels,
        endpoints: Endpoints,
        logs: Logs,
        letters: Letters,
        access: Access,
        clock: Clock,
    ) -> None:
        """Look and write here."""
        self._tidy = tidy
        self._parcels = parcels
        self._endpoints = endpoints
        self._logs = logs
        self._letters = letters
        self._access = access
        self._cover = Cover(access)
        self._clock = clock

    async def look(self, home_id: str, client_id: str | None) -> int:
        """Cancel what waits of a home, for one client or for all, and may not be sent; how many.

        Raises:
            Unavailable: the database does not answer, or access cannot be known.
        """
        cancelled, after = 0, (0, "")
        rooms: Mapping[str, str | None] | None = None
        while found := await self._tidy.waiting(home_id, client_id, after, PAGE):
            if rooms is None:
                _, rooms = await self._logs.rooms_now(home_id)
            cancelled += await self._judge(found, rooms)
            last = found[-1].delivery
            after = last.place, last.id
        return cancelled

    async def _judge(self, found: Sequence[Waiting], rooms: Mapping[str, str | None]) -> int:
        self._access.check()
        barred = [one for one in found if not self._open(one)]
        rest = [one for one in found if self._open(one)]
        why: defaultdict[str, list[str]] = defaultdict(list)
        why[TAKEN_BACK].extend(one.delivery.id for one in barred)
        places = {(one.delivery.home_id, one.delivery.place) for one in rest}
        events = {e.place: e for e in await self._parcels.events(places)} if places else {}
        documents = await self._documents({one.delivery.endpoint_id for one in rest})
        for one in rest:
            event = events.get(one.delivery.place)
            reason = event and self._reason(one, event, rooms, documents)
            if reason:
                why[reason].append(one.delivery.id)
        cancelled = 0
        for reason, these in why.items():
            if these:
                now = self._clock.now()
                cancelled += await self._tidy.end(these, DeliveryStatus.CANCELLED, reason, now)
        return cancelled

    def _open(self, one: Waiting) -> bool:
        """Whether anything of its home is open to its client; else its event need not be read."""
        client = self._access.clients.get(one.client_id)
        givers = self._access.givers.of(one.client_id, one.delivery.home_id)
        return client is not None and not client.disabled and bool(givers)

    def _reason(
        self,
        one: Waiting,
        event: Event,
        rooms: Mapping[str, str | None],
        documents: Mapping[str, Mirrored],
    ) -> str | None:
        """Why it may not be sent; None where it may, or where that shows when it is sent."""
        grants = self._cover.grants(one.client_id, event, rooms)
        if not grants:
            return TAKEN_BACK
        document = documents.get(one.delivery.endpoint_id)
        opened = document is None or any(
            self._cover.opens(one.client_id, grant, document) for grant in grants
        )
        return None if opened else UNOPENED

    async def _documents(self, endpoint_ids: set[str]) -> Mapping[str, Mirrored]:
        found = {}
        for endpoint_id in sorted(endpoint_ids):
            held = await self._endpoints.known(endpoint_id)
            try:
                if held is not None:
                    found[endpoint_id] = await self._letters.document(held)
            except Invalid:
                continue
        return found
