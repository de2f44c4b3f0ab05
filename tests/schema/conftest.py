"""The furnished house of these tests, on each engine."""

from collections.abc import AsyncIterator
from typing import cast

import pytest

from app.compose import House
from engine import Engine
from tests.conftest import ENGINES, Run
from tests.resolvers.world import World, furnished


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn: whatever asks for a house here is run on both."""
    return cast("Engine", request.param)


@pytest.fixture
async def world(sqlite_url: str, run_house: Run, engine: Engine) -> AsyncIterator[World]:
    """A furnished house on SQLite."""
    async with run_house(sqlite_url, engine=engine) as house:
        yield await furnished(house)


@pytest.fixture
async def any_world(house: House) -> World:
    """A furnished house, on both kinds of database."""
    return await furnished(house)
