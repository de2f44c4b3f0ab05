"""Judging for whom events are, by documents and grants: within a transaction, so nothing waits."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from core.domain.errors import Invalid
from core.domain.events import Event
from core.domain.grants import Grant
from core.domain.mirrors import Mirror, Mirrored
from core.domain.sending import Held
from core.services.covering import Cover
from core.snapshots.access import Access

DOCUMENTS: Final = 10_000
"""Endpoints whose documents are remembered."""


class Unread(Exception):
    """Documents are not known here yet: they are read, and the work is done again."""

    def __init__(self, held: Sequence[Held]) -> None:
        super().__init__()
        self.held = held


class Judging:
    """`core.store.planning.Judge`, by access as it is known now."""

    def __init__(self, access: Access, mirror: Mirror) -> None:
        """No document is known yet."""
        self._access = access
        self._cover = Cover(access)
        self._mirror = mirror
        self._documents: dict[tuple[str, int], Mirrored | None] = {}

    async def learn(self, held: Sequence[Held]) -> None:
        """Read documents; one that the graph does not know any more asks for everything.

        Its deliveries then fail, for their partner to see, and can be repeated.
        """
        if len(self._documents) + len(held) > DOCUMENTS:
            self._documents.clear()
        for one in held:
            endpoint = one.endpoint
            try:
                found = await self._mirror.document(endpoint.document, endpoint.variables)
            except Invalid:
                found = None
            self._documents[endpoint.id, one.version] = found

    def clients(self, home_id: str) -> Collection[str]:
        """`core.store.planning.Judge.clients`."""
        return self._access.givers.clients(home_id)

    def read(self, held: Collection[Held]) -> None:
        """`core.store.planning.Judge.read`."""
        unread = [one for one in held if (one.endpoint.id, one.version) not in self._documents]
        if unread:
            raise Unread(unread)

    def chosen(
        self, event: Event, rooms: Mapping[str, str | None], held: Sequence[Held]
    ) -> Sequence[Held]:
        """`core.store.planning.Judge.chosen`."""
        grants: dict[str, list[Grant]] = {}
        found = []
        for one in held:
            endpoint = one.endpoint
            if endpoint.created_at > event.occurred_at or not endpoint.wants(event.type):
                continue
            document = self._documents[endpoint.id, one.version]
            if document is not None and not document.wanted.matches(event):
                continue
            client_id = endpoint.client_id
            if client_id not in grants:
                grants[client_id] = self._cover.grants(client_id, event, rooms)
            if any(self._cover.opens(client_id, grant, document) for grant in grants[client_id]):
                found.append(one)
        return found
