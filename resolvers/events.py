"""Events: the log page by page, and live. Shown is what the grant covered then and covers now."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from core.domain.devices import spoken
from core.domain.errors import Invalid, Missing
from core.domain.events import Event, EventType, Gap
from core.domain.grants import Grant
from core.domain.ports import EVERYTHING, Delivery, Manner, Wanted
from core.domain.seen import Seen
from core.tokens.cursors import MOST_HOMES
from resolvers import devices, homes
from resolvers.answers import settled
from resolvers.asking import Ask
from resolvers.merge import Merge
from resolvers.paging import Page, sized

MOST_DEVICES: Final = 100
LONGEST_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Asked:
    """Which events are asked for, as a partner names them; None leaves a condition out."""

    types: Collection[EventType] | None = None
    device_ids: Collection[str] | None = None
    home_id: str | None = None


@dataclass(slots=True)
class LogPage(Page[Event]):
    """A page of the log, and what is missing before it; looked for when asked for."""

    look: Callable[[], Awaitable[Gap | None]] | None = None

    @property
    def gap(self) -> Awaitable[Gap | None]:
        """What was not kept of what comes after the page's `after`; None where all was."""
        if self.look is None:
            sentence = "this page was not read from the log"
            raise LookupError(sentence)
        return self.look()


def manner(delivery: Delivery | None, interval_ms: int | None) -> Manner:
    """How events are to be handed out.

    Raises:
        Invalid: the interval is out of range, or goes with nothing that could be left out.
    """
    interval = interval_ms or 0
    if not 0 <= interval <= LONGEST_MS:
        sentence = f"minIntervalMs is {interval}; give 0 to {LONGEST_MS} milliseconds."
        raise Invalid(sentence, "minIntervalMs")
    if interval and delivery is not Delivery.LATEST:
        sentence = "minIntervalMs goes with delivery: LATEST, since with ALL nothing is left out."
        raise Invalid(sentence, "minIntervalMs")
    if delivery is not Delivery.LATEST:
        return EVERYTHING
    return Manner(Delivery.LATEST, interval / 1_000)


async def watch(
    ask: Ask, asked: Asked, after: str | None, manner: Manner = EVERYTHING
) -> AsyncIterator[Seen]:
    """What happens from now on, or from the place of a cursor.

    Whether what is named is there, `Live` sees: what it opens outlives this look.

    Raises:
        Invalid: a condition leaves nothing, or the cursor is not one of this grant's log.
        Missing: a named home or device is missing or hidden.
    """
    return await ask.live.watch(ask.who, _conditions(asked), after, manner)


async def listed(ask: Ask, asked: Asked, first: int | None, after: str | None) -> LogPage:
    """A page of the log, oldest first.

    Its end cursor is how far was read, so a page that found little goes on where it stopped.

    Raises:
        Invalid: first is out of range, a condition leaves nothing, the cursor is not one of this
            grant's log, or there are more homes than a cursor holds.
        Missing: a named home or device is missing or hidden.
    """
    size = sized(first, "first")
    grant = ask.who.grant
    wanted = _conditions(asked)
    home_ids = await _homes(ask, asked)
    if len(home_ids) > MOST_HOMES:
        sentence = (
            f"This would read {len(home_ids)} homes, and a cursor holds at most {MOST_HOMES}: "
            "name one with filter.homeId."
        )
        raise Invalid(sentence, "filter.homeId")
    start = ask.cursors.open_places(grant.id, after) if after is not None else {}
    places = await _places(ask, home_ids, start)

    async def read(home_id: str, place: int, limit: int) -> Sequence[Event]:
        only, or_home = _only(grant, home_id, wanted)
        return await ask.loaders.events(home_id, place, limit, wanted.types, only, or_home=or_home)

    chunk = 2 * (size + 1) // max(1, len(places)) + 1
    merge = Merge(read, places, chunk, ask.budget)
    found, more = await _collect(ask, merge, wanted, size)
    ask.loaders.remember(event for event, _ in found)
    seal = ask.cursors.of_grant(grant.id)
    return LogPage(
        nodes=[event for event, _ in found],
        seal=lambda at: seal(found[at][1]),
        less=after is not None,
        more=more,
        end=partial(seal, dict(merge.places)),
        look=partial(ask.services.events.gap, places),
    )


