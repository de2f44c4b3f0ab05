"""Freshness: seeing to it that what is read next is not older than a place in each home's log."""

import asyncio
from collections.abc import Collection, Mapping

from core.domain.errors import Unavailable
from core.domain.ports import Clock
from core.feed import Feed
from core.store.logs import Logs

WAIT_SECONDS = 1.0
LOOK_SECONDS = 0.05


class Freshness:
    """Which places homes have reached, whoever wrote there, and who has to know of it."""

    def __init__(self, logs: Logs, feed: Feed, clock: Clock) -> None:
        """Look into these logs, and let this feed know."""
        self._logs = logs
        self._feed = feed
        self._clock = clock

    async def places(self, home_ids: Collection[str]) -> dict[str, int]:
        """A place of each of these homes that is beyond all that this process has written there.

        Raises:
            Unavailable: the database does not answer.
        """
        known = {home_id: self._feed.known(home_id) for home_id in home_ids}
        places = {home_id: place for home_id, place in known.items() if place is not None}
        return places | await self._heads(home_ids - places.keys())

    async def renew(self, home_id: str) -> None:
        """Have a home be read as it is now, whichever process changed it.

        Raises:
            Unavailable: the database does not answer.
        """
        for place in (await self._heads({home_id})).values():
            self._feed.expect(home_id, place)

    async def reach(self, places: Mapping[str, int]) -> None:
        """Have these homes be read at these places or later.

        Raises:
            Unavailable: one is not there within a second.
        """
        known = {home_id: self._feed.known(home_id) for home_id in places}
        behind = {
            home_id: place
            for home_id, place in places.items()
            if (here := known[home_id]) is None or here < place
        }
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while behind:
                    for home_id, head in (await self._heads(behind.keys())).items():
                        if head >= behind[home_id]:
                            self._feed.expect(home_id, behind.pop(home_id))
                    if behind:
                        await self._clock.sleep(LOOK_SECONDS)
        except TimeoutError:
            sentence = "What you have seen already is not here within a second; try again."
            raise Unavailable(sentence) from None

    async def _heads(self, home_ids: Collection[str]) -> dict[str, int]:
        """Not urgent: whoever asks for this is a partner, who waits like others."""
        return await self._logs.heads(home_ids, urgent=False) if home_ids else {}
