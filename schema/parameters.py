"""The parameters of a request (GraphQL over HTTP, "Request Parameters"), whatever its transport.

Two ways to name a document by its hash are read as one: `documentId` (appendix A) and Apollo's
`extensions.persistedQuery`. Nothing is looked up here.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from core.domain.documents import PREFIX
from core.domain.errors import Invalid

VERSION: Final = 1
"""Of Apollo's protocol; there is no other."""


class Malformed(Invalid):
    """What was sent has not the shape of a request."""


class Parameters(NamedTuple):
    """What a request asks to be run: a text, a document's id, or both, which then must agree."""

    text: str | None = None
    name: str | None = None
    variables: Mapping[str, Any] | None = None
    document_id: str | None = None
    """As it was sent; Apollo's hash as appendix A would write it, `sha256:…`."""

    apollo: bool = False
    """Whether the id came in Apollo's way, whose clients know refusals by their exact message."""


def parameters(sent: Mapping[str, Any]) -> Parameters:
    """Read the parameters of a request.

    Raises:
        Malformed: it is none.
        Invalid: it names a document in a way that is not understood, or names two.
    """
    text, name, variables = sent.get("query"), sent.get("operationName"), sent.get("variables")
    if name is not None and not isinstance(name, str):
        raise Malformed("operationName must be a string.", "operationName")
    if variables is not None and not isinstance(variables, dict):
        raise Malformed("variables must be an object.", "variables")
    if "documentId" in sent or "extensions" in sent:
        document_id, apollo = _named(sent)
    else:
        document_id, apollo = None, False
    if not isinstance(text, str) and (text is not None or document_id is None):
        raise Malformed("query is missing or not a string: put the GraphQL document there.")
    return Parameters(text, name or None, variables, document_id, apollo)


def fault(sent: Mapping[str, Any]) -> str | None:
    """What is wrong with the shape of a request, in one sentence; None where nothing is."""
    try:
        parameters(sent)
    except Malformed as malformed:
        return str(malformed)
    except Invalid:
        return None
    return None


def _named(sent: Mapping[str, Any]) -> tuple[str | None, bool]:
    """The id of the document, and whether it came in Apollo's way."""
    document_id, extensions = sent.get("documentId"), sent.get("extensions")
    if document_id is not None and not isinstance(document_id, str):
        sentence = "documentId must be a string: `sha256:` and 64 lower-case hexadecimal digits."
        raise Malformed(sentence, "documentId")
    if extensions is not None and not isinstance(extensions, dict):
        raise Malformed("extensions must be an object.", "extensions")
    persisted = extensions.get("persistedQuery") if extensions else None
    if persisted is None:
        return document_id, False
    named = PREFIX + _hash(persisted)
    if document_id is not None and document_id != named:
        sentence = "documentId and extensions.persistedQuery name two documents: send one id."
        raise Invalid(sentence, "documentId")
    return named, True


def _hash(persisted: Any) -> str:
    if isinstance(persisted, dict) and persisted.get("version") == VERSION:
        found = persisted.get("sha256Hash")
        if isinstance(found, str):
            return found
    sentence = 'extensions.persistedQuery must be {"version": 1, "sha256Hash": "…"}.'
    raise Invalid(sentence, "extensions.persistedQuery")
