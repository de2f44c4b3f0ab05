"""The hub: where events meet who watches. It stands behind the port `Live`.

It opens watches, has each read on from the log until it is where the feed is, and then leaves it
to the rooms of its homes, which need no task for it. Whatever changes who may see what has the
watch look again, and read on from where its reader is.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Mapping

from core import observe
from core.domain.accounts import Viewer
from core.domain.errors import Invalid, Refused, Unavailable, expired
from core.domain.grants import Scope
from core.domain.ports import EVERYTHING, Clock, Manner, Wanted
from core.domain.seen import Seen
from core.feed import Feed
from core.services.events import Events
from core.snapshots.access import Access
from core.snapshots.rosters import Rosters
from core.tokens import Cursors
from core.tokens.cursors import MOST_HOMES
from subscriptions.moment import Moment
from subscriptions.pump import Pump
from subscriptions.rooms import Rooms
from subscriptions.watch import Watch

log = observe.logger(__name__)

RETRY_SECONDS = 0.5
AHEAD_SECONDS = 0.05
MOMENT_SECONDS = 0.02
"""So long the time is taken as it was: a turn of the pump is over by then, unless it is held up."""


class Watching(AsyncIterator[Seen]):
    """What a reader holds. The watch ends with it, even one that was dropped and not closed."""

    __slots__ = ("_news", "_watch", "passed", "take")

    def __init__(self, watch: Watch) -> None:
        """Hold this one."""
        self._watch = watch
        self._news: asyncio.Event | None = None
        self.take = watch.take
        """The next event, if there is one now."""

        self.passed = watch.passed

    def __del__(self) -> None:
        """Nobody can read it any more."""
        self.close()

    def close(self) -> None:
        """Watch no more."""
        self._watch.end(StopAsyncIteration)

    async def aclose(self) -> None:
        """As `close` does, for who expects a generator."""
        self.close()

    def attach(self, alike: Hashable, ready: Callable[[str], None]) -> None:
        """Have events ready to be taken; see `core.domain.ports.Watching`."""
        self._watch.attach(alike, ready)

    def lag(self) -> None:
        """Hold nothing for a reader that has stopped reading."""
        self._watch.lag()

    @property
    def cursor(self) -> str | None:
        """Where the reader is; see `core.domain.ports.Watching`."""
        return self._watch.cursor

    def renew(self, viewer: Viewer) -> None:
        """Go on with a token that ends later."""
        self._watch.changed()
        self._watch.viewer = viewer

    async def __anext__(self) -> Seen:
        """The next event."""
        if self._news is None:
            self._news = news = asyncio.Event()
            self.attach(None, lambda _: news.set())
        while (seen := self.take()) is None:
            self._news.clear()
            await self._wait(self._news)
        return seen

    async def _wait(self, news: asyncio.Event) -> None:
        left = (self._watch.viewer.expires_at - self._watch.parts.clock.now()).total_seconds()
        try:
            async with asyncio.timeout(max(left, 0)):
                await news.wait()
        except TimeoutError:
            raise expired() from None


class Hub:
    """Opens watches on this process's feed."""

    def __init__(
        self,
        events: Events,
        feed: Feed,
        rosters: Rosters,
        access: Access,
        cursors: Cursors,
        clock: Clock,
    ) -> None:
        """Nobody watches yet."""
        self.feed = feed
        self.cursors = cursors
        self.clock = clock
        self.watches = 0
        """How many are open."""

        self.behind = 0
        """How many of them are not live: they are looked at again, or read on from the log."""

        self.fallen = 0
        """How often one was live and its reader too slow."""

        self._events_of = events
        self._access = access
        self.current: Moment | None = None
        """The moment of this turn of the pump, which takes a few milliseconds."""

        self.pump = Pump(self._look, self._look_away)
        """Whose turn it is; whatever writes for those who watch here waits for it."""

        self._rooms = Rooms(feed, rosters, cursors, self.pump)

    async def watch(
        self, viewer: Viewer, wanted: Wanted, after: str | None, manner: Manner = EVERYTHING
    ) -> Watching:
        """Events from `after` (or from now), then live; see `core.domain.ports.Live`."""
        viewer = self._access.again(viewer)
        named = await self._events_of.homes_named(viewer, wanted)
        if wanted.device_ids is None:
            named = None  # then the one home that may be wanted says it all
        places = self.cursors.open_places(viewer.grant.id, after) if after is not None else {}
        watch = Watch(viewer, wanted, named, manner, self)
        try:
            self.watches += 1
            self._access.watch(viewer.grant.id, watch.changed)
            await self._refresh(watch, places)
        except BaseException:
            watch.end(StopAsyncIteration)
            raise
        return Watching(watch)

    def moment(self) -> Moment:
        """What is to be known now before anything is shown."""
        until = self.clock.monotonic() + MOMENT_SECONDS
        return Moment(self.clock.now(), self.feed.stale(), until)

    def catch_up(self, watch: Watch) -> None:
        """See that a watch becomes live, unless nobody reads it."""
        if watch.live or watch.error is not None or watch.ready is None or watch.task is not None:
            return
        if not watch.stale and not watch.full and self._enter(watch):
            return
        watch.task = asyncio.create_task(self._catch_up(watch))

    def let_go(self, watch: Watch) -> None:
        """Leave nothing of a watch that has ended."""
        self.watches -= 1
        self._access.unwatch(watch.viewer.grant.id, watch.changed)
        if watch.task is not None:
            watch.task.cancel()
        self._leave(watch, watch.rooms)

    def _look(self) -> None:
        self.current = self.moment()

    def _look_away(self) -> None:
        self.current = None

    async def _catch_up(self, watch: Watch) -> None:
        self.behind += 1
        try:
            while not watch.live:
                try:
                    if watch.stale:
                        await self._refresh(watch)
                    elif watch.full:
                        await watch.woken()
                    else:
                        await self._read_on(watch)
                except Unavailable:
                    log.warning("watch_waits", grant=watch.viewer.grant.id)
                    await self.clock.sleep(RETRY_SECONDS)
        except Exception as error:  # noqa: BLE001 - whatever it is, its reader is told, and judges
            watch.task = None
            watch.end(error)
        finally:
            self.behind -= 1
            watch.task = None

    async def _read_on(self, watch: Watch) -> None:
        """Have the next page of the log taken, or make it live where there is none."""
        if self.feed.stale():
            sentence = "Access cannot be checked now; try again in a moment."
            raise Unavailable(sentence)
        if watch.lapsed:
            watch.changed()
            return
        if self._enter(watch):
            return
        heads = {home_id: self.feed.place(home_id) for home_id in watch.places}
        behind = {home_id: head for home_id, head in heads.items() if watch.places[home_id] < head}
        if not behind:  # another process has shown more than is known of here
            for home_id, place in watch.places.items():
                self.feed.expect(home_id, place)
            await self.clock.sleep(AHEAD_SECONDS)
            return
        begun = {home_id: watch.places[home_id] for home_id in behind}
        events, reached = await self._events_of.page(begun, behind, watch.wanted)
        gap = await self._events_of.gap(begun)
        # Meanwhile its reader may have lost what waited for it, and stand further back.
        moved = any(watch.places.get(home_id) != place for home_id, place in begun.items())
        if moved or watch.stale or watch.lapsed:
            return
        if gap is not None:
            watch.lost(gap)
        else:
            watch.offer(events, reached)

    def _enter(self, watch: Watch) -> bool:
        """Make it live, if it is where the feed is, and knows who is where."""
        if watch.lapsed:
            return False
        if any(place != self.feed.place(home_id) for home_id, place in watch.places.items()):
            return False
        watch.enter()
        return True

    async def _refresh(self, watch: Watch, after: Mapping[str, int] | None = None) -> None:
        """Look again at who watches: homes may have come or gone, or everything be over.

        A watch begins at the places of `after`. A home that joins it later is shown from where its
        share began, so that nothing is lost between the sharing and the joining.
        """
        watch.stale = False
        try:
            watch.viewer = self._access.again(watch.viewer)
            homes = _homes(watch)
            self._leave(watch, watch.rooms.keys() - homes)
            await self._renew_rooms(watch)
            for home_id in sorted(homes - watch.rooms.keys()):
                joined = _shared(watch.viewer, home_id) if after is None else after.get(home_id)
                await self._join(watch, home_id, joined)
        except Unavailable:
            watch.stale = True
            raise

    async def _join(self, watch: Watch, home_id: str, place: int | None) -> None:
        room = await self._rooms.take(home_id)
        watch.rooms[home_id] = room
        began = watch.viewer.grant.began(home_id)
        watch.places[home_id] = self.feed.place(home_id) if place is None else max(place, began)

    async def _renew_rooms(self, watch: Watch) -> None:
        """Leave those whose roster has lapsed, for others of the same homes."""
        for home_id, room in tuple(watch.rooms.items()):
            if room.roster.lapsed:
                watch.rooms[home_id] = await self._rooms.take(home_id)
                self._rooms.give_back(room)

    def _leave(self, watch: Watch, homes: Iterable[str]) -> None:
        for home_id in tuple(homes):
            self._rooms.give_back(watch.rooms.pop(home_id))
            watch.places.pop(home_id, None)


def _homes(watch: Watch) -> frozenset[str]:
    """The homes that the viewer, as of now, watches."""
    if Scope.EVENTS_SUBSCRIBE not in watch.viewer.scopes:
        sentence = "The grant no longer has the scope events:subscribe."
        raise Refused(sentence, (Scope.EVENTS_SUBSCRIBE.value,))
    shown = watch.viewer.grant.view.homes
    homes = shown if watch.named is None else shown & watch.named
    if watch.wanted.home_id is not None:
        homes &= {watch.wanted.home_id}
    if len(homes) > MOST_HOMES:
        sentence = (
            f"This would watch {len(homes)} homes, and one subscription watches at most "
            f"{MOST_HOMES}: name one by its homeId."
        )
        raise Invalid(sentence)
    return homes


def _shared(viewer: Viewer, home_id: str) -> int:
    """The place since which the viewer sees this home, or something of it."""
    shares = viewer.grant.shares
    return min(one.since for one in shares if one.home_id == home_id and one.until is None)
