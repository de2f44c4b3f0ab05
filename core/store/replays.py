"""Replays in the store: begun, and gone on with a page at a time.

Whoever goes on with one has its row locked, passing over those that others have; then the lock of
its endpoint, under which deliveries are numbered. What it made and how far it is are written in
the same transaction, so each is made once whatever becomes of the process.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)

from core.domain.deliveries import Delivery, DeliveryStatus
from core.domain.errors import Missing
from core.domain.ports import Ids
from core.domain.repairs import AHEAD, CROWDED, Chosen, Replay, check_replays, most_waiting
from core.domain.sending import Held
from core.store import hooks, lanes
from core.store.database import Database
from core.store.deliveries import lost
from core.store.hooks import DELETED
from core.store.outbox import OWN, PENDING
from core.store.replay_rows import replay_of, replay_values
from core.store.rows import Fetched
from core.store.tables import deliveries, endpoints, events, replays

PAGE: Final = 500
"""Deliveries that one transaction makes: on SQLite all others wait for it."""
SCANNED: Final = 5_000
"""Deliveries that one transaction goes through, however few of them are asked for."""


@dataclass(frozen=True, slots=True)
class Stepped:
    """A replay after a step, and the endpoint that something waits for now, if any was made."""

    replay: Replay
    made: int


class Replays:
    """The replays of this database."""

    def __init__(self, database: Database, ids: Ids) -> None:
        """Keep them here, with identifiers from there."""
        self._database = database
        self._ids = ids

    async def begin(
        self, client_id: str, endpoint_id: str, chosen: Chosen, after: int, now: datetime
    ) -> Replay:
        """Begin one, of what this endpoint has up to now behind a number.

        Raises:
            Missing: this client has no such endpoint.
            Conflict: too many of the endpoint's are under way.
            Unavailable: the database does not answer.
        """
        running = select(func.count()).where(
            replays.c.endpoint_id == endpoint_id, replays.c.next_at.is_not(None)
        )
        async with self._database.write() as connection:
            held = (await connection.run_sync(lanes.lock, [endpoint_id])).get(endpoint_id)
            if held is None or held.endpoint.client_id != client_id:
                sentence = f"There is no endpoint {endpoint_id}."
                raise Missing(sentence)
            check_replays((await connection.execute(running)).scalar_one())
            until = held.planned
            at = now if after < until else None
            made = Replay(self._ids.new("replay"), endpoint_id, chosen, after, until, now, at)
            await connection.execute(insert(replays).values(replay_values(made)))
        return made

    async def of(self, client_id: str, replay_id: str) -> Replay | None:
        """One of this client's, unless its endpoint is deleted."""
        query = (
            select(replays)
            .join(endpoints, endpoints.c.id == replays.c.endpoint_id)
            .where(replays.c.id == replay_id)
            .where(endpoints.c.client_id == client_id, endpoints.c.status != DELETED)
        )
        found = await self._database.rows(query)
        return replay_of(found[0]) if found else None

    async def step(
        self, now: datetime, claimed: Callable[[str], object] = lambda _: None
    ) -> Stepped | None:
        """Go on with the one that is due for longest; None where none is that others are not at.

        `claimed` is told its id, so that it can be put off where going on with it fails.

        Raises:
            Unavailable: the database does not answer.
        """
        if not await self._database.rows(_due(now).with_only_columns(replays.c.id)):
            return None
        async with self._database.write() as connection:
            return await connection.run_sync(self._step, now, claimed)

    async def put_off(self, replay_id: str, until: datetime) -> None:
        """Have one that is not done wait until then.

        Raises:
            Unavailable: the database does not answer.
        """
        this = replays.c.id == replay_id, replays.c.next_at.is_not(None)
        async with self._database.write() as connection:
            await connection.execute(update(replays).where(*this).values(next_at=until))

    def _step(
        self, connection: Connection, now: datetime, claimed: Callable[[str], object]
    ) -> Stepped | None:
        claim = _due(now).with_for_update(skip_locked=True, of=replays)
        row = connection.execute(claim).first()
        if row is None:
            return None
        claimed(row.id)
        replay = replay_of(row)
        held = lanes.lock(connection, [replay.endpoint_id]).get(replay.endpoint_id)
        if held is None or not held.endpoint.active:  # what would be made now could only wait
            return _kept(connection, replace(replay, next_at=now + AHEAD), 0)
        replay = replace(replay, limit=held.endpoint.rate_limit)
        if _crowded(connection, replay):
            return _kept(connection, replace(replay, next_at=now + CROWDED), 0)
        found, place = _found(connection, replay)
        kept = [one for one in found if one.kept]
        times = replay.times(len(kept), now)
        if kept:
            self._make(connection, replay, held, list(zip(kept, times, strict=True)), now)
        return _kept(
            connection, replay.went_on(place, times, len(found) - len(kept), now), len(kept)
        )

    def _make(
        self,
        connection: Connection,
        replay: Replay,
        held: Held,
        found: Sequence[tuple[Fetched, datetime]],
        now: datetime,
    ) -> None:
        made: list[tuple[Delivery, str]] = []
        for number, (row, at) in enumerate(found, held.planned + 1):
            delivery = _again(hooks.delivery_of(row), replay, self._ids, number, now, at)
            made.append((delivery, delivery.lane(held.endpoint.ordering)))
        lasts = _lasts(connection, replay)
        values = []
        for delivery, lane in made:
            client_id, behind = held.endpoint.client_id, lasts.get(lane)
            values.append(hooks.delivery_values(delivery, client_id, lane, behind))
            lasts[lane] = delivery.number
        connection.execute(insert(deliveries), values)
        lanes.wake(connection, held, found[0][1], planned=held.planned + len(made))


