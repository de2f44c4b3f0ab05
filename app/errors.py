"""What an error is over HTTP: one of the two translation tables of the house."""

from collections.abc import Mapping
from typing import Final

from app.authentication import BEARER, DPOP, is_dpop
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
from core.tokens import ALGORITHMS
from schema.errors import CODES

STATUS: Final[Mapping[type[LatchkeyError], int]] = {
    Invalid: 400,
    Unauthenticated: 401,
    Refused: 403,
    Missing: 404,
    Conflict: 409,
    Limited: 429,
    Unavailable: 503,
}


def status(error: LatchkeyError) -> int:
    """The HTTP status of an error."""
    return next(code for kind, code in STATUS.items() if isinstance(error, kind))


def of_code(code: str) -> tuple[int, dict[str, str]]:
    """The status of an error of which no more than its code is left, and the headers with it."""
    found = next((STATUS[kind] for kind, named in CODES.items() if named == code), 500)
    return found, {"Retry-After": "1"} if found == STATUS[Unavailable] else {}


def headers(error: LatchkeyError, *, shown: str | None, metadata: str) -> dict[str, str]:
    """The headers that go with it; `shown` is the request's Authorization header.

    A request without any gets no error code (RFC 6750 §3.1). `metadata` is the URL at which a
    client reads where to get a token (RFC 9728 §5.1).
    """
    if isinstance(error, Unavailable):
        return {"Retry-After": "1"}
    if isinstance(error, Limited) and error.seconds:
        return {"Retry-After": str(error.seconds)}
    if isinstance(error, Unauthenticated | Refused):
        return {"WWW-Authenticate": _challenges(error, shown, metadata)}
    return {}


def _challenges(error: Unauthenticated | Refused, shown: str | None, metadata: str) -> str:
    """How to show a token (RFC 6750 §3, RFC 9449 §7.1); the way that was tried has the error.

    Whoever may not with the token that they have is told of no other way.
    """
    tried = DPOP if is_dpop(shown) else BEARER
    wrong = [] if shown is None else _told(error)
    ways = [tried] if isinstance(error, Refused) else [BEARER, DPOP]
    return ", ".join(_challenge(way, wrong if way == tried else [], metadata) for way in ways)


def _challenge(way: str, wrong: list[str], metadata: str) -> str:
    said = ['realm="latchkey"', *wrong]
    if way == DPOP:
        said.append(f'algs="{" ".join(ALGORITHMS)}"')
    said.append(f'resource_metadata="{metadata}"')
    return f"{way} {', '.join(said)}"


def _told(error: Unauthenticated | Refused) -> list[str]:
    if isinstance(error, Refused):
        return ['error="insufficient_scope"', f'scope="{" ".join(error.scopes)}"']
    code = "invalid_dpop_proof" if error.unproven else "invalid_token"
    return [f'error="{code}"', f'error_description="{plain(error)}"']


def plain(error: LatchkeyError) -> str:
    """A sentence as RFC 6749 §5.2 and RFC 6750 §3 allow it: printable ASCII, no quotes."""
    text = str(error).replace('"', "'").replace("\\", "/")
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)
