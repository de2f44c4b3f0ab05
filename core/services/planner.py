"""The planner: gives each event its deliveries, for every endpoint that is to get it.

How far a home is planned is in the store, so a planner that was down finds what it missed. This
process follows the homes that are open to clients with endpoints; whatever is committed there makes
it plan on. Several planners share the work by claiming homes.
"""

import asyncio
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from core import observe
from core.domain.errors import Invalid, Missing, Unavailable
from core.domain.events import Entry, Event
from core.domain.grants import Grant
from core.domain.mirrors import Mirror, Mirrored
from core.domain.ports import Clock
from core.domain.sending import Held
from core.feed import Feed
from core.services.covering import Cover
from core.snapshots.access import Access
from core.store.ledger import ACCESS
from core.store.logs import Logs
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
DOCUMENTS: Final = 10_000
"""Endpoints whose documents are remembered."""


class Planner:
    """Plans for this process. Whoever needs it has `run` as a task; one of them is at work.

    `taps` are called after each transaction with the endpoints that something waits for now, and
    the events that were planned.
    """

    def __init__(
        self, plans: Plans, logs: Logs, feed: Feed, access: Access, mirror: Mirror, clock: Clock
    ) -> None:
        """Nothing is followed yet."""
        self._plans = plans
        self._logs = logs
        self._feed = feed
        self._access = access
        self._cover = Cover(access)
        self._mirror = mirror
        self._clock = clock
        self._clients: Mapping[str, datetime] = {}
        self._followed: dict[str, Callable[[Entry], None]] = {}
        self._behind: dict[str, None] = {}
        self._documents: dict[tuple[str, int], Mirrored | None] = {}
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
        finally:
            for home_id, listener in self._followed.items():
                self._feed.drop(home_id, listener)
            self._followed.clear()

    async def _step(self) -> None:
        if self._clock.monotonic() - self._looked_at >= LOOK_SECONDS:
            await self._look()
        if self._behind and not await self._plan():
            await self._clock.sleep(AGAIN_SECONDS)
        if not self._behind:
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
            self._feed.drop(home_id, self._followed.pop(home_id))
            self._behind.pop(home_id, None)
        for home_id in [one for one, until in self._aside.items() if until <= self._looked_at]:
            del self._aside[home_id]
            self._behind[home_id] = None
        fresh = sorted(open_now - self._followed.keys())
        for page in _pages(fresh):
            await self._follow(page)

    async def _follow(self, home_ids: Sequence[str]) -> None:
        for home_id in home_ids:
            listener = self._listener(home_id)
            try:
                await self._feed.follow(home_id, listener)
            except Missing:
                continue
            self._followed[home_id] = listener
        here = [one for one in home_ids if one in self._followed]
        known = await self._plans.places(here)
        await self._begin([one for one in here if one not in known])
        for behind in (await self._plans.places(here)).values():
            if behind.place < behind.head:
                self._behind[behind.home_id] = None

    async def _begin(self, home_ids: Sequence[str]) -> None:
        """Have homes planned for the first time; nothing that was before is for anybody."""
        newest = await self._plans.newest(home_ids)
        places: dict[str, int] = {}
        for home_id, (head, at) in newest.items():
            made = min(
                made for client, made in self._clients.items() if self._gives(client, home_id)
            )
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
        home_ids = list(islice(self._behind, 1 if self._alone else HOMES))
        self._alone = max(0, self._alone - 1)
        self._access.check()
        try:
            done = await self._plans.plan(home_ids, self, self._access.place, self._clock.now())
        except _Unread as unread:
            await self._read(unread.held)
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
        self._caught_up(done.places)
        missed = [one for one in home_ids if one not in done.places]
        if missed:  # another planner has them, and may be done
            known = await self._plans.places(missed)
            self._caught_up({one: known[one].place for one in known})
        self.deliveries += done.deliveries
        events = done.events if done.deliveries else ()
        for tap in tuple(self.taps):
            tap(done.endpoints, events)
        return bool(done.places)

    def _set_aside(self, home_id: str) -> None:
        del self._behind[home_id]
        self._aside[home_id] = self._clock.monotonic() + ASIDE_SECONDS

    def _caught_up(self, places: Mapping[str, int]) -> None:
        """Homes are planned up to these places; what was told meanwhile may be beyond."""
        for home_id, place in places.items():
            if home_id not in self._followed or place >= self._feed.place(home_id):
                self._behind.pop(home_id, None)

    async def _read(self, held: Sequence[Held]) -> None:
        """Read documents; one that the graph does not know any more asks for everything.

        Its deliveries then fail, for their partner to see, and can be repeated.
        """
        if len(self._documents) + len(held) > DOCUMENTS:
            self._documents.clear()
        for one in held:
            endpoint = one.endpoint
            try:
                found = await self._mirror.document(endpoint.document, endpoint.variables)
            except Invalid:
                found = None
            self._documents[endpoint.id, one.version] = found

    # What follows is the judge of one transaction, and must not wait.

    def clients(self, home_ids: Collection[str]) -> Collection[str]:
        """`core.store.planning.Judge.clients`."""
        return [
            client_id
            for client_id in self._clients
            if any(self._gives(client_id, home_id) for home_id in home_ids)
        ]

    def chosen(
        self, event: Event, rooms: Mapping[str, str | None], held: Sequence[Held]
    ) -> Sequence[Held]:
        """`core.store.planning.Judge.chosen`."""
        unread = [one for one in held if (one.endpoint.id, one.version) not in self._documents]
        if unread:
            raise _Unread(unread)
        grants: dict[str, list[Grant]] = {}
        found = []
        for one in held:
            endpoint = one.endpoint
            if endpoint.created_at > event.occurred_at or not endpoint.wants(event.type):
                continue
            document = self._documents[endpoint.id, one.version]
            if document is not None and not document.wanted.matches(event):
                continue
            client_id = endpoint.client_id
            if client_id not in grants:
                grants[client_id] = self._cover.grants(client_id, event, rooms)
            if any(self._cover.opens(client_id, grant, document) for grant in grants[client_id]):
                found.append(one)
        return found


class _Unread(Exception):
    """Documents are not known here yet: they are read, and the work is done again."""

    def __init__(self, held: Sequence[Held]) -> None:
        super().__init__()
        self.held = held


def _pages(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + HOMES] for start in range(0, len(ids), HOMES))
