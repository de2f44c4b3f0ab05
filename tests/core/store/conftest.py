"""What tests of the store look with: an estate, and a bare database."""

from collections.abc import AsyncIterator

import pytest

from app.compose import House
from core.store.database import Database
from tests.core.services.estate import Estate, settle


@pytest.fixture
async def estate(house: House) -> Estate:
    """A home with a lamp, shared to a partner."""
    return await settle(house)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database without a house."""
    opened = Database(database_url)
    yield opened
    await opened.close()
