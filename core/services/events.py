"""Events for those who watch: which homes a wish speaks of, and pages of the log to catch up by."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime

from core.domain.accounts import Viewer
from core.domain.errors import Missing
from core.domain.events import Event
from core.domain.ports import Wanted
from core.store.logs import Logs
from core.store.reads import Reads

PAGE = 200
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
        events: list[Event] = []
        horizon: datetime | None = None
        for home_id, head in heads.items():
            async with self._slots:
                page = await self._logs.events(
                    home_id, places[home_id], PAGE, wanted.types, wanted.device_ids
                )
            events += [event for event in page if event.place <= head]
            if len(page) == PAGE and (horizon is None or page[-1].occurred_at < horizon):
                horizon = page[-1].occurred_at
        events.sort(key=lambda event: (event.occurred_at, event.home.id, event.place))
        if horizon is None:
            return events, heads
        return [event for event in events if event.occurred_at <= horizon], {}
