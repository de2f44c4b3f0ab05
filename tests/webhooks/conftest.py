"""A house whose deliveries are soon tried again."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import Run
from tests.core.services.estate import Estate, lamp, settle

HASTY = {"webhook_schedule": "0.2,0.2,0.2,0.2", "webhook_allow": "127.0.0.0/8"}


@pytest.fixture
async def estate(database_url: str, run_house: Run) -> AsyncIterator[Estate]:
    """A home of two lamps, shared with a partner."""
    async with run_house(database_url, **HASTY) as house:
        yield await settle(house, [lamp("lamp"), lamp("other")])
        assert house.dead == []
