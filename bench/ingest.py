"""The process that stores reports: no server, only the service that takes them in, and its takers.

Reads `{"url", "homes", "devices", "takers", "seconds", "profile"}` on stdin, says two rounds on
stdout, like a load.
"""

import asyncio
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import uvloop

from app.compose import House, build, running
from bench import homes
from bench.contest import Failed
from bench.figures import Round
from bench.load.pace import both
from bench.sampling import profiled
from core import observe
from core.domain.devices import Device
from core.settings import Settings


class Take:
    """Reports from many devices; a unit of work is one report, stored with its event."""

    def __init__(self, puppets: homes.Puppets) -> None:
        """Nothing taken yet."""
        self._puppets = puppets
        self.taken = 0

    async def one(self, worker: int) -> bool:
        """Take in one report."""
        del worker
        self.taken += 1
        return not (await self._puppets.change()).late


async def run(plan: dict[str, Any]) -> tuple[Round, Round]:
    """Make the homes, measure, and check that everything that was taken is in the log.

    Raises:
        Failed: an event is missing.
    """
    settings = Settings(database_url=plan["url"], secret_keys=(os.urandom(32),))
    async with running(build(settings), migrate=True) as house:
        devices = await _devices(house, plan)
        take = Take(homes.puppets(house, devices))
        seconds = plan["seconds"]
        before = await _events(house, devices)
        rounds = await both(take, plan["takers"], os.getpid(), seconds, seconds * 2 / 3)
        stored = await _events(house, devices) - before
        if stored != take.taken:
            sentence = f"{take.taken} reports were taken in, and {stored} events are there."
            raise Failed(sentence)
        return rounds


async def _devices(house: House, plan: dict[str, Any]) -> list[Device]:
    """The devices of all homes, ordered so that neighbours are of different homes."""
    owner = await house.services.accounts.create_user("bench")
    each = plan["devices"] // plan["homes"]
    there = [await homes.switches(house, owner, each) for _ in range(plan["homes"])]
    return [
        device for row in zip(*(devices for _, devices in there), strict=True) for device in row
    ]


async def _events(house: House, devices: list[Device]) -> int:
    """How many events these devices have had, by the gapless count that each carries."""
    total = 0
    for home_id in {one.home.id for one in devices}:
        total += sum(one.sequence for one in await house.devices_of(home_id))
    return total


def main() -> None:
    """Read, run, say."""
    observe.configure(pretty=False)  # stdout is for the figures alone
    plan = orjson.loads(sys.stdin.buffer.read())
    with (
        profiled(Path(plan["profile"]) if plan["profile"] else None),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,  # as `latchkey serve` does
    ):
        rounds = runner.run(run(plan))
    sys.stdout.buffer.write(orjson.dumps([asdict(one) for one in rounds]))


if __name__ == "__main__":
    main()
