"""The kill test: whatever dies or stalls, every reader gets exactly what is its own, in order."""

import asyncio
import os
from dataclasses import dataclass
from random import Random, SystemRandom
from typing import Final

import pytest

from bench.valkey import Valkey
from core.domain.events import EventType
from tests.chaos.readers import (
    FIELDS,
    Reader,
    Reading,
    Visit,
    Wish,
    over_lazy_socket,
    over_socket,
    over_stream,
)
from tests.chaos.troubles import Base, Hints, Servers, environment, play, script
from tests.chaos.village import FULL, Partner, Village, Voices, of, settle
from tests.conftest import Postgres, Run
from tests.processes import Starter

HEARTBEAT: Final = 1.5
PATIENCE: Final = 4 * HEARTBEAT
STILL_SECONDS: Final = 2.5
"""Longer than the database marks what has changed."""
EVERYTHING: Final = f"subscription($after: String) {{ events(after: $after) {{ {FIELDS} }} }}"
HOME: Final = f"""subscription($after: String, $home: ID!) {{
  events(after: $after, filter: {{ homeId: $home }}) {{ {FIELDS} type sequence }}
}}"""
DEVICE: Final = f"""subscription($after: String, $device: ID!) {{
  deviceStatusChanged(after: $after, deviceIds: [$device]) {{ {FIELDS} state {{ on }} }}
}}"""


@dataclass(frozen=True)
class Scale:
    """How large, and how long."""

    homes: int
    readers: int
    reports: int
    rate: float
    takers: int
    steps: int
    pause: float
    settling: float
    """Seconds that everybody has to catch up once all is mended."""


SHORT: Final = Scale(40, 60, 3_400, 160, 8, 9, 2.2, 60)
LONG: Final = Scale(200, 400, 97_500, 400, 32, 100, 2.4, 900)


@pytest.fixture
def seed() -> int:
    """What the script and everybody's luck follow from; `KILL_SEED` repeats a run."""
    chosen = os.environ.get(
        "KILL_SEED", 6 if "CI" in os.environ else SystemRandom().getrandbits(32)
    )
    print(f"KILL_SEED={chosen}")  # noqa: T201 - who wants to repeat a failure needs it
    return int(chosen)


@pytest.mark.parametrize(
    "scale",
    [pytest.param(SHORT, id="short"), pytest.param(LONG, id="long", marks=pytest.mark.soak)],
)
async def test_nothing_is_lost_or_repeated(
    scale: Scale, seed: int, starter: Starter, postgres: Postgres, valkey: Valkey, run_house: Run
) -> None:
    """Servers, connections and the database die, stall and come back; the log is the truth."""
    base, hints = Base(postgres, postgres.fresh()), Hints(valkey)
    more = {"heartbeat_seconds": str(HEARTBEAT), "broadcast_url": valkey.url}
    servers = Servers(starter, environment(base.url, **more))
    async with run_house(
        base.url, public_url=servers.env["LATCHKEY_PUBLIC_URL"], broadcast_url=valkey.url
    ) as house:
        village = await settle(house, scale.homes)
        await servers.start()
        voices = Voices([house], Random(seed))
        readers = everybody(village, scale.readers, Random(seed))
        reading = Reading(readers, servers.ports)
        try:
            done = await trouble(scale, seed, village, voices, base, servers, hints)
            logs = await village.logs()
            late = await reading.caught_up(logs, scale.settling)
        finally:
            await reading.end()
        assert house.dead == []
    visits = sum(len(reader.visits) for reader in readers)
    print(*done, f"{voices.refused} refusals, {visits} visits", sep="\n")  # noqa: T201 - as the seed
    assert village.misplaced(logs) == []
    assert sum(map(len, logs.values())) == voices.told
    assert visits > 2 * len(readers)
    wrong = [sentence for reader in readers for sentence in reader.wrong(logs)]
    assert wrong == [], "\n".join(wrong)
    assert late == []


async def trouble(
    scale: Scale,
    seed: int,
    village: Village,
    voices: Voices,
    base: Base,
    servers: Servers,
    hints: Hints,
) -> list[str]:
    """Everything at once: devices speak while the script goes on; then all is mended."""
    troubles = {
        "killed": servers.killed,
        "ended": servers.ended,
        "paused": servers.paused,
        "cut": base.cut,
        "held": base.held,
        "closed": base.closed,
        "hints killed": hints.killed,
        "hints paused": hints.paused,
        "hints cut": hints.cut,
    }
    steps = script(seed, sorted(troubles), scale.steps, scale.pause)
    done, _ = await asyncio.gather(
        play(steps, troubles),
        voices.speak(village.devices, scale.reports, scale.rate, scale.takers),
    )
    await servers.ready()
    # Whoever watches there gets the last events of all without coming back for them.
    with servers.still(seed % 2):
        await voices.speak(village.devices, len(village.devices), scale.rate, scale.takers)
        await asyncio.sleep(STILL_SECONDS)
    return done


def everybody(village: Village, count: int, random: Random) -> list[Reader]:
    """Readers of all that a grant shows, of one home, and of one device, in turn; some are lazy."""
    return [
        Reader(
            f"reader {number}",
            wish,
            partner.token,
            village.start(partner),
            visit,
            PATIENCE,
            Random(random.random()),
        )
        for number in range(count)
        for partner, wish, visit in [wished(village, number, random)]
    ]


def wished(village: Village, number: int, random: Random) -> tuple[Partner, Wish, Visit]:
    """Who watches what, and how."""
    lazy = number % 12 == 0
    visit = over_lazy_socket if lazy else over_stream if number % 4 == 1 else over_socket
    if number % 3 == 0:
        most = max(village.partners, key=lambda one: len(one.homes))
        partner = most if lazy else random.choice(village.partners)
        shown = {*partner.homes}
        document = FULL if lazy else EVERYTHING
        return partner, Wish(document, {}, lambda event: event.home.id in shown), visit
    device = random.choice(village.devices)
    partner = next(one for one in village.partners if device.home.id in one.homes)
    if number % 3 == 1:
        return partner, Wish(HOME, {"home": device.home.id}, of(home_id=device.home.id)), visit
    fits = of(EventType.DEVICE_STATUS_CHANGED, device_id=device.id)
    return partner, Wish(DEVICE, {"device": device.id}, fits), visit
