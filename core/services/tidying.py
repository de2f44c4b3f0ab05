"""Tidying: deliveries that are over end, or go; what was taken back is cancelled before its time.

Each process that sends tidies; several share the work, since whatever one has done is done. It is
done a page at a time, and what a process that is killed has not done, the next look finds.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final

from core import observe
from core.domain.deliveries import DeliveryStatus
from core.domain.errors import Unavailable
from core.domain.ports import Clock
from core.domain.schedule import Schedule
from core.services.consent import Consent
from core.services.outbox import GONE
from core.snapshots.access import Access
from core.store.endpoints import Endpoints
from core.store.tidying import Tidy

log = observe.logger(__name__)

BEAT_SECONDS: Final = 30.0
"""Between two looks at what is over."""
AGAIN_SECONDS: Final = 0.5
"""Before it is tried again where the database does not answer."""
ASIDE_SECONDS: Final = 60.0
"""Before a home is looked at again whose deliveries cannot be judged, which is a defect."""
REST_SECONDS: Final = 0.01
OVERDUE: Final = "Its time was over while its receiver was down; replay it once that is back."


class Tidying:
    """Tidies for this process; `run` is its one task."""

    def __init__(
        self,
        tidy: Tidy,
        endpoints: Endpoints,
        consent: Consent,
        access: Access,
        clock: Clock,
        schedule: Schedule,
        keep: timedelta,
    ) -> None:
        """Keep what has ended for so long, and try what waits for as long as the schedule does."""
        self._tidy = tidy
        self._endpoints = endpoints
        self._consent = consent
        self._access = access
        self._clock = clock
        self._reach = timedelta(seconds=schedule.reach)
        self._keep = keep
        self._touched: dict[tuple[str | None, str], None] = {}
        self._aside: dict[tuple[str | None, str], float] = {}
        self._walked: str | None = ""
        self._looked_at: float | None = None
        self._wake = asyncio.Event()
        self.cancelled = 0
        """Deliveries that this process cancelled, since access was taken back."""

    async def run(self) -> None:
        """Tidy, for ever."""
        down = False
        self._access.taps.append(self._changed)
        self._walked = ""  # what changed before is found by looking at all that waits
        try:
            while True:
                self._wake.clear()
                try:
                    await self._tried(self.consent)
                    await self._chores()
                    down = False
                except Unavailable:
                    if not down:
                        log.warning("tidying_waits", homes=len(self._touched))
                    down = True
                await self._rest(AGAIN_SECONDS if down else BEAT_SECONDS)
        finally:
            self._access.taps.remove(self._changed)

    async def consent(self) -> None:
        """Cancel what waits and nobody shows any more, where access has changed since.

        Raises:
            Unavailable: the database does not answer, or access cannot be known.
        """
        now = self._clock.monotonic()
        for one in [one for one, until in self._aside.items() if until <= now]:
            del self._aside[one]
            self._touched[one] = None
        while self._touched:
            client_id, home_id = one = next(iter(self._touched))
            del self._touched[one]  # first: it may change again meanwhile
            try:
                await self._judge(home_id, client_id)
            except BaseException:
                self._touched[one] = None
                raise
        while self._walked is not None:
            home = await self._tidy.home_after(self._walked)
            if home is not None:
                await self._judge(home, None)
            self._walked = home
            await self._breathe()

    async def look(self) -> None:
        """Do everything that there is to do.

        Raises:
            Unavailable: the database does not answer.
        """
        for step in (
            *(self._swept, self._forget, self._forget_told),
            *(self._gone, self._overdue),
        ):
            await self._tried(step)

    async def _tried(self, step: Callable[[], Awaitable[None]]) -> None:
        """Do this, if it can be: a defect must not keep the other steps from being done.

        Raises:
            Unavailable: the database does not answer.
        """
        try:
            await step()
        except Unavailable:
            raise
        except Exception:
            log.exception("tidying_failed", step=step.__name__.strip("_"))

    async def _judge(self, home_id: str, client_id: str | None) -> None:
        """Judge what waits of a home; what cannot be judged is looked at again, some time later.

        Meanwhile nothing of it is sent without consent: that is judged once more as it goes.
        """
        try:
            self.cancelled += await self._consent.look(home_id, client_id)
        except Unavailable:
            raise
        except Exception:
            log.exception("consent_unjudged", home_id=home_id, client_id=client_id)
            self._aside[client_id, home_id] = self._clock.monotonic() + ASIDE_SECONDS

    async def _swept(self) -> None:
        """Take away what is left of endpoints that are deleted."""
        while await self._endpoints.sweep():
            await self._breathe()

    async def _forget(self) -> None:
        """Take away what ended long ago."""
        while await self._tidy.forget(self._clock.now() - self._keep):
            await self._breathe()

    async def _forget_told(self) -> None:
        """Take away replays and notices of long ago."""
        while await self._tidy.forget_told(self._clock.now() - self._keep):
            await self._breathe()

    async def _chores(self) -> None:
        now = self._clock.monotonic()
        if self._looked_at is not None and now - self._looked_at < BEAT_SECONDS:
            return
        await self.look()
        self._looked_at = now

    async def _gone(self) -> None:
        """End what waits for events that are no longer kept."""
        after = ""
        while homes := await self._tidy.homes_gone(after):
            for home_id in homes:
                while (these := await self._tidy.gone(home_id)) and await self._end(these, GONE):
                    pass
            after = homes[-1]

    async def _overdue(self) -> None:
        """End what is too old at endpoints to which nothing is sent, since they are down."""
        after: str | None = ""
        while after is not None:
            down, after = await self._tidy.down(after)
            for one in down:
                before = self._clock.now() - self._reach
                if one.active_since >= before:
                    continue
                overdue = partial(self._tidy.overdue, one.endpoint_id, before)
                while (these := await overdue()) and await self._end(these, OVERDUE):
                    pass

    async def _end(self, these: Collection[str], why: str) -> int:
        """End these; how many still waited. None does of an endpoint that is deleted meanwhile."""
        ended = await self._tidy.end(these, DeliveryStatus.DEAD, why, self._clock.now())
        await self._breathe()
        return ended

    async def _breathe(self) -> None:
        """Let others write; and what was taken back in between comes first."""
        await self._clock.sleep(REST_SECONDS)
        if self._touched:
            await self.consent()

    async def _rest(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    def _changed(self, client_id: str, home_ids: Collection[str]) -> None:
        self._touched.update(dict.fromkeys((client_id, home_id) for home_id in home_ids))
        self._wake.set()
