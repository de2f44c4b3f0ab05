"""The moment: what is to be known of now before anything is shown."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Moment:
    """The time, and whether access may have been taken back without being known here.

    It holds `until` then (monotonic), however long this process stands still.
    """

    now: datetime
    stale: bool
    until: float
