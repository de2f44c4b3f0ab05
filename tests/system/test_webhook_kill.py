"""The kill test of webhooks: whatever dies or stalls, every endpoint gets every event, in order."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from random import Random, SystemRandom
from typing import Any, Final

import pytest
from sqlalchemy import func, or_, select

from app.compose import House
from bench.valkey import Valkey
from core.domain import rates
from core.domain.endpoints import ContentMode, Endpoint, Ordering
from core.domain.events import Event, EventType
from core.domain.grants import Share
from core.signing import Secret
from core.store.outbox import PENDING
from core.store.tables import deliveries, endpoints, homes, planned
from tests.chaos.accounts import Account, keep_account, leases, stored
from tests.chaos.mailboxes import Luck, Mailbox, served
from tests.chaos.troubles import Base, Hints, Step, environment, play, script
from tests.chaos.village import Village, Voices, settle
from tests.chaos.workers import Workers
from tests.conftest import Postgres, Run
from tests.core.services.estate import SCOPES, eventually
from tests.processes import Starter
from tests.system.test_processes import free_port
from tests.webhooks.partner import endpoint_of

KINDS: Final[Sequence[dict[str, Any]]] = (
    {},
    {"ordering": Ordering.UNORDERED},
    {"content_mode": ContentMode.CLOUDEVENTS},
    {"event_types": frozenset({EventType.DEVICE_STATUS_CHANGED})},
)
"""Of endpoints, in turn."""
OTHERS: Final = 5
"""One endpoint in so many is of another client."""
SENDING: Final = {
    "webhook_allow": "127.0.0.0/8",
    "webhook_timeout_seconds": "1",
    "metrics_token": "shown-to-whoever-looks-for-the-busiest",
}
QUIET_SECONDS: Final = 2.5
"""Before the first trouble, so that it meets work that goes on."""
KILLS: Final = 2 * ("killed",)
"""They come more often than other troubles."""
FAULTS: Final = (
    "courier_failed",
    "courier_died",
    "home_unplanned",
    "record_failed",
    "task_died",
    "never retrieved",
)


@dataclass(frozen=True)
class Scale:
    """How large, and how long."""

    homes: int
    endpoints: int
    workers: int
    reports: int
    rate: float
    takers: int
    steps: int
    pause: float
    outages: float
    """Seconds from one outage of a receiver to its next, on average."""
    settling: float
    """Seconds in which all has to be delivered once everything is mended."""
    schedule: str
    """So short that what failed is soon tried again; so long that no delivery's time is over."""


SHORT: Final = Scale(24, 8, 3, 1_450, 95, 8, 11, 1.1, 15, 100, "0.3,0.5,1" + 47 * ",2")
LONG: Final = Scale(100, 20, 3, 19_100, 90, 16, 99, 2.3, 60, 420, "0.3,0.5,1,1,2,2" + 44 * ",12")


@dataclass(frozen=True)
class Letterbox:
    """A mailbox with its endpoint, and the homes that its client is shown."""

    mailbox: Mailbox
    endpoint: Endpoint
    homes: Collection[str]


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
async def test_every_endpoint_gets_every_event(
    scale: Scale, seed: int, starter: Starter, postgres: Postgres, valkey: Valkey, run_house: Run
) -> None:
    """Workers, the database, the broadcast and receivers fail; what is sent twice was in flight."""
    base, hints = Base(postgres, postgres.fresh()), Hints(valkey)
    env = environment(
        base.url, broadcast_url=valkey.url, webhook_schedule=scale.schedule, **SENDING
    )
    workers = Workers(starter, env, [free_port() for _ in range(scale.workers)])
    async with run_house(base.url, broadcast_url=valkey.url) as house:
        village = await settle(house, scale.homes)
        async with addressed(house, village, scale, seed) as letterboxes:
            await workers.start()
            voices = Voices([house], Random(seed))
            done = await trouble(scale, seed, village, voices, base, workers, hints)
            for one in letterboxes:
                one.mailbox.luck.well = True
            took = await eventually(partial(all_delivered, house), scale.settling)
            codes = await asyncio.gather(
                *(asyncio.to_thread(one.end, signal.SIGTERM) for one in workers.running)
            )
        logs = await village.logs()
        accounts = await accounts_of(house, letterboxes, logs)
        free = select(func.count()).where(endpoints.c.owner.is_not(None))
        assert (codes, (await house.database.rows(free))[0][0]) == ([0] * scale.workers, 0)
        assert house.dead == []
    print(*done, told(accounts, voices, took), sep="\n")  # noqa: T201 - as the seed
    assert village.misplaced(logs) == []
    assert sum(map(len, logs.values())) == voices.told
    wrong = [sentence for account in accounts for sentence in account.wrong()]
    wrong += [line for one in starter.started for line in one.said.splitlines() if faulty(line)]
    assert wrong == [], "\n".join(wrong[:100])
    losses = sum(len(account.losses) for account in accounts)
    assert losses <= scale.endpoints * costly(done)