def changed(event: Event) -> list[str]:
    """The attributes that an event changed, as the graph names them."""
    return [spoken(name) for name in event.changed]


async def _places(ask: Ask, home_ids: Collection[str], start: Mapping[str, int]) -> dict[str, int]:
    """Where to read each home from: where the cursor is, else from the start of what is kept."""
    fresh = [one for one in home_ids if one not in start]
    places = {**start, **await ask.services.events.begins(fresh)} if fresh else start
    return {one: max(places[one], ask.who.grant.began(one)) for one in sorted(home_ids)}


async def _collect(
    ask: Ask, merge: Merge, wanted: Wanted, size: int
) -> tuple[list[tuple[Event, Mapping[str, int]]], bool]:
    """The next shown events, each with the places reached by it, and whether there are more."""
    grant = ask.who.grant
    rooms: dict[str, Mapping[str, str | None]] = {}
    found: list[tuple[Event, Mapping[str, int]]] = []
    while (event := await merge.peek()) is not None:
        home_id = event.home.id
        if home_id not in rooms:
            rooms[home_id] = await ask.loaders.whereabouts(home_id)
        shown = wanted.matches(event) and grant.shows(event, rooms[home_id])
        if shown and len(found) == size:
            return found, True
        merge.take(event)
        if shown:
            found.append((event, dict(merge.places)))
    return found, merge.spent


def _conditions(asked: Asked) -> Wanted:
    """What is asked for, whether it is there or not.

    Raises:
        Invalid: a condition leaves nothing, or names too many.
    """
    for name, given in (("types", asked.types), ("deviceIds", asked.device_ids)):
        if given is not None and not given:
            sentence = (
                f"{name} is empty, so nothing would match: name at least one or leave it out."
            )
            raise Invalid(sentence, name)
    if asked.device_ids is not None and len(asked.device_ids) > MOST_DEVICES:
        sentence = f"deviceIds has {len(asked.device_ids)} entries; give at most {MOST_DEVICES}."
        raise Invalid(sentence, "deviceIds")
    return Wanted(
        types=None if asked.types is None else frozenset(asked.types),
        device_ids=None if asked.device_ids is None else frozenset(asked.device_ids),
        home_id=asked.home_id,
    )


async def _homes(ask: Ask, asked: Asked) -> frozenset[str]:
    """The homes where it can happen, once what is named is known to be there.

    Raises:
        Missing: a named home or device is missing or hidden.
    """
    home_ids = ask.who.grant.view.homes
    if asked.home_id is not None:
        if await settled(homes.find(ask, asked.home_id)) is None:
            sentence = f"There is no home {asked.home_id}."
            raise Missing(sentence)
        home_ids = frozenset({asked.home_id})
    if asked.device_ids is not None:
        named = await devices.all_named(ask, asked.device_ids)
        home_ids &= {device.home.id for device in named}
    return home_ids


def _only(grant: Grant, home_id: str, wanted: Wanted) -> tuple[Collection[str] | None, bool]:
    """The devices whose events alone can be shown of a home, None where that cannot be said.

    And whether those of the home itself can be shown besides: a grant that never held more of this
    home than single devices shows the events of those, and those of the home.
    """
    shares = [share for share in grant.shares if share.home_id == home_id]
    if any(share.device_id is None for share in shares):
        return wanted.device_ids, False
    ids = frozenset(share.device_id for share in shares if share.device_id is not None)
    if wanted.device_ids is not None:
        return ids & wanted.device_ids, False
    return ids, True
