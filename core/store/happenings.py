"""Happenings: what was asked of simulated homes, in rows, since any process may be asked.

The process that runs a home's devices takes its rows up, does what they say and writes the answers.
A row is taken up once, by one process, and may be withdrawn until then; so what its asker was told
had failed does not happen afterwards. Rows are forgotten a minute after they were written.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import delete, exists, func, insert, select, update

from core.domain.errors import Invalid, Limited, Missing
from core.domain.sandbox import DeviceFault, HomeTime, Pacing, Simulation
from core.store import codec
from core.store.database import Database
from core.store.tables import happenings, homes, leases

BATCH: Final = 100
WAITING: Final = 100
"""How many may wait in one home, so that whoever asks much keeps nobody else waiting."""
FRESH: Final = timedelta(seconds=5)
"""For so long somebody waits; what nobody took up by then is over, withdrawn or not."""
KEPT: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something asked of a simulated home."""

    id: str
    home_id: str
    what: Simulation | Pacing


Outcome: TypeAlias = HomeTime | Invalid | Missing | None
"""What became of it: the time as it then was, why it did not happen, or None: it happened."""


class Happenings:
    """The rows."""

    def __init__(self, database: Database) -> None:
        """Write to this database."""
        self._database = database

    async def ask(self, happening: Happening, now: datetime) -> None:
        """Put a row, and forget what is long over.

        Raises:
            Limited: too much waits in this home already.
        """
        row = {
            "id": happening.id,
            "home_id": happening.home_id,
            "body": _asked_out(happening.what),
            "asked_at": now,
        }
        here = (happenings.c.home_id == happening.home_id, happenings.c.answer.is_(None))
        fresh = happenings.c.asked_at >= now - FRESH
        async with self._database.write() as connection:
            await connection.execute(delete(happenings).where(happenings.c.asked_at < now - KEPT))
            count = select(func.count()).select_from(happenings).where(*here, fresh)
            if (await connection.execute(count)).scalar_one() >= WAITING:
                sentence = f"{WAITING} things wait to happen in this home already; slow down."
                raise Limited(sentence)
            await connection.execute(insert(happenings).values(row))

    async def take(
        self, home_ids: Container[str], now: datetime, owner: str | None = None
    ) -> Sequence[Happening]:
        """What waits to happen in these homes, the oldest first, at most a hundred: taken up.

        With an `owner`, only where the leases say that it is theirs to do.
        """
        waits = [happenings.c.taken_at.is_(None), happenings.c.asked_at >= now - FRESH]
        if owner is not None:
            here = (homes.c.id == happenings.c.home_id, homes.c.shard == leases.c.shard)
            waits.append(exists().where(*here, leases.c.owner == owner))
        oldest = (happenings.c.asked_at, happenings.c.id)
        query = select(happenings.c.id, happenings.c.home_id).where(*waits).order_by(*oldest)
        found = await self._database.rows(query)
        ours = [row.id for row in found if row.home_id in home_ids][:BATCH]
        if not ours:
            return ()
        take = update(happenings).where(*waits, happenings.c.id.in_(ours)).values(taken_at=now)
        async with self._database.write() as connection:
            taken = (await connection.execute(take.returning(happenings))).all()
        made = {row.id: Happening(row.id, row.home_id, _asked_in(row)) for row in taken}
        return [made[one] for one in ours if one in made]

    async def withdraw(self, happening_id: str) -> bool:
        """Take a row back; False where it has been taken up, and it happens or has happened."""
        this = (happenings.c.id == happening_id, happenings.c.taken_at.is_(None))
        async with self._database.write() as connection:
            gone = await connection.execute(delete(happenings).where(*this))
        return bool(gone.rowcount)

    async def answer(self, happening_id: str, outcome: Outcome) -> None:
        """Write what became of it."""
        this = happenings.c.id == happening_id
        async with self._database.write() as connection:
            statement = update(happenings).where(this).values(answer=_outcome_out(outcome))
            await connection.execute(statement)

    async def answered(self, happening_id: str) -> tuple[Outcome] | None:
        """What became of it, in a tuple; None as long as nobody has answered."""
        query = select(happenings.c.answer).where(happenings.c.id == happening_id)
        found = await self._database.rows(query)
        if not found or found[0].answer is None:
            return None
        return (_outcome_in(found[0].answer),)


def _asked_out(what: Simulation | Pacing) -> dict[str, Any]:
    if isinstance(what, Pacing):
        return {"speed": what.speed, "step_seconds": what.step_seconds}
    return {
        "device_id": what.device_id,
        "report": codec.state_out(what.report) if what.report else None,
        "online": what.online,
        "fault": what.fault.value if what.fault else None,
        "fault_seconds": what.fault_seconds,
    }


def _asked_in(row: Any) -> Simulation | Pacing:
    body = row.body
    if "device_id" not in body:
        return Pacing(row.home_id, **body)
    report, fault = body["report"], body["fault"]
    return Simulation(
        device_id=body["device_id"],
        report=codec.state_in(report) if report else None,
        online=body["online"],
        fault=DeviceFault(fault) if fault else None,
        fault_seconds=body["fault_seconds"],
    )


def _outcome_out(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Invalid | Missing):
        kind = "invalid" if isinstance(outcome, Invalid) else "missing"
        return {"refused": kind, "sentence": str(outcome), **outcome.details()}
    if isinstance(outcome, HomeTime):
        return {"now": outcome.now.isoformat(), "speed": outcome.speed}
    return {}


def _outcome_in(body: dict[str, Any]) -> Outcome:
    if body.get("refused") == "invalid":
        return Invalid(body["sentence"], body.get("field"))
    if body.get("refused") == "missing":
        return Missing(body["sentence"])
    if "now" in body:
        return HomeTime(codec.sure(body["now"]), body["speed"])
    return None
