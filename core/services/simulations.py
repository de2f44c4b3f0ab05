"""Simulations: what partners make happen in simulated homes, and how its time goes there.

Any process may be asked; the one that runs the home's devices does it and answers. Nothing of this
is a fact of a home's log: what the devices then report is.
"""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any, Final

from core.domain.accounts import Viewer
from core.domain.devices import TABLE, Device, spoken
from core.domain.errors import Invalid, Missing, Refused, Unavailable
from core.domain.grants import Scope
from core.domain.homes import Home
from core.domain.ports import Clock, Ids
from core.domain.sandbox import HomeTime, Pacing, Simulation
from core.snapshots.access import Access
from core.store.backlog import Backlog
from core.store.happenings import Answer, Happening, Happenings, Refusal

SCHEME: Final = "simulator://"
PATIENCE: Final = 5.0
"""Seconds to wait for the process that runs the home."""
POLL_SECONDS: Final = 0.1


class Simulations:
    """Asks for happenings and waits for their answers."""

    def __init__(
        self, happenings: Happenings, backlog: Backlog, access: Access, clock: Clock, ids: Ids
    ) -> None:
        """Ask by these rows."""
        self._happenings = happenings
        self._backlog = backlog
        self._access = access
        self._clock = clock
        self._ids = ids
        self._waiters: dict[str, asyncio.Future[Answer]] = {}
        self._stirred = asyncio.Event()

    async def simulate(self, viewer: Viewer, device: Device, simulation: Simulation) -> None:
        """Let something happen at a device; what it then reports has been stored on return.

        Raises:
            Invalid: it can never happen, or not at this device; or the home is not simulated.
            Missing: the device is gone, or no longer shared.
            Unavailable: nobody runs the home now.
        """
        simulation.check()
        for name in simulation.report.values() if simulation.report else ():
            if TABLE[name].capability not in device.capabilities:
                field = f"report.{spoken(name)}"
                sentence = f"{field}: this device has no {TABLE[name].capability.value}."
                raise Invalid(sentence, field)
        if not self._still(viewer).grant.view.sees(device):
            sentence = f"There is no device {device.id}."
            raise Missing(sentence)
        await self._ask(device.home, simulation, "deviceId")

    async def pace(self, viewer: Viewer, home: Home, pacing: Pacing) -> HomeTime:
        """Let a home's time go on otherwise; everybody in the home feels it.

        Raises as `simulate` does, and Refused where less than the whole home is shared.
        """
        pacing.check()
        if home.id not in self._still(viewer).grant.view.whole:
            sentence = (
                "A home's time is changed for all its devices: the whole home must be shared."
            )
            raise Refused(sentence)
        answer = await self._ask(home, pacing, "homeId")
        if not isinstance(answer, HomeTime):
            sentence = "a pacing was answered without a time"
            raise TypeError(sentence)
        return answer

    async def waiting(self, home_ids: Collection[str]) -> Sequence[Happening]:
        """What waits to happen in these homes, the oldest first."""
        return await self._happenings.waiting(home_ids, self._clock.now())

    async def answer(self, happening: Happening, answer: Answer) -> None:
        """Say what became of it, here and to other processes."""
        await self._happenings.answer(happening.id, answer)
        waiter = self._waiters.get(happening.id)
        if waiter is not None and not waiter.done():
            waiter.set_result(answer)

    async def stir(self, seconds: float) -> None:
        """Return once something was asked in this process, or after so many seconds."""
        news = asyncio.create_task(self._stirred.wait())
        try:
            await self._either(news, seconds)
        finally:
            news.cancel()
        self._stirred.clear()

    def _still(self, viewer: Viewer) -> Viewer:
        viewer = self._access.again(viewer)
        if Scope.SANDBOX_CONTROL not in viewer.scopes:
            sentence = "The grant no longer has the scope sandbox:control."
            raise Refused(sentence, (Scope.SANDBOX_CONTROL.value,))
        return viewer

    async def _ask(self, home: Home, what: Simulation | Pacing, field: str) -> Answer:
        connector = await self._backlog.connector(home.id) or ""
        if not connector.startswith(SCHEME):
            sentence = f"{home.name} is a real home: only simulated homes can be made to do this."
            raise Invalid(sentence, field)
        happening = Happening(self._ids.new("happening"), home.id, what)
        waiter = self._waiters[happening.id] = asyncio.get_running_loop().create_future()
        try:
            await self._happenings.ask(happening, self._clock.now())
            self._stirred.set()
            return _settled(await self._answered(happening, waiter))
        finally:
            del self._waiters[happening.id]

    async def _answered(self, happening: Happening, waiter: asyncio.Future[Answer]) -> Answer:
        until = self._clock.monotonic() + PATIENCE
        while self._clock.monotonic() < until:
            await self._either(waiter, POLL_SECONDS)
            if waiter.done():
                return waiter.result()
            if found := await self._happenings.answered(happening.id):
                return found[0]
        sentence = "The process that runs this simulated home does not answer; try again soon."
        raise Unavailable(sentence)

    async def _either(self, news: asyncio.Future[Any], seconds: float) -> None:
        sleep = asyncio.create_task(self._clock.sleep(seconds))
        try:
            await asyncio.wait({news, sleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()


def _settled(answer: Answer) -> Answer:
    if isinstance(answer, Refusal):
        raise Invalid(answer.sentence, answer.field)
    return answer
