"""What an error is over HTTP: one of the two translation tables of the house."""

from collections.abc import Mapping
from typing import Final

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


def headers(error: LatchkeyError, *, shown: bool, metadata: str) -> dict[str, str]:
    """The headers that go with it; `shown` tells whether the request had credentials.

    A request without any gets no error code (RFC 6750 §3.1). `metadata` is the URL at which a
    client reads where to get a token (RFC 9728 §5.1).
    """
    if isinstance(error, Unavailable):
        return {"Retry-After": "1"}
    if isinstance(error, Limited) and error.seconds:
        return {"Retry-After": str(error.seconds)}
    if isinstance(error, Unauthenticated):
        challenge = 'Bearer realm="latchkey"'
        if shown:
            challenge += f', error="invalid_token", error_description="{plain(error)}"'
        return {"WWW-Authenticate": f'{challenge}, resource_metadata="{metadata}"'}
    if isinstance(error, Refused):
        challenge = 'Bearer realm="latchkey", error="insufficient_scope"'
        challenge += f', scope="{" ".join(error.scopes)}", resource_metadata="{metadata}"'
        return {"WWW-Authenticate": challenge}
    return {}


def plain(error: LatchkeyError) -> str:
    """A sentence as RFC 6749 §5.2 and RFC 6750 §3 allow it: printable ASCII, no quotes."""
    text = str(error).replace('"', "'").replace("\\", "/")
    return "".join(letter if " " <= letter <= "~" else "?" for letter in text)
