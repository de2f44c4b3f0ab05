"""Simulations: what partners make happen in simulated homes, and how its time goes there.

Any process may be asked; the one that runs the home's devices does it and answers. Nothing of this
is a fact of a home's log: what the devices then report is.
"""

import asyncio
from collections.abc import Container, Sequence
from typing import Any, Final

from core.domain.accounts import Viewer
from core.domain.devices import TABLE, Device, spoken
from core.domain.errors import Invalid, Missing, Refused, Unavailable
from core.domain.grants import Scope, View
from core.domain.homes import Home
from core.domain.ports import Clock, Ids
from core.domain.sandbox import HomeTime, Pacing, Simulation
from core.snapshots.access import Access
from core.store.backlog import Backlog
from core.store.happenings import Happening, Happenings, Outcome

SCHEME: Final = "simulator://"
PATIENCE: Final = 4.0
"""Seconds in which the process that runs the home must take it up: less than rows are fresh."""
MORE: Final = 4.0
"""Seconds for the answer of one who did."""
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
        self._waiters: dict[str, asyncio.Future[Outcome]] = {}
        self._stirred = asyncio.Event()
        self._asking = asyncio.Lock()

    async def simulate(self, viewer: Viewer, device: Device, simulation: Simulation) -> None:
        """Let something happen at a device; what it then reports is stored on return.

        Unless a line holds the report back for more than a second or two, as a fault may.

        Raises:
            Invalid: it can never happen, or not at this device; or the home is not simulated.
            Missing: the device is gone, or no longer shared.
            Limited: too much is asked of this home at a time.
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
        if not await self._sees_all(self._still(viewer).grant.view, home):
            sentence = (
                "A home's time is changed for all its devices: the whole home must be shared, "
                "with each of its locks and garage doors."
            )
            raise Refused(sentence)
        time = await self._ask(home, pacing, "homeId")
        if not isinstance(time, HomeTime):
            sentence = "a pacing was answered without a time"
            raise TypeError(sentence)
        return time

    async def take(self, home_ids: Container[str], owner: str | None = None) -> Sequence[Happening]:
        """What waits to happen in these homes, the oldest first; nobody else gets it.

        With an `owner`, only where the leases say that it is theirs to do.
        """
        return await self._happenings.take(home_ids, self._clock.now(), owner)

    async def answer(self, happening: Happening, outcome: Outcome) -> None:
        """Say what became of it, here and to other processes."""
        await self._happenings.answer(happening.id, outcome)
        waiter = self._waiters.get(happening.id)
        if waiter is not None and not waiter.done():
            waiter.set_result(outcome)

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

    async def _sees_all(self, view: View, home: Home) -> bool:
        if home.id in view.whole:
            return True
        devices = await self._backlog.devices_of(home.id)
        return home.id in view.homes_but_locks and all(map(view.sees, devices))

    async def _ask(self, home: Home, what: Simulation | Pacing, field: str) -> Outcome:
        happening = Happening(self._ids.new("happening"), home.id, what)
        waiter = self._waiters[happening.id] = asyncio.get_running_loop().create_future()
        try:
            async with self._asking:  # rows in the order in which this process was asked
                await self._check_simulated(home, field)
                await self._happenings.ask(happening, self._clock.now())
            self._stirred.set()
            outcome = await self._outcome(happening, waiter)
        finally:
            del self._waiters[happening.id]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def _check_simulated(self, home: Home, field: str) -> None:
        connector = await self._backlog.connector(home.id) or ""
        if not connector.startswith(SCHEME):
            sentence = f"{home.name} is a real home: only simulated homes can be made to do this."
            raise Invalid(sentence, field)

    async def _outcome(self, happening: Happening, waiter: asyncio.Future[Outcome]) -> Outcome:
        if found := await self._answered(happening, waiter, PATIENCE):
            return found[0]
        if await self._happenings.withdraw(happening.id):
            sentence = "Nobody runs this simulated home now, so it did not happen; try again soon."
            raise Unavailable(sentence)
        if found := await self._answered(happening, waiter, MORE):
            return found[0]
        sentence = "The process that runs this simulated home does not say whether it happened."
        raise Unavailable(sentence)

    async def _answered(
        self, happening: Happening, waiter: asyncio.Future[Outcome], seconds: float
    ) -> tuple[Outcome] | None:
        until = self._clock.monotonic() + seconds
        while self._clock.monotonic() < until:
            await self._either(waiter, POLL_SECONDS)
            if waiter.done():
                return (waiter.result(),)
            if found := await self._happenings.answered(happening.id):
                return found
        return None

    async def _either(self, news: asyncio.Future[Any], seconds: float) -> None:
        sleep = asyncio.create_task(self._clock.sleep(seconds))
        try:
            await asyncio.wait({news, sleep}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
