"""The condition of an endpoint, as its courier learns of it: breaker, health, notices."""

from dataclasses import replace
from datetime import timedelta
from random import random

from core.domain import breaker
from core.domain.answers import Answer, Attempt
from core.domain.breaker import BreakerState
from core.domain.deliveries import settled
from core.domain.endpoints import Turn, turned
from core.domain.health import NOTICES, notice
from core.domain.ports import Clock, Ids
from core.domain.schedule import Schedule
from core.domain.sending import Account, Held, Notice, Parcel, Settled


class Condition:
    """Of one endpoint, from when it was leased on."""

    def __init__(self, held: Held, schedule: Schedule, clock: Clock, ids: Ids) -> None:
        """As its row had it."""
        self.held = held
        self.breaker = held.breaker
        self.health = held.endpoint.health
        self._endpoint = held.endpoint
        self._schedule = schedule
        self._clock = clock
        self._ids = ids
        self._notices: list[Notice] = []

    @property
    def active(self) -> bool:
        """Whether anything is to be sent to it."""
        return self._endpoint.active

    @property
    def closed(self) -> bool:
        """Whether the breaker lets everybody go."""
        return self.breaker.state is BreakerState.CLOSED

    @property
    def waits(self) -> float:
        """For how many seconds the breaker lets nobody go."""
        now = self._clock.now()
        return (breaker.free_at(self.breaker, now) - now).total_seconds()

    def ask(self, lasts: timedelta) -> int | None:
        """Ask to make an attempt; the ticket for it, if it may be made now."""
        self.breaker, ticket = breaker.asked(self.breaker, self._clock.now(), lasts)
        return ticket

    def heard(self, parcel: Parcel, attempt: Attempt, ticket: int, *, claimed: bool) -> Settled:
        """What becomes of a delivery after this attempt; what it says of the endpoint is kept."""
        now = attempt.started_at + timedelta(seconds=attempt.seconds)
        active_since, chance = self._endpoint.active_since, random()  # noqa: S311 - spreads retries
        after = settled(parcel.delivery, attempt, self._schedule, active_since, chance)
        if attempt.answer is Answer.TAKEN:
            self.breaker = breaker.succeeded(self.breaker, now)
            self.health = self.health.succeeded(now)
        else:
            hold = timedelta(seconds=attempt.retry_after or 0)
            self.breaker = breaker.failed(self.breaker, ticket, now, hold)
            self._failed(attempt)
        if after.claimed != claimed:
            after = replace(after, claimed=claimed)
        return Settled(parcel, after, attempt)

    def account(self) -> Account:
        """What is to be recorded of it now; what is to be told is told once."""
        told, self._notices = self._notices, []
        return Account(
            token=self.held.token,
            version=self.held.version,
            breaker=self.breaker,
            endpoint=replace(self._endpoint, health=self.health),
            notices=tuple(told),
        )

    def _failed(self, attempt: Attempt) -> None:
        now, url = self._clock.now(), self._endpoint.url
        health = self.health.failed(now, attempt.said)
        for late in health.due(now):
            self._tell(notice(url, late, attempt.said))
        self.health = health.told(now)
        if not self.active:  # another attempt has said so
            return
        if health.hopeless(now):
            self._disable(f"It failed for {NOTICES[-1].days} days.")
        elif attempt.answer is Answer.GONE:
            self._disable(attempt.said)
            self._tell(f"{url} is disabled now. {attempt.said}")

    def _disable(self, why: str) -> None:
        self._endpoint = turned(self._endpoint, Turn.DISABLE, self._clock.now(), why)

    def _tell(self, text: str) -> None:
        endpoint = self._endpoint
        ids = self._ids.new("notice"), endpoint.client_id, endpoint.id
        self._notices.append(Notice(*ids, text, self._clock.now()))
