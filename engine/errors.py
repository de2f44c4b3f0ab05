"""Rejected: why a document or its variables are not run, known before anything runs.

What a resolver raises while an operation runs is no `Rejected`: it is among the errors of a
`Result`. A `Fault` is plain data, cheap to keep: it holds neither the document nor a traceback.
"""

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple, TypeAlias

from graphql import GraphQLError, Node, SourceLocation

Code: TypeAlias = Literal[
    "GRAPHQL_PARSE_FAILED",
    "GRAPHQL_VALIDATION_FAILED",
    "DOCUMENT_TOO_COMPLEX",
    "COST_EXCEEDED",
    "BAD_USER_INPUT",
    "PERSISTED_QUERY_NOT_FOUND",
]
"""The last is for whoever looks documents up by id; nothing in the engine raises it."""

MAX_FAULTS: Final = 10
"""Faults that one refusal names at most; who has more is told of the first ones."""

_MAX_MESSAGE: Final = 400
_MAX_LOCATIONS: Final = 5


class Fault(NamedTuple):
    """One reason in a sentence that fits into UTF-8, and the places in the document."""

    message: str
    locations: tuple[SourceLocation, ...] = ()


class Rejected(Exception):
    """A document or its variables were refused; nothing has run.

    `errors` are fresh `GraphQLError`s of this exception alone, the code in their extensions, so
    that a caller may add to them.
    """

    def __init__(self, code: Code, faults: Iterable[Fault]) -> None:
        self.code: Code = code
        self.faults = tuple(faults)
        self.errors = tuple(_error(code, fault) for fault in self.faults)
        super().__init__(" ".join(fault.message for fault in self.faults))

    @classmethod
    def of(cls, code: Code, errors: Iterable[GraphQLError]) -> "Rejected":
        """Refuse for what graphql-core found: the first errors, cut to a bounded size."""
        return cls(code, [_fault(error) for error in list(errors)[:MAX_FAULTS]])

    @classmethod
    def at(cls, code: Code, message: str, *nodes: Node | None) -> "Rejected":
        """Refuse for one reason, found at these nodes."""
        return cls.of(code, [GraphQLError(message, [node for node in nodes if node])])


def _fault(error: GraphQLError) -> Fault:
    message = error.message
    if len(message) > _MAX_MESSAGE:
        message = message[: _MAX_MESSAGE - 1] + "…"
    # A lone surrogate of the client's own would make the answer impossible to encode.
    message = message.encode("utf-8", "backslashreplace").decode()
    return Fault(message, tuple(error.locations or ())[:_MAX_LOCATIONS])


def _error(code: Code, fault: Fault) -> GraphQLError:
    error = GraphQLError(fault.message, extensions={"code": code})
    error.locations = list(fault.locations) or None
    return error.with_traceback(None)  # made inside an `except`, it would keep that one's frames
