"""The recorder: writes down what became of deliveries, many in one transaction.

While one transaction is under way, more waits for the next, and a little longer where there is
much. Whoever hands something in can wait until it is durable, so what is in flight stays bounded by
who sends. What the database does not take now is handed in again, before anything newer.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from core import observe
from core.domain.errors import Unavailable
from core.domain.ports import Clock
from core.domain.sending import Account, Recorded, Settled
from core.services.outbox import Outbox

log = observe.logger(__name__)

AGAIN_SECONDS: Final = 0.25
MANY: Final = 50
"""Deliveries of one transaction, after which more gather for the next while more come: the more
there are in one the less each costs."""
PACE_SECONDS: Final = 0.1
"""From where one such transaction begins to where the next does, at most."""
SLICE_SECONDS: Final = 0.01
"""In which nothing has come where nothing more is to be waited for: all lanes may wait for this."""


class Bookkeeper(Protocol):
    """Who sends to one endpoint, and knows how it is doing."""

    def account(self) -> Account:
        """An account of the endpoint as it is known now, without deliveries."""

    def recorded(self, recorded: Recorded) -> None:
        """Hear what became of the last account."""


@dataclass(slots=True)
class _Waiting:
    who: Bookkeeper
    settled: list[Settled] = field(default_factory=list)
    recovered: bool = False
    done: asyncio.Future[None] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Recorder:
    """Records for this process; `run` is its one task."""

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        """Nothing waits yet."""
        self._outbox = outbox
        self._clock = clock
        self._waiting: dict[str, _Waiting] = {}
        self._wake = asyncio.Event()
        self.told: Callable[[Settled], None] = lambda _: None
        """Called with each that was recorded."""

    def take(
        self, endpoint_id: str, who: Bookkeeper, settled: Settled, *, recovered: bool = False
    ) -> asyncio.Future[None]:
        """Record this; the future is done once it is durable, or of no use any more."""
        waiting = self._waiting.get(endpoint_id)
        if waiting is not None and waiting.who is not who:  # its lease went to who comes now
            waiting.who.recorded(Recorded(taken=False))
            if not waiting.done.done():
                waiting.done.set_result(None)
            waiting = None
        if waiting is None:
            waiting = self._waiting[endpoint_id] = _Waiting(who)
        waiting.settled.append(settled)
        waiting.recovered = waiting.recovered or recovered
        self._wake.set()
        return waiting.done

    async def run(self) -> None:
        """Record what is handed in, for ever."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                began = self._clock.monotonic()
                batch, self._waiting = self._waiting, {}
                await self._record(batch)
                if _many(batch) >= MANY:
                    await self._gather(began + PACE_SECONDS)

    async def _gather(self, until: float) -> None:
        """Let more come until then, while any comes."""
        before = -1
        while self._clock.monotonic() < until and (now := _many(self._waiting)) > before:
            before = now
            await self._clock.sleep(SLICE_SECONDS)

    async def _record(self, batch: dict[str, _Waiting]) -> None:
        found = await self._written(_accounts(batch))
        for endpoint_id, waiting in batch.items():
            recorded = found[endpoint_id]
            if recorded.taken:
                for one in waiting.settled:
                    self.told(one)
            else:
                self._forget(endpoint_id, waiting.who)
            waiting.who.recorded(recorded)
            if not waiting.done.done():
                waiting.done.set_result(None)

    def _forget(self, endpoint_id: str, who: Bookkeeper) -> None:
        """Nor is what came meanwhile recorded: it may have waited for what was not."""
        more = self._waiting.get(endpoint_id)
        if more is not None and more.who is who:
            del self._waiting[endpoint_id]
            if not more.done.done():
                more.done.set_result(None)

    async def _written(self, accounts: Mapping[str, Account]) -> Mapping[str, Recorded]:
        down = False
        while True:
            try:
                return await self._outbox.record(accounts)
            except Unavailable:
                if not down:
                    log.warning("records_wait", endpoints=len(accounts))
                down = True
                await self._clock.sleep(AGAIN_SECONDS)
            except Exception:
                if len(accounts) == 1:  # its deliveries are sent again, and no others are
                    log.exception("record_failed", endpoint_id=next(iter(accounts)))
                    return dict.fromkeys(accounts, Recorded(taken=False))
                found: dict[str, Recorded] = {}
                for endpoint_id, account in accounts.items():
                    found |= await self._written({endpoint_id: account})
                return found


def _many(batch: Mapping[str, _Waiting]) -> int:
    return sum(len(one.settled) for one in batch.values())


def _accounts(batch: dict[str, _Waiting]) -> dict[str, Account]:
    found = {}
    for endpoint_id, waiting in batch.items():
        account = found[endpoint_id] = waiting.who.account()
        account.settled = waiting.settled
        account.recovered = waiting.recovered
    return found
