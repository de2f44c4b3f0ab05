"""The register: which documents a client may name, and their texts, those used last in memory.

Who has registered what is known from the access log, by hash. Texts may be long, so the store has
them all and memory a bounded part. A text is kept by its id alone, since no other text can have
it; whether a client may have it is asked each time.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from sys import getsizeof
from typing import Final, NamedTuple

from core import observe
from core.domain.documents import PREFIX
from core.domain.errors import Unavailable
from core.domain.events import AccessEntry, Entry
from core.feed import Feed
from core.snapshots.access import Access
from core.store.documents import Documents
from core.store.ledger import ACCESS

log = observe.logger(__name__)

MOST_BYTES: Final = 32_000_000
"""Of the texts in memory together."""

OVERHEAD: Final = 400
"""Bytes of a text's entry besides the text."""

SECONDS: Final = 1.0
"""Who asks is looked at before a text is read, so that may not take for long."""

NEWEST: Final = 500
"""Documents that are told at a start, and that may wait to be told."""


class Registration(NamedTuple):
    """A document that a client has registered, by id; `fresh` if that was just now."""

    client_id: str
    document_id: str
    fresh: bool


class Register:
    """The registered documents, as this process knows them."""

    def __init__(self, access: Access, stored: Documents, feed: Feed) -> None:
        """No text is in memory yet."""
        self._access = access
        self._stored = stored
        self._feed = feed
        self._texts: OrderedDict[str, str] = OrderedDict()
        self._free = MOST_BYTES

    def has(self, client_id: str, document_id: str) -> bool:
        """Whether the client has registered the document with this id."""
        return self._access.registered(client_id, document_id)

    def held(self, client_id: str, document_id: str) -> str | None:
        """The text of a document of this client's, if it is in memory."""
        if document_id not in self._access.documents.get(client_id, ()):
            return None
        text = self._texts.get(document_id)
        if text is not None:
            self._texts.move_to_end(document_id)
        return text

    async def text(self, client_id: str, document_id: str) -> str | None:
        """The text of a document; None where this client has not registered it.

        Raises:
            Unavailable: it is not in memory, and the database does not answer soon.
        """
        if not self.has(client_id, document_id):
            return None
        if (held := self.held(client_id, document_id)) is not None:
            return held
        try:
            async with asyncio.timeout(SECONDS):
                text = await self._stored.text(client_id, document_id.removeprefix(PREFIX))
        except TimeoutError:
            sentence = "The document cannot be read now; try again in a moment, or send its text."
            raise Unavailable(sentence) from None
        if text is not None:
            self._keep(document_id, text)
        return text

    async def news(self) -> AsyncGenerator[Registration, None]:
        """What was registered last, the newest first; then all that is registered, as it comes.

        A reader that is slow misses what is too much to wait: this is for making ready.
        """
        waiting: asyncio.Queue[Registration] = asyncio.Queue(NEWEST)

        def told(entry: Entry) -> None:
            if isinstance(entry, AccessEntry) and entry.kind == "document" and not waiting.full():
                body = entry.body
                waiting.put_nowait(
                    Registration(body["client_id"], PREFIX + body["sha256"], fresh=True)
                )

        await self._feed.follow(ACCESS, told)
        try:
            for client_id, sha256 in await self._newest():
                yield Registration(client_id, PREFIX + sha256, fresh=False)
            while True:
                yield await waiting.get()
        finally:
            self._feed.drop(ACCESS, told)

    async def _newest(self) -> Sequence[tuple[str, str]]:
        try:
            return await self._stored.newest(NEWEST)
        except Unavailable:
            log.warning("registered_documents_unreadable")
            return []

    def _keep(self, document_id: str, text: str) -> None:
        if document_id in self._texts or _weight(text) > MOST_BYTES:
            return
        while _weight(text) > self._free:
            _, oldest = self._texts.popitem(last=False)
            self._free += _weight(oldest)
        self._texts[document_id] = text
        self._free -= _weight(text)


def _weight(text: str) -> int:
    return getsizeof(text) + OVERHEAD
