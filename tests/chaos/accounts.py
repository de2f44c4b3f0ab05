"""What became of deliveries, as the store says, held against what endpoints got.

An attempt that was made and is recorded nowhere is *lost*: whoever made it died, or lost its lease.
The test has the database itself keep account of leases, so that a loss needs one that was lost.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select, text

from core.domain.answers import Answer as Meaning, meaning
from core.domain.endpoints import Endpoint, Ordering
from core.domain.events import Event
from core.store.database import Database
from core.store.parcels import FOLLOWERS
from core.store.tables import deliveries
from tests.chaos.mailboxes import Answer, Got, Mailbox
from webhooks.courier import LANES

IN_FLIGHT: Final = LANES * (1 + FOLLOWERS)
"""Attempts to one endpoint, at most, of which nothing is recorded yet: a lane is not taken up again
before all that became of it is."""
_SECOND: Final = 1_000_000

Row = Any


@dataclass(frozen=True, slots=True)
class Lease:
    """Of an endpoint, in seconds; `lost` is one that somebody else took over, ungiven."""

    start: float
    end: float
    lost: bool

    def touches(self, second: int) -> bool:
        """Whether it was in force at any time of this second."""
        return self.start < second + 1 and self.end > second


async def keep_account(database: Database) -> None:
    """From now on, have the database write down who leases what."""
    async with database.write() as connection:
        for statement in _KEEP:
            await connection.execute(text(statement))


async def leases(database: Database) -> Mapping[str, Sequence[Lease]]:
    """The leases of each endpoint, in order."""
    found: defaultdict[str, list[Row]] = defaultdict(list)
    for row in await database.rows(text("SELECT * FROM leases_told ORDER BY token")):
        found[row.endpoint_id].append(row)
    return {
        endpoint_id: [
            Lease(one.at, after.at if after else float("inf"), lost=bool(after and after.taken))
            for one, after in zip(rows, [*rows[1:], None], strict=True)
        ]
        for endpoint_id, rows in found.items()
    }


async def stored(database: Database, endpoint_id: str) -> Sequence[Row]:
    """An endpoint's deliveries, as they are stored."""
    query = select(*_COLUMNS).where(deliveries.c.endpoint_id == endpoint_id)
    return await database.rows(query.order_by(deliveries.c.number))


