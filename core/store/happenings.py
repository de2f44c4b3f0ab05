"""Happenings: what was asked of simulated homes, in rows, since any process may be asked.

The process that runs a home's devices finds its rows, does what they say and writes the answers.
Nothing here outlives its asker by long: rows are forgotten a minute after they were written.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeAlias

from sqlalchemy import delete, insert, select, update

from core.domain.sandbox import DeviceFault, HomeTime, Pacing, Simulation
from core.store import codec
from core.store.database import Database
from core.store.tables import happenings

MOST: Final = 1_000
FRESH: Final = timedelta(seconds=10)
"""For so long somebody waits; what is found later happens to nobody's surprise, so it does not."""
KEPT: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something asked of a simulated home."""

    id: str
    home_id: str
    what: Simulation | Pacing


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why it did not happen: a sentence for the asker, and the input that is wrong."""

    sentence: str
    field: str | None = None


Answer: TypeAlias = HomeTime | Refusal | None
"""What became of it; None where it simply happened."""


class Happenings:
    """The rows."""

    def __init__(self, database: Database) -> None:
        """Write to this database."""
        self._database = database

    async def ask(self, happening: Happening, now: datetime) -> None:
        """Put a row, and forget what is long over."""
        row = {
            "id": happening.id,
            "home_id": happening.home_id,
            "body": _asked_out(happening.what),
            "asked_at": now,
            "answer": None,
        }
        async with self._database.write() as connection:
            await connection.execute(delete(happenings).where(happenings.c.asked_at < now - KEPT))
            await connection.execute(insert(happenings).values(row))

    async def waiting(self, home_ids: Collection[str], now: datetime) -> Sequence[Happening]:
        """What waits to happen in these homes, the oldest first, at most 1,000."""
        fresh = (happenings.c.answer.is_(None), happenings.c.asked_at >= now - FRESH)
        query = select(happenings).where(*fresh).order_by(happenings.c.id).limit(MOST)
        found = await self._database.rows(query)
        return [
            Happening(row.id, row.home_id, _asked_in(row.home_id, row.body))
            for row in found
            if row.home_id in home_ids
        ]

    async def answer(self, happening_id: str, answer: Answer) -> None:
        """Write what became of it."""
        this = happenings.c.id == happening_id
        async with self._database.write() as connection:
            statement = update(happenings).where(this).values(answer=_answer_out(answer))
            await connection.execute(statement)

    async def answered(self, happening_id: str) -> tuple[Answer] | None:
        """What became of it, in a tuple; None as long as nobody has answered."""
        query = select(happenings.c.answer).where(happenings.c.id == happening_id)
        found = await self._database.rows(query)
        if not found or found[0].answer is None:
            return None
        return (_answer_in(found[0].answer),)


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


def _asked_in(home_id: str, body: dict[str, Any]) -> Simulation | Pacing:
    if "device_id" not in body:
        return Pacing(home_id, **body)
    report, fault = body["report"], body["fault"]
    return Simulation(
        device_id=body["device_id"],
        report=codec.state_in(report) if report else None,
        online=body["online"],
        fault=DeviceFault(fault) if fault else None,
        fault_seconds=body["fault_seconds"],
    )


def _answer_out(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, Refusal):
        return {"sentence": answer.sentence, "field": answer.field}
    if isinstance(answer, HomeTime):
        return {"now": answer.now.isoformat(), "speed": answer.speed}
    return {}


def _answer_in(body: dict[str, Any]) -> Answer:
    if "sentence" in body:
        return Refusal(body["sentence"], body["field"])
    if "now" in body:
        return HomeTime(codec.sure(body["now"]), body["speed"])
    return None