def _again(
    original: Delivery, replay: Replay, ids: Ids, number: int, now: datetime, at: datetime
) -> Delivery:
    """A new message of the same event."""
    return replace(
        original,
        id=ids.new("delivery"),
        number=number,
        since=max(now, at),
        next_at=at,
        status=DeliveryStatus.PENDING,
        made=0,
        refusals=0,
        tried_at=None,
        ended_at=None,
        reason=None,
        replay_id=replay.id,
        replay_of=original.message_id,
        by_hand=False,
        claimed=False,
    )


def _found(connection: Connection, replay: Replay) -> tuple[Sequence[Fetched], int]:
    """The next ones that it is of, and how far that is."""
    limit = min(PAGE, replay.page)
    found = connection.execute(_matching(replay).limit(limit)).all()
    if len(found) == limit:
        return found, found[-1].number
    return found, min(replay.place + SCANNED, replay.until)


def _matching(replay: Replay) -> Select[Any]:
    chosen = replay.chosen
    event = (events.c.home_id == deliveries.c.home_id, events.c.place == deliveries.c.place)
    which: list[ColumnElement[bool]] = [
        deliveries.c.endpoint_id == replay.endpoint_id,
        deliveries.c.number > replay.place,
        deliveries.c.number <= min(replay.place + SCANNED, replay.until),
        deliveries.c.replay_id == "",
        deliveries.c.status != "PENDING",
    ]
    if chosen.only_failed:
        which.append(lost())
    if chosen.since is not None:
        which.append(deliveries.c.occurred_at >= chosen.since)
    if chosen.until is not None:
        which.append(deliveries.c.occurred_at < chosen.until)
    if chosen.event_types is not None:
        which.append(deliveries.c.event_type.in_([one.value for one in chosen.event_types]))
    if chosen.device_ids is not None:
        which.append(deliveries.c.device_id.in_(sorted(chosen.device_ids)))
    query = select(deliveries, exists().where(*event).label("kept"))
    return query.where(*which).order_by(deliveries.c.number)


def _crowded(connection: Connection, replay: Replay) -> bool:
    """Whether too much waits of what it has made, or of what replays made for its endpoint."""
    waits = select(literal(1)).where(
        deliveries.c.endpoint_id == replay.endpoint_id,
        deliveries.c.status == PENDING,
        deliveries.c.replay_id != OWN,
    )
    own = waits.where(deliveries.c.replay_id == replay.id)
    for these, most in ((own, replay.most), (waits, most_waiting(replay.limit))):
        some = these.limit(most + 1).subquery("some")
        if connection.execute(select(func.count()).select_from(some)).scalar_one() > most:
            return True
    return False


def _lasts(connection: Connection, replay: Replay) -> dict[str, int]:
    """The numbers of the last ones that wait in its lanes."""
    query = select(deliveries.c.lane, func.max(deliveries.c.number).label("last")).where(
        deliveries.c.endpoint_id == replay.endpoint_id,
        deliveries.c.replay_id == replay.id,
        deliveries.c.replay_id != OWN,
        deliveries.c.status == PENDING,
    )
    return {row.lane: row.last for row in connection.execute(query.group_by(deliveries.c.lane))}


def _due(now: datetime) -> Select[Any]:
    return (
        select(replays)
        .join(endpoints, endpoints.c.id == replays.c.endpoint_id)
        .where(replays.c.next_at <= now, endpoints.c.status != DELETED)
        .order_by(replays.c.next_at)
        .limit(1)
    )


def _kept(connection: Connection, replay: Replay, made: int) -> Stepped:
    values = replay_values(replay)
    connection.execute(update(replays).where(replays.c.id == replay.id).values(values))
    return Stepped(replay, made)
