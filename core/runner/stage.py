"""The stage: does in simulated homes what was asked to happen there, and answers.

Happenings of a device are done in the order in which they were asked. An answer waits, within a
bound, until what the device reported of it is stored, so that who asked can read it at once.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Final

from core import observe
from core.domain.errors import Invalid, Missing, Unavailable
from core.domain.ports import Clock
from core.domain.sandbox import Pacing, Sandbox, Simulation
from core.services import Simulations
from core.store.backlog import Backlog
from core.store.happenings import MOST, Answer, Happening, Refusal

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
    ) -> None:
        """`sandboxes` says who plays in which home, by the ids of the homes run here."""
        self._simulations = simulations
        self._backlog = backlog
        self._clock = clock
        self._sandboxes = sandboxes
        self._played: deque[str] = deque(maxlen=MOST)

    async def run(self) -> None:
        """Play until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                try:
                    for happening in await self._simulations.waiting(self._sandboxes):
                        if happening.id not in self._played:
                            self._played.append(happening.id)
                            group.create_task(self._play(happening))
                except Unavailable:
                    log.warning("happenings_unreadable")
                await self._simulations.stir(POLL_SECONDS)

    async def _play(self, happening: Happening) -> None:
        """One of them. Tasks begin in the order of their making, and play before they wait."""
        answer = _played(self._sandboxes[happening.home_id], happening.what)
        try:
            if isinstance(happening.what, Simulation) and isinstance(answer, int):
                await self._stored(happening.what.device_id, answer)
            await self._simulations.answer(happening, None if isinstance(answer, int) else answer)
        except Unavailable:
            log.warning("happening_unanswered", happening=happening.id)

    async def _stored(self, device_id: str, order: int) -> None:
        for seconds in STORED_AFTER:
            await self._clock.sleep(seconds)
            device = await self._backlog.device(device_id)
            if device is None or device.order >= order:
                return


def _played(sandbox: Sandbox, what: Simulation | Pacing) -> int | Answer:
    try:
        return sandbox.pace(what) if isinstance(what, Pacing) else sandbox.simulate(what)
    except (Invalid, Missing) as error:
        return Refusal(str(error), error.field if isinstance(error, Invalid) else None)
