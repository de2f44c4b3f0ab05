"""Client secrets: what a confidential client proves itself with; made here, shown once."""

from datetime import timedelta
from typing import Final

from core.domain.accounts import ClientAuth
from core.domain.audit import SYSTEM, Actor, Kind, Outcome
from core.domain.errors import Conflict, Missing
from core.domain.ports import Clock, Notes
from core.snapshots.access import Access
from core.store.oauth import OAuth
from core.tokens import digest, new_secret

OVERLAP: Final = timedelta(hours=24)
"""For so long the secrets before are good, so that a partner can change without a pause."""


class ClientSecrets:
    """The secrets of clients, kept as digests."""

    def __init__(self, store: OAuth, access: Access, notes: Notes, clock: Clock) -> None:
        """Write to this store, and note what was made."""
        self._store = store
        self._access = access
        self._notes = notes
        self._clock = clock

    async def rotate(self, client_id: str, *, by: Actor = SYSTEM) -> str:
        """A new secret, of 256 random bits; those before are good for a day yet.

        Raises:
            Missing: there is no such client.
            Conflict: it is public and has nothing to prove itself with, or has a key for that.
        """
        client = self._access.clients.get(client_id)
        if client is None:
            sentence = f"There is no client {client_id}."
            raise Missing(sentence)
        if client.public or client.auth is ClientAuth.PRIVATE_KEY:
            why = "it is a public one" if client.public else "it proves itself by private_key_jwt"
            sentence = f"The client {client_id} has no secret: {why}."
            raise Conflict(sentence)
        secret, now = new_secret(), self._clock.now()
        hashed = digest(secret)
        await self._store.do(lambda rows: rows.put_secret(hashed, client_id, now, OVERLAP))
        self._notes.note(Kind.SECRET_ROTATE, Outcome.ALLOWED, actor=by, client_id=client_id)
        return secret
