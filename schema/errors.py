"""Errors: what a refusal is in GraphQL, the second of the two translation tables of the house.

Whatever has no code of its own is a bug of ours: it is logged with the trace id, and says nothing.
"""

from collections.abc import Mapping
from typing import Any, Final

from graphql import GraphQLError

from core import observe
from core.domain.errors import (
    Conflict,
    Invalid,
    LatchkeyError,
    Limited,
    Missing,
    Refused,
    Unauthenticated,
    Unavailable,
)
from engine import Fault, Need, Rejected

log = observe.logger(__name__)

CODES: Final[Mapping[type[LatchkeyError], str]] = {
    Unauthenticated: "UNAUTHENTICATED",
    Refused: "INSUFFICIENT_SCOPE",
    Missing: "NOT_FOUND",
    Invalid: "BAD_USER_INPUT",
    Conflict: "CONFLICT",
    Limited: "RATE_LIMITED",
    Unavailable: "UNAVAILABLE",
}
INTERNAL: Final = "INTERNAL"
MASK: Final = "Something went wrong here; it is not your fault. Quote the trace id when you ask us."
LONGEST: Final = 1_000
MOST_NAMED: Final = 5


USERLESS: Final = (
    " This is a token of the client itself, and what is a user's only that user can open: have "
    "them allow it, with the authorization code or device flow."
)


class Lacking(Refused):
    """The token's scopes do not open all of the document; `needs` says which fields and how."""

    def __init__(self, needs: tuple[Need, ...], *, for_itself: bool = False) -> None:
        """Name each field and what would open it; a client `for_itself` can have none of it."""
        self.needs = needs
        shown = "; ".join(
            f"{need.path} ({need.coordinate}) needs {_ways(need)}" for need in needs[:MOST_NAMED]
        )
        more = f"; and {len(needs) - MOST_NAMED} more fields" if len(needs) > MOST_NAMED else ""
        wanted = {scope for need in needs for scope in need.alternatives[0]}
        super().__init__(
            f"The access token's scopes do not open this document: {shown}{more}."
            + (USERLESS if for_itself else ""),
            tuple(sorted(wanted)),
        )

    def details(self) -> dict[str, Any]:
        """Every field, and each set of scopes that would open it."""
        return {
            "missing": [
                {
                    "path": need.path,
                    "field": need.coordinate,
                    "scopes": [sorted(scopes) for scopes in need.alternatives],
                }
                for need in self.needs
            ]
        }


def code(error: BaseException) -> str:
    """The code of an error; INTERNAL where it is not one of ours."""
    return next((code for kind, code in CODES.items() if isinstance(error, kind)), INTERNAL)


def refusal(error: LatchkeyError) -> dict[str, Any]:
    """A GraphQL error for what was refused before anything ran."""
    return {"message": _sentence(error), "extensions": _extensions(error)}


def internal(error: Exception, trace_id: str) -> dict[str, Any]:
    """A GraphQL error for a bug of ours: nothing but the trace id under which it is logged."""
    log.error("internal_error", trace_id=trace_id, exc_info=error)
    return {"message": MASK, "extensions": {"code": INTERNAL, "traceId": trace_id}}


def refused(error: Exception) -> dict[str, str]:
    """Code and message of one refusal among several results; a bug is masked and logged."""
    found = code(error)
    if found == INTERNAL:
        log.error("internal_error", exc_info=error)
    return {"code": found, "message": MASK if found == INTERNAL else _sentence(error)}


def formatted(error: GraphQLError, trace_id: str) -> dict[str, Any]:
    """A GraphQL error as clients get it, with `extensions.code` and `traceId`.

    What the engine refused carries its code already; a bug is masked, and logged once.
    """
    form: dict[str, Any] = dict(error.formatted)
    cause = error.original_error
    if isinstance(cause, LatchkeyError):
        form["message"] = _sentence(cause)
        extensions = _extensions(cause)
    elif isinstance(cause, Rejected):  # of a document that was handed over, not the one that runs
        form["message"] = _sentence(cause)
        extensions = {"code": cause.code, "errors": [_fault(fault) for fault in cause.faults]}
    elif cause is None and error.extensions and "code" in error.extensions:
        extensions = dict(error.extensions)
    elif of_argument(cause):
        extensions = {"code": CODES[Invalid]}
    else:
        log.error("internal_error", trace_id=trace_id, path=error.path, exc_info=cause or error)
        form["message"] = MASK
        extensions = {"code": INTERNAL}
    form["extensions"] = {**extensions, "traceId": trace_id}
    return form


def _extensions(error: LatchkeyError) -> dict[str, Any]:
    return {"code": code(error), **error.details()}


def _fault(fault: Fault) -> dict[str, Any]:
    places = [{"line": at.line, "column": at.column} for at in fault.locations]
    return {"message": fault.message, **({"locations": places} if places else {})}


def of_argument(cause: Exception | None) -> bool:
    """Whether graphql-core refused an argument while it ran (spec 6.4.1).

    It does so where a variable that may be null meets an argument that may not. Its complaints
    about our own values name no place in the document.
    """
    return isinstance(cause, GraphQLError) and bool(cause.nodes)


def _sentence(error: Exception) -> str:
    """The message, bounded, as it can be encoded: a client's lone surrogate cannot."""
    text = str(error)
    text = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return text.encode("utf-8", "backslashreplace").decode()


def _ways(need: Need) -> str:
    return " or ".join(" and ".join(sorted(scopes)) for scopes in need.alternatives)