async def trouble(
    scale: Scale,
    seed: int,
    village: Village,
    voices: Voices,
    base: Base,
    workers: Workers,
    hints: Hints,
) -> list[str]:
    """Everything at once: devices speak while the script goes on; then all is mended."""
    troubles = {
        "killed": workers.killed,
        "ended": workers.ended,
        "paused": workers.paused,
        "cut": base.cut,
        "held": base.held,
        "closed": base.closed,
        "hints killed": hints.killed,
        "hints paused": hints.paused,
        "hints cut": hints.cut,
    }
    steps = script(seed, sorted([*troubles, *KILLS]), scale.steps, scale.pause)
    begin = Step(QUIET_SECONDS, steps[0].kind, steps[0].seed)
    done, _ = await asyncio.gather(
        play([begin, *steps[1:]], troubles),
        voices.speak(village.devices, scale.reports, scale.rate, scale.takers),
    )
    await workers.ready()
    return done


@asynccontextmanager
async def addressed(
    house: House, village: Village, scale: Scale, seed: int
) -> AsyncIterator[Sequence[Letterbox]]:
    """Endpoints of every kind; some are of another client, which is shown but a part of it all."""
    await keep_account(house.database)
    client_id = village.partners[0].grant.client_id
    other = await house.services.accounts.create_client("Other")
    some = [partner for number, partner in enumerate(village.partners) if number % 2]
    for partner in some:
        shares = [Share(home_id) for home_id in partner.homes]
        await house.services.grants.give(partner.grant.user_id, other.id, SCOPES, shares)
    luck = [Luck(Random(seed + number), scale.outages) for number in range(scale.endpoints)]
    boxes = [Mailbox(Secret.make(), one) for one in luck]
    async with served(boxes) as url:
        found = []
        for number, box in enumerate(boxes):
            foreign = number % OTHERS == OTHERS - 1
            held = await endpoint_of(
                house,
                other.id if foreign else client_id,
                f"{url}{number}",
                box.key,
                description=f"endpoint {number}",
                rate_limit=rates.MOST,
                **KINDS[number % len(KINDS)],
            )
            partners = some if foreign else village.partners
            homes = {home_id for partner in partners for home_id in partner.homes}
            found.append(Letterbox(box, held.endpoint, homes))
        yield found


async def all_delivered(house: House) -> bool:
    """Whether every event is planned, and nothing waits."""
    await asyncio.sleep(0.25)
    behind = select(homes.c.id).join(planned, planned.c.home_id == homes.c.id, isouter=True)
    behind = behind.where(or_(planned.c.place.is_(None), planned.c.place < homes.c.place))
    waits = select(deliveries.c.id).where(deliveries.c.status == PENDING)
    rows = house.database.rows
    return not await rows(behind.limit(1)) and not await rows(waits.limit(1))


async def accounts_of(
    house: House, letterboxes: Sequence[Letterbox], logs: Mapping[str, Sequence[Event]]
) -> Sequence[Account]:
    """What became of each endpoint's deliveries."""
    told = await leases(house.database)
    return [
        Account(
            one.mailbox,
            one.endpoint,
            [
                event
                for home_id in sorted(one.homes)
                for event in logs[home_id]
                if one.endpoint.wants(event.type)
            ],
            await stored(house.database, one.endpoint.id),
            told[one.endpoint.id],
        )
        for one in letterboxes
    ]


def told(accounts: Sequence[Account], voices: Voices, took: float) -> str:
    """What came of it all, in numbers."""
    came = sum(len(account.mailbox.got) for account in accounts)
    planned = sum(len(account.rows) for account in accounts)
    losses = sum(len(account.losses) for account in accounts)
    lost = sum(len(account.lost) for account in accounts)
    again = sum(account.duplicates for account in accounts)
    return (
        f"{voices.told} events, {voices.refused} refusals; {planned} deliveries, {came} requests, "
        f"{again} taken twice; {lost} attempts lost with {losses} leases; "
        f"all delivered {took:.1f} s after the last trouble"
    )


def costly(done: Sequence[str]) -> int:
    """How many troubles can have cost somebody its leases."""
    return sum(one.split(":")[0] in {"killed", "paused", "held", "closed"} for one in done)


def faulty(line: str) -> bool:
    """Whether a line of a worker's log tells of a defect."""
    return any(name in line for name in FAULTS)
