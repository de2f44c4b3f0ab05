"""What tests of the snapshots share: an estate, and a second process on its database."""

from collections.abc import AsyncIterator

import pytest

from app.compose import House
from tests.conftest import Run
from tests.core.services.estate import Estate, settle


@pytest.fixture
async def estate(house: House) -> Estate:
    """A home with a lamp, shared to a partner."""
    return await settle(house)


@pytest.fixture
async def second(database_url: str, estate: Estate, run_house: Run) -> AsyncIterator[House]:
    """Another process, started after the estate was settled."""
    async with run_house(database_url) as other:
        assert estate.grant.id in other.access.grants
        yield other
