"""Health: since when an endpoint fails, when its client is told, and when it is too long. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

NOTICES: Final = (timedelta(days=1), timedelta(days=3), timedelta(days=5))
"""After so long of failing the client is told; with the last the endpoint is disabled."""
LEAST_SPAN: Final = timedelta(hours=12)
"""From the first failure to the last one: a single one, and no event since, tells too little."""


@dataclass(frozen=True, slots=True)
class Health:
    """How an endpoint's attempts went.

    `failing_since` and `failed_at` are the first and the last failure without a success between or
    since; `error` is the last one's, in words. `noticed` of `NOTICES` were given meanwhile.
    `succeeded_at` is the last success of all.
    """

    succeeded_at: datetime | None = None
    failing_since: datetime | None = None
    failed_at: datetime | None = None
    error: str | None = None
    noticed: int = 0

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed."""
        return self.failing_since is not None

    def succeeded(self, at: datetime) -> "Health":
        """After an attempt that was taken; what failed later still did."""
        last = at if self.succeeded_at is None else max(self.succeeded_at, at)
        if self.failed_at is None or self.failed_at <= last:
            return Health(succeeded_at=last)
        if self.failing_since is not None and self.failing_since > last:
            return replace(self, succeeded_at=last)
        return replace(self, succeeded_at=last, failing_since=self.failed_at, noticed=0)

    def failed(self, at: datetime, error: str) -> "Health":
        """After an attempt that was not; one before the last success is no news."""
        if self.succeeded_at is not None and at <= self.succeeded_at:
            return self
        if self.failing_since is None or self.failed_at is None:
            return replace(self, failing_since=at, failed_at=at, error=error)
        since = min(self.failing_since, at)
        if at < self.failed_at:
            return replace(self, failing_since=since)
        return replace(self, failing_since=since, failed_at=at, error=error)

    def renewed(self) -> "Health":
        """With the failures forgotten."""
        return Health(succeeded_at=self.succeeded_at)

    def reached(self, now: datetime) -> int:
        """How many of `NOTICES` its failing has reached."""
        if self.failing_since is None or self.failed_at is None:
            return 0
        if self.failed_at - self.failing_since < LEAST_SPAN:
            return 0
        return sum(now - self.failing_since >= after for after in NOTICES)

    def due(self, now: datetime) -> tuple[timedelta, ...]:
        """The notices to give now, none of which was given before."""
        return NOTICES[self.noticed : self.reached(now)]

    def told(self, now: datetime) -> "Health":
        """After those that are due have been given."""
        return replace(self, noticed=max(self.noticed, self.reached(now)))

    def hopeless(self, now: datetime) -> bool:
        """Whether it failed for so long that the endpoint is to be disabled."""
        return self.reached(now) == len(NOTICES)


def notice(url: str, after: timedelta, error: str | None) -> str:
    """What the client is told of an endpoint that fails for so long."""
    days = after.days
    failing = f"{url} has failed for {days} day{'s' if days > 1 else ''}."
    last = f" {error}" if error else ""
    if after == NOTICES[-1]:
        return f"{failing} It is disabled now; what waits for it is kept: resume it.{last}"
    left = (NOTICES[-1] - after).days
    return f"{failing} It is disabled in {left} days unless it recovers.{last}"
