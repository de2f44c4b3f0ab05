"""Documents: what clients have registered of their own."""

from typing import Annotated

import strawberry

from core.domain import documents
from resolvers import documents as resolve
from schema.asking import Info


@strawberry.type(description="A document that the client may name by its id, without its text.")
class RegisteredDocument:
    """`core.domain.documents.RegisteredDocument`."""

    id: strawberry.ID = strawberry.field(
        description="`sha256:` and the SHA-256 of the text: what `documentId` of a request takes."
    )


async def register_document(
    info: Info,
    document: Annotated[
        str,
        strawberry.argument(description="The GraphQL text; every byte of it counts for the id."),
    ],
) -> documents.RegisteredDocument:
    """Put a document on record for the client that asks."""
    return await resolve.register(info.context, document)
