"""Registered documents in the store: read by hash, and written with the batch they belong to."""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Select, and_, delete, func, select

from core.domain.documents import RegisteredDocument
from core.store import rows
from core.store.database import Database
from core.store.ledger import Ledger, Needs
from core.store.pairs import among
from core.store.steps import Steps
from core.store.tables import documents


class Documents:
    """The registered documents of this database."""

    def __init__(self, database: Database) -> None:
        """Read from this database."""
        self._database = database

    async def text(self, client_id: str, sha256: str) -> str | None:
        """The text that a client registered under this hash; None where it did not."""
        ours = and_(documents.c.client_id == client_id, documents.c.sha256 == sha256)
        found = await self._database.rows(select(documents.c.text).where(ours))
        return found[0].text if found else None

    async def of(self, client_id: str) -> Sequence[RegisteredDocument]:
        """What a client has registered, the newest first."""
        query = select(documents).where(documents.c.client_id == client_id)
        found = await self._database.rows(query.order_by(*_NEWEST))
        return [rows.document_of(row) for row in found]

    async def newest(self, limit: int) -> Sequence[tuple[str, str]]:
        """Client and hash of what was registered last, the newest first."""
        query = select(documents.c.client_id, documents.c.sha256).order_by(*_NEWEST)
        found = await self._database.rows(query.limit(limit))
        return [(row.client_id, row.sha256) for row in found]


_NEWEST = (documents.c.since.desc(), documents.c.client_id, documents.c.sha256)
NAMED: Final[Select[Any]] = select(documents).where(
    among(documents.c.client_id, documents.c.sha256)
)


def load(connection: Connection, ledger: Ledger, needs: Needs) -> None:
    """Read the documents that `needs` names, and how many their clients have."""
    for row in connection.execute(NAMED, {"these": sorted(needs.documents)}):
        ledger.documents.load((row.client_id, row.sha256), rows.document_of(row))
    clients = {client_id for client_id, _ in needs.documents}
    count = select(documents.c.client_id, func.count()).group_by(documents.c.client_id)
    for client_id, many in connection.execute(count.where(documents.c.client_id.in_(clients))):
        ledger.registered[client_id] = many


def write(steps: Steps, ledger: Ledger) -> None:
    """Write what was registered and removed."""
    new = []
    for (client_id, sha256), document, before in ledger.documents.written():
        if before is not None:
            ours = and_(documents.c.client_id == client_id, documents.c.sha256 == sha256)
            steps.now(delete(documents).where(ours))
        if document is not None:
            new.append(rows.document_values(document))
    steps.insert(documents, new)
