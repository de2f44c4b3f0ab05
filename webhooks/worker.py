"""The worker: leases endpoints that something is due at, and has a courier for each.

Any number of them work side by side, in as many processes: each endpoint is one's at a time.
Whoever comes first takes what is due, so nothing waits for a worker that may be held up. One that
is behind at more endpoints than others are gives what is more than its share to them.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Sequence
from contextlib import suppress
from math import inf
from typing import Any, Final

from core import observe
from core.domain.answers import Answer
from core.domain.errors import Unavailable
from core.domain.events import Event
from core.domain.sending import Held, Queue, Settled
from core.services.planner import Planner
from webhooks.courier import Courier
from webhooks.office import Office

log = observe.logger(__name__)

POLL_SECONDS: Final = 0.5
"""Between two looks at what other processes planned, or what is to be tried again."""
COUNT_SECONDS: Final = 10.0
"""Between two looks at how much waits."""
RENEW_SECONDS: Final = 1.5
"""Between two renewals of leases, which also tell what clients have changed."""
ENDPOINTS: Final = 200
"""That one process sends to at a time."""
TURN_SECONDS: Final = 5.0
"""So long at least an endpoint is sent to before another one that waits has its place."""
SHARE_SECONDS: Final = 4.0
"""After endpoints were given to others, before more are: by then they have told of these too."""
LEAVE_SECONDS: Final = 1.0
"""So long the end waits for the row to go by which others know of this worker."""
GRACE_SECONDS: Final = 5.0
"""After the longest that a request can take: for what is to be recorded at the end."""


class Worker:
    """Sends for this process; `run`, `renew` and `count` are its tasks, beside the recorder's."""

    def __init__(self, office: Office, planner: Planner) -> None:
        """Nothing is leased yet."""
        self._office = office
        self._planner = planner
        self._couriers: dict[str, Courier] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()
        self._giving: set[Courier] = set()
        """Those that end for another worker to go on."""
        self._gave_at = -inf
        self._telling = asyncio.Lock()
        self._draining = False
        self.attempts: Counter[str] = Counter()
        """Attempts that were recorded here, by what the receiver did."""
        self.ended: Counter[str] = Counter()
        """Deliveries that came to an end here, by which."""
        self.hurried: Callable[[], Coroutine[Any, Any, object]] = asyncio.Event().wait
        """Returns once the end is to come sooner than what is under way has ended."""
        self.queue = Queue()
        """How much waited, for any worker, when this one last looked."""
        planner.taps.append(self._planned)
        office.recorder.told = self._told

    @property
    def leased(self) -> int:
        """How many endpoints are this process's now."""
        return len(self._couriers)

    @property
    def behind(self) -> int:
        """At how many of them more is due than is sent in time."""
        return len(self._late())

    @property
    def breakers(self) -> Counter[str]:
        """The states of their breakers."""
        return Counter(one.condition.breaker.state.value for one in self._couriers.values())

    async def run(self) -> None:
        """Have what is due sent, until cancelled; what is under way then ends first."""
        try:
            await self._lease()
        finally:
            await self._drain()

    async def _drain(self) -> None:
        """Begin nothing new, and return once what is under way has ended and is recorded."""
        self._planner.taps.remove(self._planned)
        self._draining = True
        for courier in tuple(self._couriers.values()):
            courier.end()
        await self._until_ended((*self._tasks, asyncio.create_task(self._gone())))
        self._office.outbox.close()

    async def _gone(self) -> None:
        """Have others know that this one takes nothing any more; else they find out in seconds."""
        with suppress(Unavailable, TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS), self._telling:
                await self._office.outbox.gone()

    async def _until_ended(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Wait for couriers, but not for ever: the database may be away, or somebody in a hurry.

        What they have sent and not recorded is then sent again by another worker.
        """
        ended = asyncio.create_task(_all(tasks))
        hurried: asyncio.Task[Any] = asyncio.create_task(self.hurried())
        seconds = self._office.lasts.total_seconds() + GRACE_SECONDS
        first = asyncio.FIRST_COMPLETED
        await asyncio.wait({ended, hurried}, timeout=seconds, return_when=first)
        for task in (hurried, ended, *tasks):
            task.cancel()
        await asyncio.wait(tasks)

    async def _lease(self) -> None:
        down = False
        while True:
            self._wake.clear()
            try:
                full = await self._more()
                down = False
            except Unavailable:
                full = False
                if not down:
                    log.warning("worker_waits", endpoints=self.leased)
                down = True
            if not full:
                with suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()

    async def _more(self) -> bool:
        """Lease what is due; whether there may be more of it."""
        most = ENDPOINTS - self.leased
        if most <= 0:
            await self._make_room()
            return False
        asked_at = self._office.clock.monotonic()
        found = await self._office.outbox.lease(most)
        for held in found:
            if held.endpoint.temporary:  # whoever had it has died, and nobody listens any more
                with suppress(Unavailable):  # then it is found again once the lease is over
                    await self._office.outbox.discard(held)
                    log.info("listener_lost", endpoint_id=held.endpoint.id)
            else:
                self._begin(held, asked_at)
        return len(found) == most

    async def _make_room(self) -> None:
        """Give up the endpoint that was sent to for longest, where another one waits.

        One that is given up already may hang for as long as a request takes, so it is not counted.
        """
        others = (one for one in self._couriers.values() if not one.ending)
        oldest = min(others, key=lambda one: one.since, default=None)
        long_ago = self._office.clock.monotonic() - TURN_SECONDS
        if oldest is not None and oldest.since < long_ago and await self._office.outbox.waits():
            oldest.end()

    def _begin(self, held: Held, asked_at: float) -> None:
        endpoint_id = held.endpoint.id
        if (before := self._couriers.get(endpoint_id)) is not None:
            before.lose()  # it was held up for longer than its lease
        courier = self._couriers[endpoint_id] = Courier(held, self._office, asked_at)
        task = asyncio.create_task(courier.run(), name=f"courier {endpoint_id}")
        self._tasks.add(task)

        def over(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            if courier in self._giving:
                self._giving.discard(courier)
                self._gave_at = self._office.clock.monotonic()
            if self._couriers.get(endpoint_id) is courier:
                del self._couriers[endpoint_id]
            self._wake.set()
            if not task.cancelled() and (error := task.exception()) is not None:
                log.error("courier_died", endpoint_id=endpoint_id, exc_info=error)

        task.add_done_callback(over)

    async def renew(self) -> None:
        """Keep what is leased, for ever, hear what clients have changed, and share with others."""
        while True:
            with suppress(Unavailable):  # couriers end by themselves, once it has been too long
                await self._renew()
                await self._share()
            await self._office.clock.sleep(RENEW_SECONDS)

    async def _renew(self) -> None:
        couriers = dict(self._couriers)
        if not couriers:
            return
        asked_at = self._office.clock.monotonic()
        kept = await self._office.outbox.renew(couriers)
        for endpoint_id, courier in couriers.items():
            if endpoint_id in kept:
                courier.renewed(asked_at, kept[endpoint_id])
            elif self._couriers.get(endpoint_id) is courier:
                courier.lose()

    async def _share(self) -> None:
        """Tell how it goes, hear how it goes elsewhere, and give what is more than a fair share."""
        async with self._telling:
            if self._draining:
                return
            behind = self.behind + len(self._giving)  # which nobody else counts yet
            room = max(0, ENDPOINTS - self.leased)
            given = await self._office.outbox.shared(behind, room)
        if self._giving or self._office.clock.monotonic() < self._gave_at + SHARE_SECONDS:
            return
        late = sorted(self._late(), key=lambda one: one.since)
        for courier, life in zip(late, given, strict=False):  # some may have caught up meanwhile
            courier.give(life)
            self._giving.add(courier)
        if self._giving:
            log.info("endpoints_given", endpoints=len(self._giving), behind=len(late))

    def _late(self) -> list[Courier]:
        return [one for one in self._couriers.values() if one.behind]

    async def count(self) -> None:
        """Look how much waits, for ever."""
        while True:
            with suppress(Unavailable):
                self.queue = await self._office.outbox.queue()
            await self._office.clock.sleep(COUNT_SECONDS)

    def _planned(self, endpoint_ids: Collection[str], events: Collection[Event]) -> None:
        self._office.outbox.remember(events)
        for endpoint_id in endpoint_ids:
            if (courier := self._couriers.get(endpoint_id)) is not None:
                courier.wake()
            else:
                self._wake.set()

    def _told(self, settled: Settled) -> None:
        if settled.attempt is not None:
            self.attempts[_outcome(settled.attempt.answer, settled.attempt.status)] += 1
        if not settled.after.open:
            self.ended[settled.after.status.value] += 1


def _outcome(answer: Answer, status: int | None) -> str:
    if answer is Answer.TAKEN:
        return "taken"
    return "unanswered" if status is None else f"{status // 100}xx"


async def _all(tasks: Sequence[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)
