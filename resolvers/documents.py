"""Documents: what clients put on record to name it by its hash."""

from core.domain.documents import RegisteredDocument
from resolvers.asking import Ask


async def register(ask: Ask, text: str) -> RegisteredDocument:
    """Register a document for the client that asks, whoever it asks for.

    Raises as `core.services.documents.Documents.register` does.
    """
    client = ask.who.client
    return await ask.services.documents.register(client.id, text, ask.check, by_client=True)
