"""The hub: where events meet who watches. It stands behind the port `Live`.

A watch holds, for each of its homes, the place up to which its reader has been shown the log. While
it is live, new events wait in its queue; a reader that is slower than its events loses the queue
and reads on from the log by its places until it has caught up. So a watch never grows, and loses
nothing and repeats nothing.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, field

from core import observe
from core.domain.accounts import Viewer
from core.domain.errors import Invalid, Refused, Unauthenticated, Unavailable
from core.domain.events import Entry, Event
from core.domain.grants import Scope
from core.domain.ports import Clock, Seen, Wanted
from core.feed import Feed
from core.services.events import Events
from core.snapshots.access import Access
from core.snapshots.rosters import Roster, Rosters
from core.tokens import Cursors
from core.tokens.cursors import MOST_HOMES

log = observe.logger(__name__)

QUEUE = 256
RETRY_SECONDS = 0.5


@dataclass(slots=True, eq=False)
class Watch:
    """One reader: where it is in each home, and what has happened since."""

    viewer: Viewer
    wanted: Wanted
    named: frozenset[str] | None
    """The homes that were asked for; None: whatever the grant shows, as it changes."""
    places: dict[str, int] = field(default_factory=dict)
    rosters: dict[str, Roster] = field(default_factory=dict)
    queue: deque[Event] = field(default_factory=deque)
    live: bool = False
    stale: bool = True
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def told(self, entry: Entry) -> None:
        """The feed has the next event of one of the homes."""
        if not self.live or not isinstance(entry, Event):
            return
        if len(self.queue) >= QUEUE:
            self.fall_back()
        else:
            self.queue.append(entry)
        self.news.set()

    def fall_back(self) -> None:
        """Read on from the log, from where the reader is."""
        self.live = False
        self.queue.clear()

    def reach(self, heads: Mapping[str, int]) -> None:
        """Everything up to these places has been passed by, shown or not."""
        for home_id, head in heads.items():
            if home_id in self.places:
                self.places[home_id] = max(head, self.places[home_id])

    def changed(self) -> None:
        """Something about the grant has changed."""
        self.stale = True
        self.news.set()

    def pass_by(self, event: Event) -> bool:
        """Move on to this event; whether it is one to be shown."""
        home_id = event.home.id
        if event.place <= self.places.get(home_id, event.place):
            return False
        self.places[home_id] = event.place
        return self.wanted.matches(event) and self.viewer.grant.shows(
            event, self.rosters[home_id].rooms
        )


class Watching(AsyncIterator[Seen]):
    """What a reader holds. Closing it ends the watch, even one that was never read."""

    def __init__(
        self, watch: Watch, shown: AsyncGenerator[Seen, None], ends: ExitStack, cursors: Cursors
    ) -> None:
        """Show these events; `ends` is how the watch ends, once."""
        self._watch = watch
        self._shown = shown
        self._ends = ends
        self._cursors = cursors
        self._out = False

    async def __anext__(self) -> Seen:
        """The next event."""
        self._out = False
        try:
            return await anext(self._shown)
        finally:
            # Nothing is awaited between the event's place being passed and this. After the end,
            # too, the places are nothing to go on from.
            self._out = True

    @property
    def cursor(self) -> str | None:
        """Where the reader is; see `core.domain.ports.Watching`."""
        if self._out:
            return None
        return self._cursors.places(self._watch.viewer.grant.id, self._watch.places)

    def renew(self, viewer: Viewer) -> None:
        """Go on with a token that ends later."""
        self._watch.viewer = viewer
        self._watch.changed()

    async def aclose(self) -> None:
        """Watch no more."""
        await self._shown.aclose()
        self._ends.close()


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
        self._events_of = events
        self._feed = feed
        self._rosters = rosters
        self._access = access
        self._cursors = cursors
        self._clock = clock

    async def watch(self, viewer: Viewer, wanted: Wanted, after: str | None) -> Watching:
        """Events from `after` (or from now), then live; see `core.domain.ports.Live`."""
        viewer = self._access.again(viewer)
        watch = Watch(viewer, wanted, await self._events_of.homes_named(viewer, wanted))
        places = self._cursors.open_places(viewer.grant.id, after) if after is not None else {}
        with ExitStack() as ends:
            ends.callback(self._leave, watch, watch.rosters)
            ends.callback(self._access.watch(viewer.grant.id, watch.changed))
            await self._refresh(watch, places)
            kept = ends.pop_all()
        return Watching(watch, self._seen(watch, kept), kept, self._cursors)

    async def _seen(self, watch: Watch, ends: ExitStack) -> AsyncGenerator[Seen, None]:
        with ends:
            async with aclosing(self._events(watch)) as events:
                async for event in events:
                    cursor = self._cursors.places(watch.viewer.grant.id, watch.places)
                    yield Seen(event, cursor)

    async def _events(self, watch: Watch) -> AsyncGenerator[Event, None]:
        while True:
            try:
                if watch.stale:
                    await self._refresh(watch)
                if watch.live and not watch.queue and not watch.stale:
                    await self._wait(watch)
                if self._feed.stale():
                    raise _unknown()
                events, heads = await self._next(watch)
            except Unavailable:
                log.warning("watch_waits", grant=watch.viewer.grant.id)
                await self._clock.sleep(RETRY_SECONDS)
                continue
            for event in events:
                if watch.stale or self._feed.stale():
                    watch.fall_back()  # what is left is read again, by who may still see it
                    break
                if watch.viewer.expires_at <= self._clock.now():
                    raise _expired()
                if watch.pass_by(event):
                    yield event
            else:
                watch.reach(heads)

    async def _next(self, watch: Watch) -> tuple[Sequence[Event], Mapping[str, int]]:
        """What has happened since, and the places that are reached with it.

        Makes the watch live once it knows what the feed knows.
        """
        if watch.live:
            return ((watch.queue.popleft(),) if watch.queue else ()), {}
        heads = {home: self._feed.place(home) for home in watch.places}
        behind = {home: head for home, head in heads.items() if watch.places[home] < head}
        if behind:
            return await self._events_of.page(watch.places, behind, watch.wanted)
        watch.live = True  # nothing was awaited since the look at the feed
        return (), {}

    async def _wait(self, watch: Watch) -> None:
        watch.news.clear()
        left = (watch.viewer.expires_at - self._clock.now()).total_seconds()
        try:
            async with asyncio.timeout(max(left, 0)):
                await watch.news.wait()
        except TimeoutError:
            raise _expired() from None

    async def _refresh(self, watch: Watch, after: Mapping[str, int] | None = None) -> None:
        """Look again at who watches: homes may have come or gone, or everything be over.

        A watch begins at the places of `after`. A home that joins it later is shown from where its
        share began, so that nothing is lost between the sharing and the joining.
        """
        watch.stale = False
        try:
            watch.viewer = self._access.again(watch.viewer)
            homes = _homes(watch)
            self._leave(watch, watch.rosters.keys() - homes)
            for home_id in sorted(homes - watch.rosters.keys()):
                joined = _shared(watch.viewer, home_id) if after is None else after.get(home_id)
                await self._join(watch, home_id, joined)
        except Unavailable:
            watch.stale = True
            raise

    async def _join(self, watch: Watch, home_id: str, place: int | None) -> None:
        roster = await self._rosters.take(home_id)
        try:
            head = await self._feed.follow(home_id, watch.told)
        except BaseException:
            self._rosters.give_back(roster)
            raise
        watch.rosters[home_id] = roster
        began = watch.viewer.grant.began(home_id)
        watch.places[home_id] = head if place is None else max(place, began)
        if watch.places[home_id] < head:
            watch.fall_back()

    def _leave(self, watch: Watch, homes: Iterable[str]) -> None:
        for home_id in tuple(homes):
            self._feed.drop(home_id, watch.told)
            self._rosters.give_back(watch.rosters.pop(home_id))
            del watch.places[home_id]


def _homes(watch: Watch) -> frozenset[str]:
    """The homes that the viewer, as of now, watches."""
    if Scope.EVENTS_SUBSCRIBE not in watch.viewer.scopes:
        sentence = "The grant no longer has the scope events:subscribe."
        raise Refused(sentence, (Scope.EVENTS_SUBSCRIBE.value,))
    shown = watch.viewer.grant.view.homes
    homes = shown if watch.named is None else shown & watch.named
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


def _unknown() -> Unavailable:
    return Unavailable("Access cannot be checked now; try again in a moment.")


def _expired() -> Unauthenticated:
    return Unauthenticated("The access token has expired; ask for a new one.", expired=True)
