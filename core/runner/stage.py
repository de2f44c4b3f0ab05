"""The stage: does in simulated homes what was asked to happen there, and answers.

Happenings of a home are done in the order in which they were asked of one process, once each:
what a process had taken up when it died does not happen again. An answer waits, within a
bound, until what the device reported of it is stored, so that who asked can read it at once.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from core import observe
from core.domain.errors import Invalid, Missing, Unavailable
from core.domain.ports import Clock
from core.domain.sandbox import Pacing, Sandbox, Simulation
from core.runner.keeper import Keeper
from core.services import Simulations
from core.store.backlog import Backlog
from core.store.happenings import Happening, Outcome

log = observe.logger(__name__)

POLL_SECONDS: Final = 0.25
STORED_AFTER: Final = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Seconds between looks whether a report is stored; a line that holds it back may take longer."""


class Stage:
    """Plays what is asked of the simulated homes of this process. `run` is its one task."""

    def __init__(
        self,
        simulations: Simulations,
        backlog: Backlog,
        clock: Clock,
        sandboxes: Mapping[str, Sandbox],
        keeper: Keeper,
    ) -> None:
        """`sandboxes` says who plays in which home, by the ids of the homes run here.

        They follow their owner: what the keeper's leases do not give us is left for others.
        """
        self._simulations = simulations
        self._backlog = backlog
        self._clock = clock
        self._sandboxes = sandboxes
        self._keeper = keeper

    async def run(self) -> None:
        """Play until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    for happening in await self._taken():
                        group.create_task(self._play(happening))
                except Unavailable:
                    log.warning("happenings_unreadable")
                await self._simulations.stir(POLL_SECONDS)

    async def _taken(self) -> Sequence[Happening]:
        life = self._keeper.life
        if life is None or not self._sandboxes:
            return ()
        return await self._simulations.take(self._sandboxes, life)

    async def _play(self, happening: Happening) -> None:
        """One of them. Tasks begin in the order of their making, and play before they wait."""
        sandbox = self._sandboxes.get(happening.home_id)
        if sandbox is None:  # the home has gone since; whoever asked is told that nobody knows
            log.warning("happening_unplayed", happening=happening.id)
            return
        try:
            outcome = _played(sandbox, happening.what)
            if isinstance(happening.what, Simulation) and isinstance(outcome, int):
                await self._stored(happening.what.device_id, outcome)
            told = None if isinstance(outcome, int) else outcome
            await self._simulations.answer(happening, told)
        except Unavailable:
            log.warning("happening_unanswered", happening=happening.id)
        except Exception:
            log.exception("happening_failed", happening=happening.id)

    async def _stored(self, device_id: str, order: int) -> None:
        for seconds in STORED_AFTER:
            await self._clock.sleep(seconds)
            device = await self._backlog.device(device_id)
            if device is None or device.order >= order:
                return


def _played(sandbox: Sandbox, what: Simulation | Pacing) -> int | Outcome:
    try:
        return sandbox.pace(what) if isinstance(what, Pacing) else sandbox.simulate(what)
    except (Invalid, Missing) as refusal:
        return refusal
