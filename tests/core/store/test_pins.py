"""Pins: events that deliveries wait for are kept until these have ended."""

import pytest

from core.store.retention import Bounds
from tests.core.services.estate import Estate
from tests.core.services.repair import change, end, waiting
from tests.core.store.keep import HOUR, left, prune


@pytest.mark.parametrize("status", ["PAUSED", "DISABLED", "DELETED"])
async def test_only_what_can_be_sent_is_pinned(estate: Estate, status: str) -> None:
    """An endpoint that takes nothing now keeps nothing."""
    held, made = await waiting(estate, 3)
    bounds = Bounds(HOUR, 1)
    await prune(estate.house, bounds, estate.home)
    floor, kept = await left(estate.house, estate.home)
    assert floor.place == made[0].place - 1
    assert [event.place for event in kept][:1] == [made[0].place]
    await change(estate.house, held.endpoint.id, status=status)
    await prune(estate.house, bounds, estate.home)
    assert len((await left(estate.house, estate.home))[1]) == 1


async def test_the_log_moves_on_with_what_has_ended(estate: Estate) -> None:
    """To the next that is waited for; whoever prunes does not turn in circles meanwhile."""
    _, made = await waiting(estate, 4)
    bounds = Bounds(HOUR, 0)
    for ended, first in ((0, 0), (1, 1), (3, 3)):
        await end(estate.house, made[:ended])
        await prune(estate.house, bounds, estate.home, most=1)
        floor, _ = await left(estate.house, estate.home)
        assert floor.place == made[first].place - 1
    await end(estate.house, made)
    await prune(estate.house, bounds, estate.home)
    assert (await left(estate.house, estate.home))[1] == []
