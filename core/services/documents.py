"""Registered documents: put on record for one client, listed, removed.

Each change goes to the access log, by hash: every process knows at once what a client may name,
and finds the text in the store.
"""

from collections.abc import Callable, Sequence

from core.domain.accounts import EXPLORER
from core.domain.documents import PREFIX, RegisteredDocument, digest
from core.domain.errors import Invalid, Limited, Missing, Refused
from core.store import codec
from core.store.committer import Committer, Work
from core.store.documents import Documents as Stored
from core.store.ledger import Ledger, Needs

Check = Callable[[str], object]
"""Raises what a request with this text would be refused with, whatever its variables."""


class Documents:
    """What clients have on record."""

    def __init__(self, committer: Committer, stored: Stored, most: int) -> None:
        """Keep at most so many for each client."""
        self._committer = committer
        self._stored = stored
        self._most = most

    async def register(
        self, client_id: str, text: str, check: Check, *, by_client: bool = False
    ) -> RegisteredDocument:
        """The document on record; the same text again is the same document.

        Args:
            client_id: whose it is to be.
            text: the document; every byte of it counts.
            check: the graph's judgement of it.
            by_client: whether the client itself asks, and not an operator.

        Raises:
            Invalid: the text cannot be stored.
            Limited: the client has too many.
            Missing: there is no such client.
            Refused: the client asks itself, and runs registered documents only.
            Exception: what `check` raises.
        """
        check(text)
        if "\0" in text:  # GraphQL allows it in comments and strings, PostgreSQL nowhere
            sentence = "A document that is to be registered cannot hold the character U+0000."
            raise Invalid(sentence, "document")
        key = client_id, digest(text)

        def decide(ledger: Ledger) -> RegisteredDocument:
            client = ledger.clients.get(client_id)
            if client is None:
                sentence = f"There is no client {client_id}."
                raise Missing(sentence)
            if by_client and client_id == EXPLORER:
                sentence = (
                    "GraphiQL, and whoever has a personal access token, keeps no documents: "
                    "register them with a token of your own client."
                )
                raise Refused(sentence)
            if by_client and client.registered_only:
                sentence = (
                    "This client runs registered documents only, and so cannot add to them by "
                    "itself: an operator can, with `latchkey document register`."
                )
                raise Refused(sentence)
            if (known := ledger.documents.get(key)) is not None:
                return known
            if _count(ledger, client_id) >= self._most:
                sentence = (
                    f"The client {client_id} has {self._most} registered documents, the most that "
                    "are kept: remove one that is not used any more."
                )
                raise Limited(sentence)
            document = RegisteredDocument(*key, text, ledger.now)
            ledger.documents.put(key, document)
            ledger.tell_access("document", codec.registration_out(*key, removed=False))
            return document

        return await self._committer.submit(Work(_needs(*key), decide))

    async def remove(self, client_id: str, sha256: str) -> None:
        """Take a document off the record, by its hash or whole id.

        Raises:
            Missing: the client has not registered it.
        """
        key = client_id, sha256.removeprefix(PREFIX)

        def decide(ledger: Ledger) -> None:
            if ledger.documents.get(key) is None:
                sentence = f"The client {client_id} has no registered document {PREFIX}{key[1]}."
                raise Missing(sentence)
            ledger.documents.put(key, None)
            ledger.tell_access("document", codec.registration_out(*key, removed=True))

        await self._committer.submit(Work(_needs(*key), decide))

    async def of(self, client_id: str) -> Sequence[RegisteredDocument]:
        """What a client has on record, the newest first."""
        return await self._stored.of(client_id)


def _needs(client_id: str, sha256: str) -> Needs:
    return Needs(
        clients=frozenset({client_id}), documents=frozenset({(client_id, sha256)}), access=True
    )


def _count(ledger: Ledger, client_id: str) -> int:
    """How many documents the client has, what this batch has done to it included."""
    changes = [
        1 if document is not None else -1
        for (owner, _), document, before in ledger.documents.written()
        if owner == client_id and (before is None or document is None)
    ]
    return ledger.registered.get(client_id, 0) + sum(changes)
