"""Sockets by the hundred, and in the soak by the thousand: idle, or not reading what they asked."""

import asyncio
import resource
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

import aiohttp
import pytest

from bench.machine import rss_mb
from tests.chaos.subscribers import Subscriber, gathered
from tests.chaos.troubles import environment
from tests.chaos.village import Village, Voices, settle
from tests.conftest import Postgres, Run
from tests.processes import Process, Starter, until_ready
from tests.system.test_processes import free_port

METRICS_TOKEN: Final = "only-for-tests-of-metrics"
BEAT: Final = 4.0
FAST: Final = 10_000.0
AT_ONCE: Final = 32
IDLE_KIB: Final = 100
"""What a socket may cost here, where the press and the pools are still being filled."""
SLACK_MB: Final = 20.0
"""What a process may grow by for other reasons."""
QUIET: Final = "subscription { deviceStatusChanged { id home { id } } }"
DEVICE: Final = """device {
  id name kind capabilities online updatedAt manufacturer model firmware
  state { on brightness color { hue saturation } colorTemperature battery power energy }
  room { id name } home { id name timeZone }
}"""
FULL: Final = f"""subscription($after: String) {{
  events(after: $after) {{
    id type sequence occurredAt home {{ id }}
    ... on DeviceStatusChanged {{ changed a: {DEVICE} b: {DEVICE} }}
  }}
}}"""


@dataclass(frozen=True)
class Serving:
    """A server process, and a village whose devices report in this one."""

    process: Process
    port: int
    village: Village
    voices: Voices

    @property
    def rss(self) -> float:
        """The server's resident memory in MB."""
        found = rss_mb(self.process.process.pid)
        assert found is not None
        return found

    async def subscribers(
        self, count: int, document: str, holds: int | None = None
    ) -> list[Subscriber]:
        """So many subscribers, of all partners in turn; those who can hold little read nothing."""
        made: list[Subscriber] = []
        left = iter(range(count))

        async def make() -> None:
            for number in left:
                partner = self.village.partners[number % len(self.village.partners)]
                start = None if holds is None else self.village.start(partner)
                one = await Subscriber.begun(
                    self.port, partner.token, document, holds=holds, after=start
                )
                if holds is not None:
                    one.socket.stop_reading()
                made.append(one)

        await asyncio.gather(*(make() for _ in range(AT_ONCE)))
        return made

    async def sockets(self) -> int:
        """How many are open, as the server sees it."""
        headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
        url = f"http://127.0.0.1:{self.port}/metrics"
        async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as response:
            lines = (await response.text()).splitlines()
        return next(int(float(line.split()[1])) for line in lines if line[:17] == "latchkey_sockets ")
