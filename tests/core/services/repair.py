"""Deliveries that are planned and not sent, ended as a test wants, and what must hold of lanes."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, select, update

from app.background import background
from app.compose import House
from app.server import begin
from core.domain.deliveries import DeliveryStatus
from core.domain.repairs import Traced
from core.domain.sending import Held
from core.services import Repairs
from core.store import hooks, tables
from core.store.tidying import Tidy
from tests.core.services.estate import Estate, eventually
from tests.webhooks.partner import registered, told

URL = "http://127.0.0.1:9/hook"
"""Where nobody listens: nothing is sent in these tests."""


def repairs(estate: Estate) -> Repairs:
    """What is tested."""
    return estate.house.services.repairs


async def of(house: House, endpoint_id: str) -> list[Traced]:
    """The deliveries of an endpoint, by number."""
    query = select(tables.deliveries).where(tables.deliveries.c.endpoint_id == endpoint_id)
    found = await house.database.rows(query.order_by(tables.deliveries.c.number))
    return list(map(hooks.traced_of, found))


async def plan(house: House, counts: dict[str, int]) -> None:
    """Have events planned until each of these endpoints has so many deliveries."""
    begin(house)

    async def done() -> bool:
        return {one: len(await of(house, one)) for one in counts} == counts

    async with background(house.dead, house.services.planner.run):
        await eventually(done)


async def waiting(estate: Estate, count: int, **defined: Any) -> tuple[Held, list[Traced]]:
    """An endpoint to which so many deliveries of the lamp wait."""
    held = await registered(estate, URL, **defined)
    await told(estate, count)
    await plan(estate.house, {held.endpoint.id: count})
    return held, await of(estate.house, held.endpoint.id)


async def end(
    house: House, these: Sequence[Traced], status: DeliveryStatus = DeliveryStatus.DELIVERED
) -> None:
    """End these deliveries."""
    ids = [one.id for one in these]
    await Tidy(house.database).end(ids, status, "A test said so.", house.clock.now())


async def change(house: House, endpoint_id: str, **values: Any) -> None:
    """Change the row of an endpoint."""
    async with house.database.write() as connection:
        this = update(tables.endpoints).where(tables.endpoints.c.id == endpoint_id)
        await connection.execute(this.values(**values))


async def wrong_lanes(house: House) -> list[str]:
    """What is wrong with lanes: the first that waits in each is ready, and nothing else is.

    Each of the others is behind the one before it, and the next will be behind the last.
    """
    rows_of, lines = tables.deliveries, tables.lines
    its = and_(lines.c.endpoint_id == rows_of.c.endpoint_id, lines.c.line == rows_of.c.lane)
    query = select(rows_of, lines.c.last).outerjoin(lines, its).order_by(rows_of.c.place)
    lanes: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
    wrong = []
    for row in await house.database.rows(query):  # as all was at one moment
        if row.status == "PENDING":
            lanes[row.endpoint_id, row.lane].append(row)
        elif row.ready or row.behind is not None:
            wrong.append(f"{row.number} is {row.status}: {row.ready}, {row.behind}")
    for (_, lane), rows in lanes.items():
        before = None
        for row in rows:
            if (row.ready, row.behind) != (before is None, before):
                wrong.append(f"{row.number} of {lane}: {row.ready}, {row.behind}, not {before}")
            before = row.number
        if lane in {row.device_id or row.home_id for row in rows} and rows[-1].last != before:
            wrong.append(f"{before} is the last of {lane}, not {rows[-1].last}")
    return wrong
