"""Persisted documents: the text that a request means by an id, and who may run which.

A document is found where its client registered it, or, as Apollo's clients expect, where the client
has sent it with its hash before, to this process. One client's ids never find another's documents.
"""

from contextlib import aclosing
from typing import Final

from core import observe
from core.domain.accounts import Viewer
from core.domain.documents import PREFIX, digest
from core.domain.errors import Invalid, Unauthenticated, Unavailable
from core.domain.ports import Clock
from core.snapshots.documents import Register, Registration
from engine import Documents, Rejected
from engine.shelf import Shelf
from resolvers.answers import Answer
from schema.parameters import Parameters

log = observe.logger(__name__)

NOT_FOUND: Final = "PERSISTED_QUERY_NOT_FOUND"
APOLLO: Final = "PersistedQueryNotFound"
"""What Apollo's clients look for, some of them in the message; then they send the text along."""

MOST_SENT: Final = 2_000
MOST_SENT_CHARACTERS: Final = 8_000_000


class Persisted:
    """Which document a request is about, and whether its client may run it."""

    def __init__(self, register: Register, clock: Clock) -> None:
        """Registered documents are in `register`; sent ones are forgotten with the process."""
        self._register = register
        self._clock = clock
        self._sent: Shelf[str] = Shelf(MOST_SENT, MOST_SENT_CHARACTERS)

    def text(self, asked: Parameters, document_id: str, viewer: Viewer | None) -> Answer[str]:
        """The text of a request that names its document by this id; awaited if it has to be read.

        Raises:
            Invalid: it brings a text that is another one.
            Rejected: PERSISTED_QUERY_NOT_FOUND, its client has no such document here.
            Unauthenticated: nobody is asking, so it is nobody's document.
            Unavailable: it cannot be read now.
        """
        if asked.text is not None:
            return _agreed(asked.text, asked)
        if viewer is None:
            raise _nobodys(asked)
        client = viewer.client
        text = self._register.held(client.id, document_id)
        if text is None and self._register.has(client.id, document_id):
            return self._read(asked, client.id, document_id)
        if text is None and asked.apollo and not client.registered_only:
            text = self._sent.get(f"{client.id} {document_id}")
        if text is None:
            raise _missing(asked)
        return text

    async def _read(self, asked: Parameters, client_id: str, document_id: str) -> str:
        text = await self._register.text(client_id, document_id)
        if text is None or not self._register.has(client_id, document_id):  # removed meanwhile
            raise _missing(asked)
        return text

    def check(self, asked: Parameters, viewer: Viewer) -> None:
        """Check that the viewer's client, which is restricted, has registered what it asks for.

        Raises:
            Rejected: PERSISTED_QUERY_NOT_FOUND, it has not.
        """
        if asked.text is None:  # `text` found it among the registered ones
            return
        if not self._register.has(viewer.client.id, PREFIX + digest(asked.text)):
            message = (
                "This client runs registered documents only, and this text is not one of them, "
                "byte for byte: have it registered first."
            )
            raise Rejected.at(NOT_FOUND, message)

    def remember(self, asked: Parameters, viewer: Viewer | None) -> None:
        """Keep a good text that came with its hash, for requests of Apollo's clients without it."""
        if viewer is None or viewer.client.registered_only:
            return
        text, client_id, document_id = asked.text or "", viewer.client.id, asked.document_id or ""
        if not self._register.has(client_id, document_id):
            self._sent.put(f"{client_id} {document_id}", text, len(text))

    async def warm(self, documents: Documents) -> None:
        """Have registered documents compiled before anybody asks for them, for ever.

        At the start the newest ones, as many as can be kept; then each as it is registered. One at
        a time, and as long as one took is left to requests.
        """
        async with aclosing(self._register.news()) as news:
            async for each in news:
                if each.fresh or documents.room:
                    begun = self._clock.monotonic()
                    await self._compile(documents, each)
                    await self._clock.sleep(self._clock.monotonic() - begun)

    async def _compile(self, documents: Documents, each: Registration) -> None:
        try:
            text = await self._register.text(each.client_id, each.document_id)
            if text is not None:
                documents.get(text).compile()
        except Rejected as rejected:  # it was good for the graph of an earlier version
            log.warning(
                "registered_document_unfit",
                client_id=each.client_id,
                document_id=each.document_id,
                code=rejected.code,
                error=str(rejected),
            )
        except Unavailable:
            log.warning("registered_document_unreadable", document_id=each.document_id)


def judge(documents: Documents, text: str) -> None:
    """Refuse what a request with this document would be refused for, whoever sent it.

    Raises:
        Rejected: as for the request.
    """
    for operation in documents.get(text).operations:
        if not operation.node.variable_definitions:  # else its lists may be as long as it says then
            operation.check()


def _agreed(text: str, asked: Parameters) -> str:
    if (found := PREFIX + digest(text)) != asked.document_id:
        where = "extensions.persistedQuery.sha256Hash" if asked.apollo else "documentId"
        sentence = f"The hash in {where} is not that of query, which is {found}: send either alone."
        raise Invalid(sentence, where)
    return text


def _nobodys(asked: Parameters) -> Exception:
    if asked.apollo:  # the text may need no token, and is then sent along
        return Rejected.at(NOT_FOUND, APOLLO)
    sentence = (
        "A document id names a document of the client that asks: send an access token as "
        "`Authorization: Bearer …`."
    )
    return Unauthenticated(sentence)


def _missing(asked: Parameters) -> Rejected:
    if asked.apollo:
        return Rejected.at(NOT_FOUND, APOLLO)
    message = (
        f"This client has registered no document {asked.document_id:.80}. An id is `sha256:` and "
        "the SHA-256 of the text in 64 lower-case hexadecimal digits: register it, or send query."
    )
    return Rejected.at(NOT_FOUND, message)
