"""Troubles of processes that send webhooks."""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Final

import aiohttp

from core.store.sends import LEASE_SECONDS
from tests.chaos.troubles import Servers
from tests.processes import Process

_GLANCES: Final = 20
_GLANCE: Final = aiohttp.ClientTimeout(1)
_LEASED: Final = "latchkey_endpoints_leased"


@dataclass(slots=True)
class Workers(Servers):
    """Processes that send webhooks."""

    async def paused(self, random: Random) -> str:
        """One does nothing for longer than its leases hold."""
        return await self._stopped(
            await self._chosen(random), LEASE_SECONDS + random.uniform(0.5, 1.5)
        )

    async def _chosen(self, random: Random) -> int:
        """The busiest that is in no trouble yet, once any is: else there were nothing to lose."""
        for _ in range(_GLANCES):
            free = [which for which, turn in enumerate(self._turns) if not turn.locked()]
            leased = dict(zip(free, await asyncio.gather(*map(self._leased, free)), strict=True))
            if most := max(leased.values(), default=0):
                return random.choice([which for which in free if leased[which] == most])
            await asyncio.sleep(0.1)
        return random.randrange(len(self.ports))

    async def _leased(self, which: int) -> float:
        """How many endpoints are its own now."""
        url = f"http://127.0.0.1:{self.ports[which]}/metrics"
        shown = {"Authorization": f"Bearer {self.env['LATCHKEY_METRICS_TOKEN']}"}
        try:
            async with aiohttp.ClientSession(headers=shown, timeout=_GLANCE) as session:
                lines = (await (await session.get(url)).text()).splitlines()
        except (aiohttp.ClientError, TimeoutError):
            return 0
        return sum(float(one.split()[1]) for one in lines if one.startswith(f"{_LEASED} "))

    def _started(self, which: int) -> Process:
        return self.starter.worker(self.ports[which], self.env)
