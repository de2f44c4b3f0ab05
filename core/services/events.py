"""Events for those who watch: which homes a wish speaks of, and pages of the log to catch up by."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from core.domain.accounts import Viewer
from core.domain.errors import Missing
from core.domain.events import Event, Gap, GapReason
from core.domain.ports import Wanted
from core.store.logs import Logs
from core.store.reads import Reads

PAGE = 200
"""Events of one home that are read at a time; of many homes at most five times as many in all."""
READERS = 4


class Events:
    """Reads the logs for taps. A slot is held for one page, so catching up is no storm."""

    def __init__(self, logs: Logs, reads: Reads) -> None:
        """Read from this store."""
        self._logs = logs
        self._reads = reads
        self._slots = asyncio.Semaphore(READERS)

    async def homes_named(self, viewer: Viewer, wanted: Wanted) -> frozenset[str] | None:
        """The homes of what is named, or None where nothing is.

        Raises:
            Missing: a named home or device is not there for this viewer.
        """
        view, home_id = viewer.grant.view, wanted.home_id
        if home_id is not None and home_id not in view.homes:
            sentence = f"There is no home {home_id}."
            raise Missing(sentence)
        if wanted.device_ids is None:
            return None if home_id is None else frozenset({home_id})
        found = await self._reads.devices_by_id(view, wanted.device_ids)
        if hidden := sorted(wanted.device_ids - found.keys()):
            sentence = f"There is no device {hidden[0]}."
            raise Missing(sentence)
        homes = frozenset(device.home.id for device in found.values())
        return homes if home_id is None else homes & {home_id}

    async def page(
        self, places: Mapping[str, int], heads: Mapping[str, int], wanted: Wanted
    ) -> tuple[Sequence[Event], Mapping[str, int]]:
        """The next wanted events of these homes by time, between `places` and `heads`.

        With them the places that are reached once they have been shown; empty where more follows.
        """
        events: list[_Dated] = []
        horizon: datetime | None = None
        each = max(1, 5 * PAGE // (4 + len(heads)))  # readers who stall hold a page, of any homes
        for home_id, head in heads.items():
            async with self._slots:
                page = await self._logs.events(
                    home_id, places[home_id], each, wanted.types, wanted.device_ids
                )
            dated = _dated(page)
            events += [one for one in dated if one.event.place <= head]
            more = len(page) == each and dated[-1].event.place < head
            if more and (horizon is None or dated[-1].when < horizon):
                horizon = dated[-1].when
        events.sort(key=lambda one: (one.when, one.event.home.id, one.event.place))
        if horizon is None:
            return [one.event for one in events], heads
        return [one.event for one in events if one.when <= horizon], {}

    async def begins(self, home_ids: Collection[str]) -> Mapping[str, int]:
        """The place in each home's log after which it is kept."""
        floors = await self._logs.floors(home_ids)
        return {one: floors[one].place if one in floors else 0 for one in home_ids}

    async def gap(self, places: Mapping[str, int]) -> Gap | None:
        """What is missing of these homes' logs after these places; None where nothing is.

        To know it of events that were read from these places on, ask once they have been read. A
        log's beginning only ever moves on, in the transaction that deletes what is before it: where
        it is not beyond a place afterwards, everything after that place was there. Asked before,
        what is deleted in between would be missed by nobody. The other way round there may be a gap
        of events that were just read: whoever reads again, from the gap's places, knows for sure.
        """
        floors = await self._logs.floors(places.keys())
        lost = {one: floor for one, floor in floors.items() if places[one] < floor.place}
        if not lost:
            return None
        since = _whole_minute(max(floor.since for floor in lost.values()))
        begins = {one: floor.place for one, floor in lost.items()}
        return Gap(GapReason.RETENTION, since, begins)


def _whole_minute(moment: datetime) -> datetime:
    """The moment, or the first whole minute after it."""
    whole = moment.replace(second=0, microsecond=0)
    return whole if whole == moment else whole + timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class _Dated:
    event: Event
    when: datetime


def _dated(page: Sequence[Event]) -> list[_Dated]:
    """Events of one home with times that never go back, whichever clocks they were told by.

    The order of places is the truth: an event sorted before its home's earlier one would make that
    one seem to have been shown already.
    """
    times = accumulate((event.occurred_at for event in page), max)
    return list(map(_Dated, page, times))
