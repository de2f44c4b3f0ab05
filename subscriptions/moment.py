"""The moment: what is to be known of now before anything is shown."""

from datetime import datetime
from typing import NamedTuple


class Moment(NamedTuple):
    """The time, and whether access may have been taken back without being known here.

    It holds `until` then (monotonic), however long this process stands still.
    """

    now: datetime
    stale: bool
    until: float
