"""The outbox: what a process that sends asks of the store, and whether a delivery may still go."""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final

from core import observe
from core.domain.deliveries import Move, moved
from core.domain.errors import Invalid, Unavailable
from core.domain.events import Event
from core.domain.grants import Grant
from core.domain.mirrors import Mirrored
from core.domain.ports import Clock, Ids
from core.domain.sending import Account, Colleague, Held, Parcel, Queue, Recorded, Settled, gifts
from core.services.covering import Cover
from core.services.letters import Letter, Letters
from core.snapshots.access import Access
from core.snapshots.rosters import Roster, Rosters
from core.store.parcels import Parcels
from core.store.sends import LEASE_SECONDS, Sends
from core.store.workers import Workers

log = observe.logger(__name__)

ROSTERS: Final = 1_000
"""Homes of which it is held ready who is where."""
EVENTS: Final = 2_000
"""Events that are held ready: each is mostly sent to several endpoints."""
TRUST_SECONDS: Final = LEASE_SECONDS - 2
"""So long after it was asked for a lease is relied on."""
GONE: Final = "The event is no longer kept, so it cannot be sent."
TAKEN_BACK: Final = "The access by which it would have been sent was taken back."
UNOPENED: Final = "No grant that covers it opens all that the document selects."
DEFECT: Final = "It could not be written, by a defect of ours: please report it."

Run = Sequence[Parcel]
"""Deliveries of one lane, in order."""


