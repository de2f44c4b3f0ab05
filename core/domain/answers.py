"""Attempts: one HTTP try of a delivery each, and what its answer means. Pure."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import lru_cache
from typing import Final


class Answer(Enum):
    """What the outcome of an attempt means for the delivery."""

    TAKEN = "TAKEN"
    """It has been delivered."""
    AGAIN = "AGAIN"
    """The receiver could not be reached, or could not take it now."""
    REFUSED = "REFUSED"
    """The receiver says that this request is wrong; it may still mean something else."""
    GONE = "GONE"
    """The receiver wants nothing any more, and is to be disabled."""


GONE_STATUS: Final = 410
_SUCCESS, _REDIRECTION, _CLIENT_ERROR = 2, 3, 4
_TRANSIENT: Final = frozenset({408, 425, 429})
"""What a client is told to repeat (RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4)."""
_ASKING: Final = frozenset({429, 503})
RESPONSE_KEPT: Final = 1_000
"""Characters of a response that are kept for its partner to see."""


@dataclass(slots=True)
class Attempt:
    """One try, as the partner may see it; `status` is None where no answer came.

    `seconds` is how long it took. `error` then says in words why no answer came. `asked` is what
    the receiver asked for with `Retry-After`. `signature` is the header of that name, from which
    with the time and the delivery's id all the headers can be told again. A `probe` was let out by
    the breaker to see whether the receiver is back: what it is told is not about this delivery.
    """

    number: int
    started_at: datetime
    seconds: float
    status: int | None = None
    response: str = ""
    error: str | None = None
    asked: float | None = None
    signature: str = ""
    probe: bool = False

    @property
    def answer(self) -> Answer:
        """What it means."""
        return meaning(self.status)

    @property
    def retry_after(self) -> float | None:
        """The seconds to wait that are honoured: with 429 and 503 alone (RFC 6585, RFC 9110)."""
        return self.asked if self.status in _ASKING else None

    @property
    def said(self) -> str:
        """What went wrong, in a sentence; empty where nothing did."""
        return explained(self.status, self.error)


@lru_cache(1_000)  # asked several times for each request
def meaning(status: int | None) -> Answer:
    """What an HTTP status means; None is no answer at all."""
    if status is None:
        return Answer.AGAIN
    if status == GONE_STATUS:
        return Answer.GONE
    if status // 100 == _SUCCESS:
        return Answer.TAKEN
    refused = status // 100 == _CLIENT_ERROR and status not in _TRANSIENT
    return Answer.REFUSED if refused else Answer.AGAIN


def explained(status: int | None, error: str | None = None) -> str:
    """What went wrong, and what would be right where that is not plain; empty for a success."""
    if status is None:
        return error or "No answer came."
    if meaning(status) is Answer.TAKEN:
        return ""
    answered = f"The receiver answered {status}"
    if status // 100 == _REDIRECTION:
        return f"{answered}: redirects are not followed; give the endpoint the URL it leads to."
    if status == GONE_STATUS:
        return f"{answered}: it wants no more, so the endpoint is disabled. Resume it to go on."
    if status in _ASKING:
        return f"{answered}: it cannot take more now."
    return f"{answered}; 200 to 299 would be right."
