"""What tests of the services share: an estate on both kinds of database."""

import pytest

from app.compose import House
from tests.core.services.estate import Estate, settle


@pytest.fixture
async def estate(house: House) -> Estate:
    """A home with a lamp, shared to a partner."""
    return await settle(house)