class Outbox:
    """What waits to be sent; one for each process that sends."""

    def __init__(
        self,
        sends: Sends,
        parcels: Parcels,
        workers: Workers,
        letters: Letters,
        access: Access,
        rosters: Rosters,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Nothing is leased yet."""
        self._sends = sends
        self._parcels = parcels
        self._workers = workers
        self._letters = letters
        self._access = access
        self._cover = Cover(access)
        self._rosters = rosters
        self._clock = clock
        self._ids = ids
        self._events: OrderedDict[tuple[str, int], Event] = OrderedDict()
        self._here: OrderedDict[str, Roster] = OrderedDict()
        self._judged: dict[tuple[str, str], _Judged] = {}
        self.life = ids.new("worker")
        """As whom this process leases."""

    def another(self) -> "Outbox":
        """One more of this process, which leases for itself and holds nothing in common."""
        parts = self._sends, self._parcels, self._workers, self._letters
        return Outbox(*parts, self._access, self._rosters, self._clock, self._ids)

    async def shared(self, behind: int, room: int) -> Sequence[str]:
        """Tell all that send at how many endpoints one is behind, and for how many it has room.

        Whoever is to be given one of these, for each: `core.domain.sending.gifts`.

        Raises:
            Unavailable: the database does not answer.
        """
        me = Colleague(self.life, behind, room)
        return gifts(me, await self._workers.here(me))

    async def gone(self) -> None:
        """Be known no more.

        Raises:
            Unavailable: the database does not answer.
        """
        await self._workers.gone(self.life)

    async def lease(self, most: int) -> Sequence[Held]:
        """Endpoints that something is due at, from now on this process's for a while.

        Raises:
            Unavailable: the database does not answer.
        """
        return await self._sends.lease(self.life, self._clock.now(), most)

    async def renew(self, ids: Collection[str]) -> Mapping[str, int]:
        """Keep these; those that still are this process's, with their versions.

        Raises:
            Unavailable: the database does not answer.
        """
        return await self._sends.renew(self.life, ids)

    async def release(self, held: Held, seconds: float, to: str | None = None) -> None:
        """Leave an endpoint to others, or to this one first; nothing is to be sent for so long.

        Raises:
            Unavailable: the database does not answer.
        """
        now = self._clock.now()
        not_before = now + timedelta(seconds=max(0.0, seconds))
        await self._sends.release(self.life, held, now, not_before, to)

    async def discard(self, held: Held) -> None:
        """Have a leased endpoint be gone, with all that waits for it.

        Raises:
            Unavailable: the database does not answer.
        """
        await self._sends.discard(self.life, held)

    async def waits(self) -> bool:
        """Whether something is due at an endpoint that nobody sends to.

        Raises:
            Unavailable: the database does not answer.
        """
        return await self._sends.waits(self.life, self._clock.now())

    async def take(self, held: Held, busy: Collection[str], most: int) -> Sequence[Run]:
        """What is due at an endpoint, lane by lane, but for the lanes that are busy.

        Raises:
            Unavailable: the database does not answer.
        """
        limit = most + len(busy)
        now = self._clock.now()
        due = await self._parcels.due(held.endpoint.id, now, limit)
        firsts = [one for one in due if one.lane not in busy][:most]
        lined = [one for one in firsts if one.lane != one.delivery.id]
        behind = await self._parcels.behind(lined, now) if lined else {}
        runs = [(one, *behind.get(one.lane, ())) for one in firsts]
        await self._fetch([one for run in runs for one in run])
        return runs

    async def record(self, accounts: Mapping[str, Account]) -> Mapping[str, Recorded]:
        """Write down what became of deliveries.

        Raises:
            Unavailable: the database does not answer.
        """
        return await self._sends.record(self.life, accounts)

    async def queue(self) -> Queue:
        """How much waits, to be sent by any process.

        Raises:
            Unavailable: the database does not answer.
        """
        return await self._parcels.queue(self._clock.now())

    def remember(self, events: Collection[Event]) -> None:
        """Hold events ready that were just planned."""
        for event in events:
            self._events[event.home.id, event.place] = event
        while len(self._events) > EVENTS:
            self._events.popitem(last=False)

    async def letter(self, held: Held, parcel: Parcel) -> Letter | Settled:
        """The request of an attempt that is made now; or how the delivery ends without one.

        Raises:
            Unavailable: it cannot be known now whether it may be sent.
        """
        event = parcel.event
        if event is None:
            return self._ended(parcel, Move.GIVE_UP, GONE)
        try:
            document = await self._letters.document(held)
            if not parcel.test:
                self._access.check()
                roster = await self._roster(event.home.id)
                judged = self._judge(held.endpoint.client_id, event, roster)
                if not judged.opens(document):
                    return self._ended(parcel, Move.CANCEL, judged.why)
            return self._letters.write(
                held,
                document,
                parcel.delivery,
                event,
                self._clock.now(),
                stale=parcel.stale,
                test=parcel.test,
            )
        except Invalid as error:
            return self._ended(parcel, Move.PARK, str(error))
        except Unavailable:
            raise
        except Exception:  # it would come first again and again, and keep all others waiting
            log.exception("letter_failed", delivery_id=parcel.delivery.id)
            return self._ended(parcel, Move.PARK, DEFECT)

    def _judge(self, client_id: str, event: Event, roster: Roster) -> "_Judged":
        """By whose grants a client may be sent an event now: the same for all its endpoints."""
        key, known = (client_id, event.id), (self._access.place, roster, roster.moves)
        judged = self._judged.get(key)
        if judged is None or judged.known != known:
            if len(self._judged) >= EVENTS:
                self._judged.clear()
            grants = self._cover.grants(client_id, event, roster.rooms)
            judged = self._judged[key] = _Judged(known, self._cover, client_id, grants)
        return judged

    def close(self) -> None:
        """Hold nothing any more."""
        for roster in self._here.values():
            self._rosters.give_back(roster)
        self._here.clear()

    def _ended(self, parcel: Parcel, move: Move, why: str) -> Settled:
        return Settled(parcel, moved(parcel.delivery, move, self._clock.now(), why))

    async def _fetch(self, parcels: Sequence[Parcel]) -> None:
        """Put into each the event that it is of, where the log still holds it."""
        bare = [one for one in parcels if one.event is None]
        places = {(one.delivery.home_id, one.delivery.place) for one in bare}
        here = {key: self._events[key] for key in places if key in self._events}
        if lacking := places - here.keys():
            found = await self._parcels.events(lacking)
            here |= {(event.home.id, event.place): event for event in found}
            self.remember(found)
        for one in bare:
            one.event = here.get((one.delivery.home_id, one.delivery.place))

    async def _roster(self, home_id: str) -> Roster:
        roster = self._here.get(home_id)
        if roster is not None and not roster.lapsed:
            self._here.move_to_end(home_id)
            return roster
        taken = await self._rosters.take(home_id)
        if (before := self._here.pop(home_id, None)) is not None:
            self._rosters.give_back(before)
        self._here[home_id] = taken
        while len(self._here) > ROSTERS:
            self._rosters.give_back(self._here.popitem(last=False)[1])
        return taken


class _Judged:
    """Who may be sent an event, by what was `known` then."""

    __slots__ = ("_client_id", "_cover", "_grants", "_opens", "known")

    def __init__(
        self, known: tuple[int, Roster, int], cover: Cover, client_id: str, grants: list[Grant]
    ) -> None:
        self.known = known
        self._cover = cover
        self._client_id = client_id
        self._grants = grants
        self._opens: dict[Mirrored, bool] = {}

    @property
    def why(self) -> str:
        """Why not, where it may not."""
        return UNOPENED if self._grants else TAKEN_BACK

    def opens(self, document: Mirrored) -> bool:
        """Whether one of the grants opens all of this document."""
        found = self._opens.get(document)
        if found is None:
            ours = self._client_id
            found = any(self._cover.opens(ours, grant, document) for grant in self._grants)
            self._opens[document] = found
        return found
