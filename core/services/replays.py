"""Replays: deliveries that have ended are sent again, as new messages, at a pace."""

from datetime import timedelta
from typing import Final

from core import observe
from core.domain.deliveries import place
from core.domain.errors import Unavailable
from core.domain.ports import Clock
from core.domain.repairs import Chosen, Replay, possible
from core.services.deliveries import Deliveries
from core.store.replays import Replays as Rows

log = observe.logger(__name__)

BEAT_SECONDS: Final = 0.5
"""Between two looks for replays that were asked for, or that are to be gone on with."""
AGAIN_SECONDS: Final = 5.0
"""Before it is looked again where looking itself fails, which is a defect."""
ASIDE: Final = timedelta(minutes=5)
"""Before a replay is tried again that cannot be gone on with, which is a defect."""


class Replays:
    """Begins replays, and says how far they are."""

    def __init__(self, rows: Rows, deliveries: Deliveries, clock: Clock) -> None:
        """Keep them here."""
        self._rows = rows
        self._deliveries = deliveries
        self._clock = clock

    async def begin(
        self, client_id: str, endpoint_id: str, chosen: Chosen, after: str | None = None
    ) -> Replay:
        """Begin one of what this endpoint was sent up to now, or of what came after a cursor.

        Raises:
            Invalid: it cannot be meant, or the cursor is none of this endpoint's.
            Missing: this client has no such endpoint.
            Conflict: too many of the endpoint's are under way.
            Unavailable: the database does not answer.
        """
        chosen.check()
        held = await self._deliveries.endpoint(client_id, endpoint_id)
        start = 0
        if after is not None:
            start = place(held.endpoint.id, after)
        return await self._rows.begin(client_id, endpoint_id, chosen, start, self._clock.now())

    async def find(self, client_id: str, replay_id: str) -> Replay | None:
        """One of this client's."""
        return await self._rows.of(client_id, replay_id) if possible(replay_id) else None


class Replayer:
    """Makes the deliveries of replays for this process; `run` is its one task.

    Several share the work by claiming replays. Who sends finds what was made at its next look.
    """

    def __init__(self, rows: Rows, clock: Clock) -> None:
        """Go on with what is kept here."""
        self._rows = rows
        self._clock = clock
        self.deliveries = 0
        """Deliveries made by this process."""

    async def run(self) -> None:
        """Go on with replays, for ever."""
        down = False
        while True:
            try:
                while await self.step():
                    pass
                down = False
            except Unavailable:
                if not down:
                    log.warning("replays_wait")
                down = True
            except Exception:
                # What cannot even be looked for now may be later, and this is the one task for it.
                log.exception("replays_fail")
                await self._clock.sleep(AGAIN_SECONDS)
            await self._clock.sleep(BEAT_SECONDS)

    async def step(self) -> bool:
        """Go on with one replay by a page; whether there was any.

        Raises:
            Unavailable: the database does not answer.
        """
        claimed: list[str] = []
        try:
            done = await self._rows.step(self._clock.now(), claimed.append)
        except Unavailable:
            raise
        except Exception:
            # A defect must not keep the other replays from being gone on with.
            if not claimed:
                raise
            log.exception("replay_failed", replay_id=claimed[0])
            await self._rows.put_off(claimed[0], self._clock.now() + ASIDE)
            return True
        if done is None:
            return False
        self.deliveries += done.made
        return True
