"""Endpoints: made, changed, paused and resumed by their clients, with the keys that sign.

An endpoint is its client's, whoever the client asks for. A key is shown once, as it is made.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from core.domain.accounts import Client, Viewer
from core.domain.addresses import Network
from core.domain.audit import Kind
from core.domain.breaker import renewed
from core.domain.definitions import Definition, checked_definition
from core.domain.documents import PREFIX, digest
from core.domain.endpoints import Endpoint, Turn, named, turned
from core.domain.errors import Conflict, Invalid, Missing, Refused
from core.domain.mirrors import Mirror
from core.domain.ports import Clock, Ids, Notes
from core.domain.sending import Held, SealedKey
from core.services.endpoint_keys import EndpointKeys, Issued, Published
from core.services.endpoint_notes import EndpointNotes
from core.signing import Secret
from core.snapshots.access import Access
from core.store.endpoints import Endpoints as Stored


class Endpoints:
    """The endpoints of clients."""

    def __init__(
        self,
        stored: Stored,
        keys: EndpointKeys,
        mirror: Mirror,
        access: Access,
        notes: Notes,
        clock: Clock,
        ids: Ids,
        allowed: tuple[Network, ...] = (),
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        """`allowed` are networks that may be called besides public addresses.

        `changed` is called after an endpoint was made, or may be sent to otherwise than before.
        """
        self._stored = stored
        self._keys = keys
        self._mirror = mirror
        self._access = access
        self._notes = EndpointNotes(notes)
        self._clock = clock
        self._ids = ids
        self._allowed = allowed
        self._changed = changed

    async def create(
        self,
        viewer: Viewer,
        given: Definition,
        life: str | None = None,
        secret: Secret | None = None,
    ) -> Issued:
        """A new endpoint, ACTIVE, with its first key; `url` and `document` must be given.

        With a `life` it is temporary: leased by that from the beginning, and signed by the `secret`
        that whoever listens had before, if they had one.

        Raises:
            Invalid: a part of it can never be; its field says which.
            Refused: the client is Latchkey's own, which many people share.
            Conflict: the client has too many.
        """
        client, now = viewer.client, self._clock.now()
        if client.ours:
            sentence = (
                "GraphiQL, and whoever has a personal access token, has no endpoints: many people "
                "share that client. Create one with a token of your own client."
            )
            raise Refused(sentence)
        temporary = life is not None
        said = checked_definition(given, self._allowed, temporary=temporary)
        bare = Endpoint(
            id=self._ids.new("endpoint"),
            client_id=client.id,
            url=said["url"],
            document=said["document"],
            created_at=now,
            updated_at=now,
            active_since=now,
            temporary=temporary,
        )
        endpoint = replace(bare, **said)
        await self._check(client, endpoint)
        issued = self._keys.first(endpoint, secret)
        await self._stored.add(issued.held, life)
        self._notes.note(Kind.ENDPOINT_CREATE, viewer, endpoint.id, "listen" if temporary else None)
        self._changed()
        return issued

    async def update(self, viewer: Viewer, endpoint_id: str, given: Definition) -> Held:
        """The endpoint with these parts changed; what is left out stays.

        Another `signing` is that of the next key: `rotate` makes and shows it.

        Raises:
            Missing: the client has no such endpoint.
            Invalid: a part of it can never be; its field says which.
            Conflict: its document or variables were changed at the same time.
        """
        said = checked_definition(given, self._allowed)
        before = await self._known(viewer, endpoint_id)
        shows = bool(given.keys() & {"document", "variables"})
        if shows:
            await self._check(viewer.client, replace(before.endpoint, **said))

        def work(held: Held) -> Held:
            if shows and _shown(held.endpoint) != _shown(before.endpoint):
                sentence = (
                    f"The document of endpoint {endpoint_id} was changed at the same time: look "
                    "at it, and repeat what still holds."
                )
                raise Conflict(sentence)
            if held.endpoint.temporary and "url" in said:
                raise Invalid("Whoever listens has said where: this URL stays.", "url")
            after = replace(held.endpoint, **said)
            if after == held.endpoint:
                return held
            return replace(held, endpoint=replace(after, updated_at=self._clock.now()))

        return await self._change(viewer, endpoint_id, "update", work)

    async def pause(self, viewer: Viewer, endpoint_id: str) -> Held:
        """The endpoint, to which nothing more is sent until it is resumed; its events wait.

        Raises:
            Missing: the client has no such endpoint.
            Conflict: it is DISABLED.
        """
        now = self._clock.now()

        def work(held: Held) -> Held:
            return replace(held, endpoint=turned(held.endpoint, Turn.PAUSE, now))

        return await self._change(viewer, endpoint_id, "pause", work)

    async def resume(self, viewer: Viewer, endpoint_id: str) -> Held:
        """The endpoint, ACTIVE; what waits for it is due, and what failed is forgotten.

        Of one that is ACTIVE and down it says that its receiver is repaired.

        Raises:
            Missing: the client has no such endpoint.
        """
        now = self._clock.now()

        def work(held: Held) -> Held:
            endpoint = turned(held.endpoint, Turn.RESUME, now)
            endpoint = replace(endpoint, health=endpoint.health.renewed())
            return replace(held, endpoint=endpoint, breaker=renewed(held.breaker, now))

        return await self._change(viewer, endpoint_id, "resume", work)

    async def rotate(self, viewer: Viewer, endpoint_id: str) -> Issued:
        """The endpoint with a new key, of the kind that its `signing` says.

        The one before signs along for a day; those whose time is over are dropped.

        Raises:
            Missing: the client has no such endpoint.
            Conflict: it was rotated too often within a day.
        """
        now = self._clock.now()
        issued: list[Issued] = []

        def work(held: Held) -> Held:
            issued.append(self._keys.rotated(held, now))
            return issued[-1].held

        held = await self._change(viewer, endpoint_id, "rotate", work)
        return Issued(held, issued[-1].key)

    async def delete(self, viewer: Viewer, endpoint_id: str) -> None:
        """Have it be gone, with all that waits for it.

        Raises:
            Missing: the client has no such endpoint.
        """
        gone = named(endpoint_id) and await self._stored.delete(viewer.client.id, endpoint_id)
        if not gone:
            raise _missing(endpoint_id)
        self._notes.note(Kind.ENDPOINT_DELETE, viewer, endpoint_id)
        self._changed()

    async def find(self, client_id: str, endpoint_id: str) -> Held | None:
        """One of the client's."""
        return await self._stored.find(client_id, endpoint_id) if named(endpoint_id) else None

    async def page(self, client_id: str, after: str, limit: int) -> Sequence[Held]:
        """So many of the client's, the oldest first, beginning after this id."""
        return await self._stored.of(client_id, after, limit)

    async def count(self, client_id: str) -> int:
        """How many the client has."""
        return await self._stored.count(client_id)

    def public_key(self, endpoint_id: str, keys: Sequence[SealedKey]) -> str | None:
        """What the newest of its keys is verified with; None where that is a secret.

        Raises:
            Invalid: it cannot be opened any more.
        """
        return self._keys.public(endpoint_id, keys[0])

    async def published(self, endpoint_id: str) -> Sequence[Published]:
        """The public keys that an endpoint's messages are verified with now, the newest first.

        Whosesoever it is; there are none where it is not there, or where secrets sign.
        """
        held = await self._stored.known(endpoint_id) if named(endpoint_id) else None
        return self._keys.published(held, self._clock.now()) if held else ()

    async def _known(self, viewer: Viewer, endpoint_id: str) -> Held:
        held = await self.find(viewer.client.id, endpoint_id)
        if held is None:
            raise _missing(endpoint_id)
        return held

    async def _change(
        self, viewer: Viewer, endpoint_id: str, how: str, work: Callable[[Held], Held]
    ) -> Held:
        """Have `work` done under the endpoint's lock; it is noted where that changed something."""
        did = False

        def watched(held: Held) -> Held:
            nonlocal did
            after = work(held)
            did = after != held
            return after

        client_id = viewer.client.id
        there = named(endpoint_id)
        held = await self._stored.change(client_id, endpoint_id, watched) if there else None
        if held is None:
            raise _missing(endpoint_id)
        if did:
            kind = Kind.ENDPOINT_ROTATE if how == "rotate" else Kind.ENDPOINT_CHANGE
            self._notes.note(kind, viewer, endpoint_id, how)
            self._changed()
        return held

    async def _check(self, client: Client, endpoint: Endpoint) -> None:
        """See that the client may have this document.

        Raises:
            Invalid: it is none, its variables do not fit, or the client may not open it.
        """
        mirrored = await self._mirror.document(endpoint.document, endpoint.variables)
        if missing := mirrored.missing(client.scopes):
            sentence = (
                f"The document needs {' and '.join(missing)}, which this client may not ask for: "
                "select less, or have an operator allow the client more."
            )
            raise Invalid(sentence, "document")
        known = PREFIX + digest(endpoint.document)
        if client.registered_only and not self._access.registered(client.id, known):
            sentence = (
                "This client runs registered documents only, and this is none: an operator can "
                "register it, with `latchkey document register`."
            )
            raise Invalid(sentence, "document")


def _shown(endpoint: Endpoint) -> tuple[object, ...]:
    """What the graph checks of it as a whole."""
    return endpoint.document, endpoint.variables


def _missing(endpoint_id: str) -> Missing:
    return Missing(f"There is no endpoint {endpoint_id[:100]}.")
