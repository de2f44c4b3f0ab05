"""A served site on both kinds of database, on a clock that tests may set forward."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from app.address import bound
from app.server import listening
from tests.app.oauth.site import App, Site
from tests.conftest import Run
from tests.core.services.estate import LeapClock, settle


@pytest.fixture
def clock() -> LeapClock:
    """The site's clock."""
    return LeapClock()


@pytest.fixture
def settings() -> dict[str, Any]:
    """Settings of the site's house besides its address."""
    return {}


@pytest.fixture
async def site(
    database_url: str, run_house: Run, clock: LeapClock, settings: dict[str, Any]
) -> AsyncIterator[Site]:
    """The served site, with one confidential app."""
    with bound("127.0.0.1", 0) as listener:
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with (
            run_house(database_url, clock, public_url=base_url, **settings) as house,
            listening(house, listener),
            aiohttp.ClientSession() as http,
        ):
            estate = await settle(house)
            found = Site(base_url, http, estate, App(estate.client))
            found.app = await found.new_app()
            yield found
