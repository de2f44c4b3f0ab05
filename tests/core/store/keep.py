"""Pruning at once, and what is left of a log, for the tests of retention."""

from collections.abc import Sequence

from app.compose import House
from core.domain.events import Event
from core.domain.homes import Home
from core.store.logs import Floor
from core.store.retention import Bounds, KeptRows
from core.store.types import EPOCH
from tests.core.services.estate import MOST

HOUR = 3_600.0
EVERYTHING = Bounds(1_000 * HOUR, MOST)


async def prune(house: House, bounds: Bounds, *these: Home, most: int = 500) -> int:
    """Look at these homes until nothing of them is due; how many events went."""
    rows = KeptRows(house.database)
    await rows.hurry([home.id for home in these])
    gone = 0
    while (done := await rows.prune(bounds, most)).homes:
        gone += done.events
    return gone


async def left(house: House, home: Home) -> tuple[Floor, Sequence[Event]]:
    """Where a home's log begins, and all that it holds."""
    floors = await house.logs.floors([home.id])
    return floors.get(home.id, Floor(0, EPOCH)), await house.logs.events(home.id, 0, MOST)
