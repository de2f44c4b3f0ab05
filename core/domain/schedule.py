"""The schedule: when a delivery that failed is tried again, by the age of its event. Pure.

Each step is the wait before one more attempt, and their sums are the *marks*: the ages at which an
event is tried. Since the age counts, and not how often this one delivery was tried, what waited
behind a receiver that was away is tried as its age says: it does not begin a schedule of its own.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from itertools import accumulate
from typing import Final

from core.domain.errors import Invalid

JITTER: Final = 0.1
"""The part of a step by which an attempt comes later, at most, so that not all come at once."""
LATE_WAITS: Final = 2
"""So many waits has every delivery, though its time be over: a receiver may slip once."""
MOST_STEPS: Final = 50
LONGEST_SECONDS: Final = 7 * 86_400
"""All steps together: deliveries that wait keep their events from being forgotten."""
LEAST_RETRY_AFTER: Final = 1.0
MOST_RETRY_AFTER: Final = 3_600.0
"""A receiver may ask for more than it means (a page of its proxy's): then one delivery looks."""
DEFAULT: Final = "5,300,1800,7200,18000,36000,36000"
_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")


@dataclass(frozen=True)
class Schedule:
    """Steps in seconds, all above 0. Not slotted, so that the marks are added up once."""

    steps: tuple[float, ...]

    @cached_property
    def marks(self) -> tuple[float, ...]:
        """The ages at which an event is tried after the first attempt, but for jitter."""
        return tuple(accumulate(self.steps))

    @property
    def reach(self) -> float:
        """The age of an event from which on no further attempt is due."""
        return self.marks[-1]

    def wait(self, age: float, lasted: float, made: int, chance: float) -> float | None:
        """Seconds to wait after an attempt that failed; None where it was the last.

        The attempt, the `made`-th, began when the event was `age` seconds old and took `lasted`.
        There is always the first step between the end of one and the beginning of the next.
        `chance` is from 0 to below 1, and decides the jitter alone.
        """
        for mark, step in zip(self.marks, self.steps, strict=True):
            if mark > age:
                return max(mark + chance * JITTER * step - age - lasted, self.steps[0])
        if made > min(LATE_WAITS, len(self.steps)):
            return None
        return max(self.steps[made - 1], self.steps[0]) * (1 + chance * JITTER)


def parsed(text: str) -> Schedule:
    """The schedule that `WEBHOOK_SCHEDULE` spells: seconds between attempts, comma separated.

    Raises:
        Invalid: a step is no number above 0, or there are none, too many, or too long ones.
    """
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if not _SECONDS.fullmatch(word) or not float(word):
            raise _invalid(f"{word[:40]!r} is no number of seconds above 0")
    steps = tuple(map(float, words))
    if len(steps) > MOST_STEPS:
        raise _invalid(f"it has {len(steps)} steps, and {MOST_STEPS} are the most")
    if sum(steps) > LONGEST_SECONDS:
        raise _invalid(f"it takes {sum(steps):.0f} s, and {LONGEST_SECONDS} are the most")
    return Schedule(steps)


def retry_after(text: str | None, now: datetime) -> float | None:
    """The seconds that a receiver asks for with `Retry-After` (RFC 9110 §10.2.3), within bounds.

    A number of seconds or a date; None where it is neither.
    """
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        seconds = float(text[:10])
    else:
        try:
            date = parsedate_to_datetime(text)
            date = date if date.tzinfo else date.replace(tzinfo=UTC)
            seconds = (date - now).total_seconds()
        except (ValueError, OverflowError, IndexError, TypeError):
            return None
    return min(max(seconds, LEAST_RETRY_AFTER), MOST_RETRY_AFTER)


def _invalid(what: str) -> Invalid:
    sentence = (
        f"LATCHKEY_WEBHOOK_SCHEDULE is seconds between attempts, comma separated, such as "
        f"{DEFAULT}: {what}."
    )
    return Invalid(sentence, "webhook_schedule")
