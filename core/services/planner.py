"""The planner: gives each event its deliveries, for every endpoint that is to get it.

How far a home is planned is in the store, so a planner that was down finds what it missed. This
process follows the homes that are open to clients with endpoints; whatever is committed there makes
it plan on. Several planners share the work by claiming homes.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import Final

from core import observe
from core.domain.errors import Missing, Unavailable
from core.domain.events import Entry, Event
from core.domain.mirrors import Mirror
from core.domain.ports import Clock
from core.feed import Feed
from core.services.judging import Judging, Unread
from core.snapshots.access import Access
from core.store.ledger import ACCESS
from core.store.plans import Plans

log = observe.logger(__name__)

LOOK_SECONDS: Final = 1.0
"""Between two looks at which clients have endpoints, and which homes are open to them."""
AGAIN_SECONDS: Final = 0.25
"""Before a home is tried again that another planner has claimed, or while access is behind."""
HOMES: Final = 100
"""Homes that one transaction plans."""
ASIDE_SECONDS: Final = 60.0
"""Before a home is tried again that cannot be planned, which is a defect."""


class Planner:
    """Plans for this process. Whoever needs it has `run` as a task; one of them is at work.

    `taps` are called after each transaction with the endpoints that something waits for now, and
    the events that were planned.
    """

    def __init__(
        self, plans: Plans, feed: Feed, access: Access, mirror: Mirror, clock: Clock
    ) -> None:
        """Nothing is followed yet."""
        self._plans = plans
        self._feed = feed
        self._access = access
        self._judging = Judging(access, mirror)
        self._clock = clock
        self._clients: Mapping[str, datetime] = {}
        self._followed: dict[str, Callable[[Entry], None]] = {}
        self._behind: dict[str, None] = {}
        self._fresh: list[str] = []
        """Homes that are to be followed, a page at a time."""
        self._full = False
        """Whether the last transaction left something that it could have planned."""
        self._alone = 0
        """How many homes are planned each by itself, since one of them cannot be."""
        self._aside: dict[str, float] = {}
        self._wake = asyncio.Event()
        self._looked_at = -LOOK_SECONDS
        self._turn = asyncio.Lock()
        self.taps: list[Callable[[Collection[str], Collection[Event]], None]] = []
        self.deliveries = 0
        """Deliveries planned by this process."""

    @property
    def behind(self) -> int:
        """How many homes have events that are not planned yet, as far as is known here."""
        return len(self._behind) + len(self._aside)

    def look(self) -> None:
        """Look soon which clients have endpoints: one has just been made."""
        self._looked_at = -LOOK_SECONDS
        self._wake.set()

    async def run(self) -> None:
        """Plan, for ever, once nobody else does here."""
        async with self._turn:
            self.look()
            await self._run()

    async def _run(self) -> None:
        down = False
        try:
            while True:
                try:
                    await self._step()
                    down = False
                except Unavailable:
                    if not down:
                        log.warning("planning_waits", homes=len(self._behind))
                    down = True
                    await self._clock.sleep(AGAIN_SECONDS)
                except Exception:  # a defect: better to try again than to plan nothing for ever
                    log.exception("planning_failed", homes=len(self._behind))
                    await self._clock.sleep(LOOK_SECONDS)
        finally:
            for home_id, listener in self._followed.items():
                self._feed.drop(home_id, listener)
            self._followed.clear()

    async def _step(self) -> None:
        if self._clock.monotonic() - self._looked_at >= LOOK_SECONDS:
            await self._look()
        if self._fresh:  # a page at a time: what is followed already is planned meanwhile
            page, self._fresh = self._fresh[:HOMES], self._fresh[HOMES:]
            await self._follow(page)
        if self._behind and not await self._plan() and not self._fresh:
            await self._clock.sleep(AGAIN_SECONDS)
        if not self._behind and not self._fresh:
            await self._rest()

    async def _rest(self) -> None:
        self._wake.clear()
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return

    async def _look(self) -> None:
        self._looked_at = self._clock.monotonic()
        self._clients = await self._plans.clients()
        open_now: set[str] = set()
        for client_id in self._clients:
            open_now.update(self._access.givers.homes(client_id))
        for home_id in self._followed.keys() - open_now:
            self._let_go(home_id)
        for home_id in [one for one, until in self._aside.items() if until <= self._looked_at]:
            del self._aside[home_id]
            self._behind[home_id] = None
        self._fresh = sorted(open_now - self._followed.keys())

    async def _follow(self, home_ids: Sequence[str]) -> None:
        """Follow homes, and begin to plan those that never were; all of them or none."""
        here: dict[str, Callable[[Entry], None]] = {}
        try:
            for home_id in home_ids:
                listener = self._listener(home_id)
                with suppress(Missing):
                    await self._feed.follow(home_id, listener)
                    here[home_id] = listener
            known = await self._plans.places(here)
            await self._begin([one for one in here if one not in known])
            places = await self._plans.places(here)
        except BaseException:
            for home_id, listener in here.items():
                self._feed.drop(home_id, listener)
                self._behind.pop(home_id, None)
            raise
        self._followed |= here
        for behind in places.values():
            if behind.place < behind.head:
                self._behind[behind.home_id] = None

    async def _begin(self, home_ids: Sequence[str]) -> None:
        """Have homes planned for the first time; nothing that was before is for anybody."""
        newest = await self._plans.newest(home_ids)
        places: dict[str, int] = {}
        for home_id, (head, at) in newest.items():
            every = [made for one, made in self._clients.items() if self._gives(one, home_id)]
            made = min(every, default=self._clock.now())  # else it has just been taken back
            before = head if at is None or at < made else await self._plans.before(home_id, made)
            places[home_id] = max(before, self._began(home_id))
        await self._plans.begin(places)

    def _gives(self, client_id: str, home_id: str) -> bool:
        return bool(self._access.givers.of(client_id, home_id))

    def _began(self, home_id: str) -> int:
        every = (self._access.givers.of(client_id, home_id) for client_id in self._clients)
        return min((grant.began(home_id) for grants in every for grant in grants), default=0)

    def _listener(self, home_id: str) -> Callable[[Entry], None]:
        def told(entry: Entry) -> None:
            del entry
            if home_id not in self._aside:
                self._behind[home_id] = None
                self._wake.set()

        return told

    async def _plan(self) -> bool:
        """Plan some homes; whether anything came of it."""
        most = HOMES if not self._full else max(1, len(self._behind) // 2)  # others than the last
        home_ids = list(islice(self._behind, 1 if self._alone else min(most, HOMES)))
        self._alone = max(0, self._alone - 1)
        self._access.check()
        try:
            done = await self._plans.plan(
                home_ids, self._judging, self._access.place, self._clock.now()
            )
        except Unread as unread:
            await self._judging.learn(unread.held)
            return True
        except Unavailable:
            raise
        except Exception:
            # A defect must not keep the other homes from being planned.
            if len(home_ids) > 1:
                self._alone = len(home_ids)
                return True
            log.exception("home_unplanned", home_id=home_ids[0])
            self._set_aside(home_ids[0])
            return True
        if done.access > self._access.place:  # who gave what to whom is not all known here yet
            self._feed.expect(ACCESS, done.access)
            return False
        self._full = done.full
        for home_id in done.places:  # whose turn was, comes last
            self._behind[home_id] = self._behind.pop(home_id, None)
        self._caught_up(done.places)
        missed = [one for one in home_ids if one not in done.places]
        if missed:  # another planner has them, and may be done
            known = await self._plans.places(missed)
            self._caught_up({one: known[one].place for one in known})
            for home_id in set(missed) - known.keys():  # it was never begun: it is followed anew
                self._let_go(home_id)
        self.deliveries += done.deliveries
        events = done.events if done.deliveries else ()
        for tap in tuple(self.taps):
            tap(done.endpoints, events)
        return bool(done.places)

    def _let_go(self, home_id: str) -> None:
        self._behind.pop(home_id, None)
        if (listener := self._followed.pop(home_id, None)) is not None:
            self._feed.drop(home_id, listener)

    def _set_aside(self, home_id: str) -> None:
        del self._behind[home_id]
        self._aside[home_id] = self._clock.monotonic() + ASIDE_SECONDS

    def _caught_up(self, places: Mapping[str, int]) -> None:
        """Homes are planned up to these places; what was told meanwhile may be beyond."""
        for home_id, place in places.items():
            if home_id not in self._followed or place >= self._feed.place(home_id):
                self._behind.pop(home_id, None)
