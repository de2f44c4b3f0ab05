"""A simulated home down to its log: the same seed, clock and ids give the same events."""

import asyncio
import shutil
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

from app.compose import build, running
from core.connectors.simulator import Simulator
from core.domain.events import Event
from core.domain.sandbox import Pacing
from tests.conftest import settings_for
from tests.core.services.estate import settle
from tests.fakes import FakeClock

PLAN = "simulator://maple"


class Counted:
    """Identifiers that repeat from house to house."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def new(self, kind: str) -> str:
        """The next number, of whatever kind."""
        return f"{kind}_{next(self._numbers):032x}"


async def _hour(url: str, step: float) -> list[Event]:
    """The log of an hour in Maple Street, put in in steps; without the ids of the events."""
    settings = settings_for(url, devices_url="simulator://?seed=7")
    async with running(build(settings, FakeClock(), Counted())) as house:
        assert house.runner is not None
        estate = await settle(house, (), url=PLAN)
        await house.runner.adopt(estate.home, PLAN)
        simulator = house.runner._connectors["simulator"]  # noqa: SLF001 - its time is ours
        assert isinstance(simulator, Simulator)
        simulator.pace(Pacing(estate.home.id, 0.0))
        for _ in range(round(3600 / step)):
            simulator.pace(Pacing(estate.home.id, None, step))
            await _stored(house.runner, simulator)
        return [replace(event, id="") for event in await estate.events()]


async def _stored(runner: Any, simulator: Any) -> None:
    """Return once all that was due is in the log."""
    quiet = 0
    while quiet < 3:
        await asyncio.sleep(0.002)
        busy = simulator._scheduler._left() <= 0 or len(simulator._outbox) or runner._lanes._tasks  # noqa: SLF001 - nothing else tells
        quiet = 0 if busy else quiet + 1


async def test_two_houses_with_one_clock_write_one_log(sqlite_url: str, tmp_path: Path) -> None:
    """Event for event, also where one of them lived the hour minute by minute."""
    shutil.copy(tmp_path / "latchkey.db", tmp_path / "other.db")
    first = await _hour(sqlite_url, 3600)
    assert len(first) > 800
    second = await _hour(f"sqlite+aiosqlite:///{tmp_path}/other.db", 60)
    assert first == second