@dataclass(frozen=True)
class Account:
    """Of one endpoint: what it got, what it was to get, and what the store says of it."""

    mailbox: Mailbox
    endpoint: Endpoint
    events: Sequence[Event]
    """Those that it was to get, home by home in order."""
    rows: Sequence[Row]
    leases: Sequence[Lease]

    def wrong(self) -> list[str]:
        """What should not be, in sentences."""
        found = (*self.mailbox.wrong, *self._arrivals(), *self._records(), *self._losses())
        return [f"{self.endpoint.description}: {sentence}" for sentence in found]

    @property
    def firsts(self) -> Sequence[Got]:
        """What came, without what came again."""
        return _firsts(self.mailbox.got)

    @property
    def duplicates(self) -> int:
        """How often something was taken that had been before."""
        taken = [got.id for got in self.mailbox.got if got.answer is Answer.TAKE]
        return len(taken) - len({*taken})

    @property
    def losses(self) -> Sequence[Lease]:
        """The leases that were lost."""
        return [lease for lease in self.leases if lease.lost]

    @property
    def lost(self) -> Sequence[Got]:
        """The requests of attempts that are recorded nowhere."""
        recorded = {one["signature"] for row in self.rows for one in row.attempts}
        return [got for got in self.mailbox.got if got.signature not in recorded]

    def _arrivals(self) -> Iterator[str]:
        """Each event at least once, under one id and with one content; in order per device."""
        chains = defaultdict[str, list[Event]](list)
        previous: dict[str, int | None] = {}
        for event in self.events:
            assert event.device is not None
            chain = chains[event.device.id]
            previous[event.id] = chain[-1].sequence if chain else None
            chain.append(event)
        taken = [got for got in self.mailbox.got if got.answer is Answer.TAKE]
        yield from self._disorder(chains, self.firsts)
        yield from self._disorder(chains, _firsts(taken))
        if {got.id: (got.event, got.data) for got in self.firsts}.items() != {
            (got.id, (got.event, got.data)) for got in self.mailbox.got
        }:
            yield "one id came with several contents"
        for got in self.firsts:
            if got.previous != previous.get(got.event):
                yield f"{got.event} came as the next after {got.previous}"

    def _disorder(
        self, chains: Mapping[str, Sequence[Event]], firsts: Sequence[Got]
    ) -> Iterator[str]:
        """Where what came of a device is not what it told, in order."""
        came = defaultdict[str, list[Got]](list)
        for got in firsts:
            came[got.device].append(got)
        for device_id in chains.keys() | came.keys():
            expected = [event.id for event in chains.get(device_id, ())]
            arrived = [got.event for got in came[device_id]]
            if self.endpoint.ordering is Ordering.UNORDERED:
                expected, arrived = sorted(expected), sorted(arrived)
            if arrived != expected:
                yield f"{device_id}: {_difference(expected, arrived)}"

    def _records(self) -> Iterator[str]:
        """Each planned once, in a gapless row, taken once, and nothing after."""
        if [row.number for row in self.rows] != list(range(1, len(self.rows) + 1)):
            yield "its deliveries are not numbered without gaps"
        if Counter(row.event_id for row in self.rows) != Counter(one.id for one in self.events):
            yield "not every event was planned, and once"
        for row in self.rows:
            answers = [meaning(one["status"]) for one in row.attempts]
            numbers = [one["number"] for one in row.attempts]
            taken = [number for number, one in enumerate(answers, 1) if one is Meaning.TAKEN]
            if row.status != "DELIVERED" or taken != [row.made]:
                yield f"{row.id} is {row.status} after {answers}"
            if numbers != list(range(1, row.made + 1)):
                yield f"{row.id} has the attempts {numbers} of {row.made}"

    def _losses(self) -> Iterator[str]:
        """Only with a lease; of all that were made under it in a lane, the last ones."""
        by_lease: Counter[Lease] = Counter()
        rows = {_message(row): row for row in self.rows}
        lanes = defaultdict[str, list[Row]](list)
        for row in self.rows:
            lanes[row.device_id].append(row)
        for got in self.lost:
            around = [lease for lease in self.leases if lease.touches(got.second)]
            lost = [lease for lease in around if lease.lost]
            if not lost:
                yield f"{got} was lost under {around}"
                continue
            by_lease[lost[0]] += 1
            if len(around) == 1 and self.endpoint.ordering is Ordering.ORDERED and got.id in rows:
                yield from _behind(rows[got.id], lanes[got.device], lost[0])
        for lease, count in by_lease.items():
            if count > IN_FLIGHT:
                yield f"{count} attempts were lost with {lease}"


def _firsts(got: Sequence[Got]) -> list[Got]:
    found: dict[str, Got] = {}
    for one in got:
        found.setdefault(one.id, one)
    return list(found.values())


def _behind(lost: Row, lane: Sequence[Row], lease: Lease) -> Iterator[str]:
    """What is recorded of a lane though what came before it under the same lease is not."""
    for row in lane:
        if row.sequence > lost.sequence:
            for one in row.attempts:
                if lease.start < one["started_at"] / _SECOND < lease.end:
                    yield f"{row.id} was recorded under {lease}, and {lost.id} was not"


def _message(row: Row) -> str:
    return f"msg_{row.id.rpartition('_')[2]}"


def _difference(expected: Sequence[str], arrived: Sequence[str]) -> str:
    missing, foreign = set(expected) - set(arrived), set(arrived) - set(expected)
    if missing or foreign:
        return f"missing are {sorted(missing)[:5]}, not expected {sorted(foreign)[:5]}"
    at = next(at for at, pair in enumerate(zip(expected, arrived, strict=True)) if len({*pair}) > 1)
    return f"out of order from {at} on: {arrived[at : at + 4]} for {expected[at : at + 4]}"


_COLUMNS: Final = (
    deliveries.c.id,
    deliveries.c.number,
    deliveries.c.event_id,
    deliveries.c.device_id,
    deliveries.c.sequence,
    deliveries.c.status,
    deliveries.c.made,
    deliveries.c.attempts,
)
_KEEP: Final = (
    """CREATE TABLE leases_told (
        endpoint_id text, token bigint, at double precision, taken boolean
    )""",
    """CREATE FUNCTION tell_lease() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO leases_told VALUES
            (NEW.id, NEW.token, extract(epoch FROM clock_timestamp()), OLD.owner IS NOT NULL);
        RETURN NULL;
    END $$""",
    """CREATE TRIGGER tell_lease AFTER UPDATE OF token ON endpoints FOR EACH ROW
        WHEN (NEW.token <> OLD.token) EXECUTE FUNCTION tell_lease()""",
)
