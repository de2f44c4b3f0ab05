"""A courier: sends what waits for one endpoint, while this process has the endpoint's lease.

Each lane is a task that sends one delivery after the other, and stops at the first that has to be
tried again. A lane is free again once all that became of it is recorded.
"""

import asyncio
from contextlib import suppress
from functools import partial
from math import inf
from typing import Final

from core import observe
from core.domain import rates
from core.domain.answers import Answer
from core.domain.errors import Unavailable
from core.domain.sending import Account, Held, Parcel, Recorded, Settled
from core.services.letters import Letter
from core.services.outbox import TRUST_SECONDS, Run
from webhooks.condition import Condition
from webhooks.office import Office
from webhooks.replies import attempt_of

log = observe.logger(__name__)

LANES: Final = 32
"""That are sent side by side to one endpoint: as many requests as go to one host."""
FEW_LANES: Final = 4
"""To begin with: one more with each delivery that is taken, half as many after one that is not. So
receivers that hang take up few of the places that all endpoints of a process share."""
LINGER_SECONDS: Final = 1.0
"""So long an endpoint is kept to which nothing is to be sent: more comes mostly soon."""
LOOK_SECONDS: Final = 0.25
"""Between two looks meanwhile at what other processes planned for it."""
PAUSE_SECONDS: Final = 0.01
"""Between two looks while lanes are under way: what was planned meanwhile is read together."""
BEHIND_SECONDS: Final = 1.0
"""An endpoint at which something has been due for longer gets less than there is for it."""
STEADY_SECONDS: Final = 2.0
"""So long what was seen of that holds; one lane is over for a moment before it is begun again."""
HANGS_SECONDS: Final = 1.0
"""A request that takes longer is a matter of its receiver, which nobody can hasten."""
DOUBT_SECONDS: Final = 0.5
"""Before a look again where it cannot be known now what may be sent."""


