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


class Parameters(NamedTuple):
    """What a request asks to be run: a text, a document's id, or both, which then must agree."""

    text: str | None = None
    name: str | None = None
    variables: Mapping[str, Any] | None = None
    document_id: str | None = None
    """As appendix A writes it, `sha256:…`, if the client sent one of that form."""

    apollo: bool = False
    """Whether the id came in Apollo's way, whose clients know refusals by their exact message."""


def fault(sent: Mapping[str, Any]) -> str | None:
    """What is wrong with the shape of a request, in one sentence; None where nothing is."""
    text, name = sent.get("query"), sent.get("operationName")
    variables, extensions = sent.get("variables"), sent.get("extensions")
    if not isinstance(name, str | None):
        return "operationName must be a string."
    if not isinstance(variables, dict | None):
        return "variables must be an object."
    if not isinstance(extensions, dict | None):
        return "extensions must be an object."
    if isinstance(text, str):
        return _fault_of_id(sent)
    if text is not None or (sent.get("documentId") is None and _apollo(extensions) is None):
        return "query is missing or not a string: put the GraphQL document there."
    return _fault_of_id(sent)


def parameters(sent: Mapping[str, Any]) -> Parameters:
    """The parameters of a request without a `fault`.

    Raises:
        Invalid: it names a document in a way that is not understood, or names two.
    """
    document_id, extensions = sent.get("documentId"), sent.get("extensions")
    apollo = _apollo(extensions) if extensions else None
    if apollo is not None:
        named = PREFIX + _hash(apollo)
        if document_id is not None and document_id != named:
            sentence = "documentId and extensions.persistedQuery name two documents: send one id."
            raise Invalid(sentence, "documentId")
        document_id = named
    return Parameters(
        sent.get("query"),
        sent.get("operationName") or None,
        sent.get("variables"),
        document_id,
        apollo is not None,
    )


def _fault_of_id(sent: Mapping[str, Any]) -> str | None:
    if isinstance(sent.get("documentId"), str | None):
        return None
    return "documentId must be a string: `sha256:` and 64 lower-case hexadecimal digits."


def _apollo(extensions: Mapping[str, Any] | None) -> Any:
    return extensions.get("persistedQuery") if extensions else None


def _hash(persisted: Any) -> str:
    if isinstance(persisted, dict) and persisted.get("version") == VERSION:
        found = persisted.get("sha256Hash")
        if isinstance(found, str):
            return found
    sentence = 'extensions.persistedQuery must be {"version": 1, "sha256Hash": "…"}.'
    raise Invalid(sentence, "extensions.persistedQuery")
