"""The furnished house of these tests."""

from collections.abc import AsyncIterator

import pytest

from app.compose import House
from tests.conftest import Run
from tests.resolvers.world import World, furnished


@pytest.fixture
async def world(sqlite_url: str, run_house: Run) -> AsyncIterator[World]:
    """A furnished house on SQLite."""
    async with run_house(sqlite_url) as house:
        yield await furnished(house)


@pytest.fixture
async def any_world(house: House) -> World:
    """A furnished house, on both kinds of database."""
    return await furnished(house)