class Courier:
    """One leased endpoint. `run` ends when nothing is due, or the lease is lost, and gives it back.

    Whoever has it calls `renewed` when the lease is, and `wake` when something was planned. One
    that `stays` waits for more until it is ended, and leaves the lease to who has it.
    """

    def __init__(self, held: Held, office: Office, asked_at: float, *, stays: bool = False) -> None:
        """Leased, by a question that was asked at this time (monotonic)."""
        self.held = held
        self._stays = stays
        self.condition = Condition(held, office.schedule, office.clock, office.ids)
        self._office = office
        self._place = office.post.place(held.endpoint.url)
        self._bucket = rates.fresh(held.endpoint.rate_limit, office.clock.monotonic())
        self.since = asked_at
        self._until = asked_at + TRUST_SECONDS
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._late: set[str] = set()
        """Those of them that had waited for long when they were begun."""
        self._late_at = self._paced_at = -inf
        """When one of those ended last, and when something last waited for the endpoint's rate."""
        self._asked_at: dict[str, float] = {}
        """Since when a request is under way, by its lane."""
        self._news = asyncio.Event()
        self.ending = False
        """Whether it begins nothing new."""
        self._lost = False
        self._held_up = 0.0
        self._to: str | None = None
        """Who is to send next."""
        self._width = FEW_LANES
        """So many lanes may be under way now."""
        self._full = False
        """Whether more is due than was begun: then nobody has to look before half of it is over."""

    @property
    def behind(self) -> bool:
        """Whether more is due than is sent in time, and neither receiver nor rate is why."""
        now = self._office.clock.monotonic()
        if self.ending or not self.condition.closed or now < self._paced_at + STEADY_SECONDS:
            return False
        hangs = now - min(self._asked_at.values(), default=now) > HANGS_SECONDS
        return not hangs and (bool(self._late) or now < self._late_at + STEADY_SECONDS)

    def wake(self) -> None:
        """Look again at what is due."""
        if not self._full:
            self._news.set()

    def end(self) -> None:
        """Begin nothing new."""
        self.ending = True
        self._news.set()

    def give(self, life: str) -> None:
        """Begin nothing new, and then let that worker have the lease."""
        self._to = life
        self.end()

    def lose(self) -> None:
        """The lease is somebody else's now."""
        self._lost = True
        self.end()

    def renewed(self, asked_at: float, version: int) -> None:
        """The lease goes on; its client has changed the endpoint where the version is another."""
        self._until = asked_at + TRUST_SECONDS
        if version != self.held.version:
            self.end()  # it is leased anew, as it is now

    def good(self) -> bool:
        """Whether something may be sent now."""
        return not self.ending and self._office.clock.monotonic() < self._until

    async def run(self) -> None:
        """Send until nothing is due."""
        try:
            while self.good():
                self._news.clear()
                if not await self._look() and not self._lanes and not await self._linger():
                    break
                if self._lanes:
                    await self._hear(LINGER_SECONDS)
                    if self._lanes:
                        await self._office.clock.sleep(PAUSE_SECONDS)
        except Unavailable:
            self._held_up = DOUBT_SECONDS
        except asyncio.CancelledError:  # then nothing is waited for that may never come
            self._lost = True  # nor is the lease given back: it runs out
            for lane in self._lanes.values():
                lane.cancel()
            raise
        finally:
            self.ending = True
            if self._lanes:
                await asyncio.gather(*self._lanes.values(), return_exceptions=True)
            await self._leave()

    async def _look(self) -> bool:
        """Begin what is due; whether there was anything."""
        if self.condition.waits > 0:
            self.ending = self.ending or not (self._lanes or self._stays)
            return False
        closed = self.condition.closed
        most = (self._width if closed else 1) - len(self._lanes)
        if most <= 0 or not self.good():
            return False
        # Those of now: what is read of a lane that ends meanwhile is over by then.
        busy = frozenset(self._lanes)
        runs = await self._office.outbox.take(self.held, busy, most)
        self._full = len(runs) == most
        for run in runs if self.good() else ():
            self._begin(run if closed else run[:1])
        return bool(runs)

    async def _linger(self) -> bool:
        """Wait a little for more; whether to look again."""
        clock = self._office.clock
        until = clock.monotonic() + (inf if self._stays else LINGER_SECONDS)
        while self.good() and (left := until - clock.monotonic()) > 0:
            await self._hear(min(left, LOOK_SECONDS))
            self._news.clear()
            if self.good() and await self._look():
                return True
        return False

    async def _hear(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    def _begin(self, run: Run) -> None:
        lane, waited = run[0].lane, self._office.clock.now() - run[0].delivery.next_at
        if waited.total_seconds() > BEHIND_SECONDS:
            self._late.add(lane)
        task = self._lanes[lane] = asyncio.create_task(self._send_all(run))
        task.add_done_callback(lambda _: self._over(lane))

    def _over(self, lane: str) -> None:
        task = self._lanes.pop(lane)
        if lane in self._late:
            self._late.discard(lane)
            self._late_at = self._office.clock.monotonic()
        if not task.cancelled() and (error := task.exception()) is not None:
            self.ending = True
            self._held_up = DOUBT_SECONDS
            if not isinstance(error, Unavailable):
                endpoint_id = self.held.endpoint.id
                log.error("courier_failed", endpoint_id=endpoint_id, lane=lane, exc_info=error)
        if not self._full or self.ending or len(self._lanes) <= self._width // 2:
            self._full = False
            self._news.set()

    async def _send_all(self, run: Run) -> None:
        """One lane, in order, until something of it has to be tried again."""
        recorded: asyncio.Future[None] | None = None
        failed: Exception | None = None
        for parcel in run:
            try:
                done = await self._send(parcel)
            except Exception as error:  # noqa: BLE001 - told once what was sent is recorded
                failed = error
                break
            if done is None:
                break
            recorded = self._record(done) or recorded
            if done.after.open:
                break
        if recorded is not None:
            await recorded
        if failed is not None:
            raise failed

    async def _send(self, parcel: Parcel) -> Settled | None:
        """One attempt, and what became of it; None where none may be made now."""
        office, condition = self._office, self.condition
        if not await self._paced():
            return None
        async with self._place:
            if not self.good():
                return None
            letter = await office.outbox.letter(self.held, parcel)
            if isinstance(letter, Settled):
                return letter
            ticket = condition.ask(office.lasts) if self.good() else None
            if ticket is None:
                return None
            probe = not condition.closed
            still = partial(self._still, parcel)
            self._asked_at[parcel.lane] = office.clock.monotonic()
            try:
                reply = await office.post.send(letter.url, letter.headers, letter.body, still)
            finally:
                del self._asked_at[parcel.lane]
        if reply is None:
            return None  # it is judged anew with whatever is due then
        attempt = attempt_of(parcel, letter, reply, probe=probe)
        done = condition.heard(parcel, attempt, ticket, claimed=letter.warning is not None)
        taken = attempt.answer is Answer.TAKEN
        self._width = min(self._width + 1, LANES) if taken else max(self._width // 2, 1)
        if not condition.active:
            self.end()
        return done

    async def _still(self, parcel: Parcel) -> bool:
        """Whether a delivery that had to wait for its connection may go even so."""
        judged = self.good() and await self._office.outbox.letter(self.held, parcel)
        return isinstance(judged, Letter)

    async def _paced(self) -> bool:
        """Wait until the endpoint's rate lets one more go; whether it still may."""
        clock = self._office.clock
        while self.good():
            now = clock.monotonic()
            if (wait := self._bucket.free_at() - now) <= 0:
                self._bucket = self._bucket.took(now)
                return True
            self._paced_at = now + wait
            await clock.sleep(min(wait, 1.0))
        return False

    def _record(self, done: Settled) -> asyncio.Future[None] | None:
        if self._lost:  # something of before was not recorded, and nothing is that came after it
            return None
        probe = done.attempt is not None and done.attempt.probe
        recovered = probe and self.condition.closed
        endpoint_id = self.held.endpoint.id
        return self._office.recorder.take(endpoint_id, self, done, recovered=recovered)

    def account(self) -> Account:
        """`webhooks.recorder.Bookkeeper.account`."""
        return self.condition.account()

    def recorded(self, recorded: Recorded) -> None:
        """`webhooks.recorder.Bookkeeper.recorded`."""
        if not recorded.taken:
            self.lose()
        elif recorded.now is not None:
            self.end()

    async def _leave(self) -> None:
        if self._lost or self._stays:
            return
        try:
            seconds = max(self._held_up, self.condition.waits)
            await self._office.outbox.release(self.held, seconds, self._to)
        except Unavailable:
            log.warning("lease_kept", endpoint_id=self.held.endpoint.id)
