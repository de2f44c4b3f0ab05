"""What can go wrong, sorted by whose fault it is.

    LatchkeyError
    ├── Invalid          the caller sent something that can never work
    ├── Missing          the thing is not there, or not there for this viewer
    ├── Unauthenticated  nobody we know is asking
    ├── Refused          we know who asks, and they may not
    ├── Conflict         the request contradicts what is already so
    ├── Limited          too much or too fast
    └── Unavailable      the world's fault: a database, a log, a device's owner

Each carries one sentence that says what was wrong, where, and what would be right. Bugs have no
class: they stay what Python raised, and the edge masks them.
"""

from typing import Any


class LatchkeyError(Exception):
    """The root of every expected refusal; `str(error)` is the sentence for the caller."""

    def details(self) -> dict[str, Any]:
        """What a program can read of it besides the sentence."""
        return {}


class Invalid(LatchkeyError):
    """The input can never work as it is; `field` names the input that is wrong, dotted."""

    def __init__(self, sentence: str, field: str | None = None) -> None:
        super().__init__(sentence)
        self.field = field

    def details(self) -> dict[str, Any]:
        """The input that is wrong."""
        return {} if self.field is None else {"field": self.field}


class Missing(LatchkeyError):
    """There is no such thing for this viewer; hidden and absent read the same."""


class Unauthenticated(LatchkeyError):
    """No credentials, or ones that do not hold; `taken_back` tells that they once did.

    `unproven` tells that it is the proof of a key that does not hold (RFC 9449), not the token.
    """

    def __init__(
        self,
        sentence: str,
        *,
        taken_back: bool = False,
        expired: bool = False,
        unproven: bool = False,
    ) -> None:
        super().__init__(sentence)
        self.taken_back = taken_back
        self.expired = expired
        self.unproven = unproven


def expired() -> Unauthenticated:
    """The token of whatever is open is over."""
    return Unauthenticated("The access token has expired; ask for a new one.", expired=True)


class Refused(LatchkeyError):
    """The viewer is known and may not do this; `scopes` are those that would open it."""

    def __init__(self, sentence: str, scopes: tuple[str, ...] = ()) -> None:
        super().__init__(sentence)
        self.scopes = scopes


class Conflict(LatchkeyError):
    """The request contradicts a state or an earlier request."""


class Limited(LatchkeyError):
    """The caller asks for too much or too fast; `seconds` until there is room, if that is known."""

    def __init__(self, sentence: str, seconds: int | None = None) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class Unavailable(LatchkeyError):
    """Something we stand on does not answer now; the same request may work later."""
