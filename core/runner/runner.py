"""The runner: owns the connectors of this process and runs the homes of its shards.

Command rows are the queue: the feed tells of new ones, a poll finds the rest. Homes come and go
with their shards; what another owner left open is finished by the next.
"""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from core import observe
from core.domain.devices import Device
from core.domain.errors import LatchkeyError, Missing, Unavailable
from core.domain.homes import Home
from core.domain.ports import Clock, Connector
from core.domain.sandbox import Pacing, Sandbox, Simulation
from core.domain.shards import Fence, Fenced, Lost, shard_of
from core.feed import Feed
from core.runner.keeper import Keeper
from core.runner.lanes import Lanes
from core.runner.stage import Stage
from core.services import Services
from core.store.backlog import Backlog

log = observe.logger(__name__)

POLL_SECONDS = 0.25
HOMES_SECONDS = 1.0
AT_ONCE = 16
"""Homes that are adopted at a time: when shards come, their homes come by the hundred."""


class Runner:
    """Owns every device whose home is in a shard of ours and names one of our connectors.

    `run` is its one task.
    """

    def __init__(
        self,
        services: Services,
        backlog: Backlog,
        feed: Feed,
        clock: Clock,
        keeper: Keeper,
        connectors: Mapping[str, Connector],
    ) -> None:
        """`connectors` by the scheme of the home's connector URL; the keeper says what is ours."""
        self._services = services
        self._backlog = backlog
        self._feed = feed
        self._clock = clock
        self._connectors = connectors
        self._homes: dict[str, Fence] = {}
        self._followed: set[str] = set()
        self._adopting: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._sandboxes: dict[str, Sandbox] = {}
        self._lanes = Lanes(services, keeper, clock)
        self._stage = Stage(services.simulations, backlog, clock, self._sandboxes, keeper)
        self.keeper = keeper
        keeper.let_go = self._let_go

    async def run(self) -> None:
        """Run the devices until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.keeper.run())
                group.create_task(self._find_homes())
                group.create_task(self._find_commands())
                group.create_task(self._stage.run())
                for connector in self._connectors.values():
                    group.create_task(self._lanes.listen(connector))
        finally:
            await self._lanes.end()
            for home_id in tuple(self._followed):
                self._unfollow(home_id)
            for connector in self._connectors.values():
                await connector.close()
            await self.keeper.close()

    async def adopt(self, home: Home, url: str) -> list[Device]:
        """Take charge of a home's devices: add what is found, run what is known, finish commands.

        A lease that is lost on the way, to a machine that stood still, is waited for once more.

        Raises:
            Unavailable: the database does not answer, or another process runs the home.
            Invalid: the connector cannot read its URL.
        """
        try:
            return await self._take_on(home, url)
        except Lost:
            return await self._take_on(home, url)

    async def _take_on(self, home: Home, url: str, quiet: Fence | None = None) -> list[Device]:
        """The same, once.

        A home is `quiet` where it was seen under this fence that no other owner has left a command
        in it; those that nobody has begun to send are found anyway.
        """
        connector = self._connectors[url.partition("://")[0]]
        async with self._adopting[home.id]:
            fence = await self.keeper.claim(home.id)
            try:
                return await self._adopt(home, url, connector, fence, begun=fence != quiet)
            except Fenced as error:
                self.keeper.lose(fence)
                raise Lost from error

    async def _adopt(
        self, home: Home, url: str, connector: Connector, fence: Fence, *, begun: bool
    ) -> list[Device]:
        found = await connector.discover(home, url)
        new = await self._follow(home.id, fence)
        try:
            await self._services.devices.reconcile(home, found, fence)
            devices = await self._backlog.devices_of(home.id)
            for device in devices:
                await self._lanes.open(home.id, connector, device, fence)
            commands = await self._backlog.open_commands(home.id) if begun else ()
            self.keeper.check(fence)
        except BaseException:
            if new:  # an earlier adoption that stands goes on being told
                self._leave(home.id)
            raise
        if isinstance(connector, Sandbox):
            self._sandboxes[home.id] = connector
        for command in commands:
            self._lanes.resume(command)
        return devices

    def script(self, home_id: str, steps: Iterable[tuple[float, Simulation | Pacing]]) -> None:
        """Let things happen in a simulated home that is run here; see `Sandbox.script`.

        Raises as that does, and Missing where the home is not simulated here.
        """
        if home_id not in self._sandboxes:
            sentence = f"The home {home_id} is not simulated by this process."
            raise Missing(sentence)
        self._sandboxes[home_id].script(home_id, steps)

    async def _follow(self, home_id: str, fence: Fence) -> bool:
        if home_id in self._homes:
            return False
        self._homes[home_id] = fence  # at once, so that it is not found and adopted a second time
        try:
            await self._feed.follow(home_id, self._lanes.told)
        except BaseException:
            self._homes.pop(home_id, None)
            raise
        self._followed.add(home_id)
        return True

    def _unfollow(self, home_id: str) -> None:
        self._homes.pop(home_id, None)
        if home_id in self._followed:
            self._followed.discard(home_id)
            self._feed.drop(home_id, self._lanes.told)

    def _let_go(self, shards: Collection[int]) -> None:
        """Touch nothing in these shards any more: from now on they may be another's."""
        for home_id, fence in tuple(self._homes.items()):
            if fence.shard in shards:
                self._leave(home_id)

    def _leave(self, home_id: str) -> None:
        self._sandboxes.pop(home_id, None)
        self._lanes.close(home_id)
        self._unfollow(home_id)

    async def _find_homes(self) -> None:
        while True:
            changed = self.keeper.changed
            try:
                if fences := self.keeper.fences:
                    await self._find_homes_in(fences, changed)
            except Unavailable:
                log.warning("homes_unreadable")
            await self.keeper.news(changed, HOMES_SECONDS)

    async def _find_homes_in(self, fences: Mapping[int, Fence], changed: asyncio.Event) -> None:
        """Adopt the homes of these shards; those first in which somebody waits for something.

        When more shards come, that is looked at anew: somebody may wait there.
        """
        shards = list(fences)
        new: list[tuple[Home, str]] = []
        for scheme in self._connectors:
            found = await self._backlog.connected(scheme, shards)
            new += [(home, url) for home, url in found if home.id not in self._homes]
        if not new:
            return
        waiting = await self._backlog.waiting_homes(shards)
        left = iter(sorted(new, key=lambda one: one[0].id not in waiting))

        async def work() -> None:
            for home, url in left:
                if changed.is_set():
                    return
                fence = fences[shard_of(home.id)]
                await self._find_home(home, url, None if home.id in waiting else fence)

        async with asyncio.TaskGroup() as group:
            for _ in range(min(AT_ONCE, len(new))):
                group.create_task(work())

    async def _find_home(self, home: Home, url: str, quiet: Fence | None) -> None:
        """Adopt a home; one that cannot be adopted costs the others nothing."""
        if home.id in self._homes or shard_of(home.id) not in self.keeper.shards:
            return
        try:
            await self._take_on(home, url, quiet)
        except LatchkeyError as error:
            log.warning("home_not_adopted", home=home.id, reason=str(error))

    async def _find_commands(self) -> None:
        while True:
            try:
                if shards := self.keeper.shards:
                    for command in await self._backlog.unsent_commands(shards):
                        self._lanes.enqueue(command)
            except Unavailable:
                log.warning("commands_unreadable")
            await self._clock.sleep(POLL_SECONDS)
