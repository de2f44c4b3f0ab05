"""A process that ends: it says so while it still serves, and who asks twice waits for nothing."""

import asyncio
import time

import aiohttp
import pytest

from app.address import bound
from app.ending import Ending
from app.server import listening
from tests.conftest import Run
from tests.core.services.estate import eventually

QUERY = {"query": "{ __typename }"}


async def test_a_process_that_ends_says_so_and_serves_until_it_is_hurried(
    sqlite_url: str, run_house: Run
) -> None:
    """/readyz is 503, requests are answered, sockets are sent elsewhere; then it is over."""
    over, ending = asyncio.Event(), Ending()
    with bound("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

        async def serve() -> None:
            settings = {"public_url": url, "notice_seconds": 60}
            async with (
                run_house(sqlite_url, **settings) as house,
                listening(house, listener, drain=60, ending=ending),
            ):
                await over.wait()

        serving = asyncio.create_task(serve())
        async with aiohttp.ClientSession() as http:

            async def ready(code: int = 200) -> bool:
                try:
                    return (await http.get(f"{url}/readyz")).status == code
                except aiohttp.ClientConnectionError:
                    return False

            await eventually(ready, 20)
            ending.set()
            over.set()
            await eventually(lambda: ready(503), 10)
            problem = (await (await http.get(f"{url}/readyz")).json())["checks"]["draining"]
            assert problem["problem"] == "This process is ending: send requests to another."
            assert (await http.post(f"{url}/graphql", json=QUERY)).status == 200
            socket = await http.ws_connect(f"{url}/graphql", protocols=["graphql-transport-ws"])
            assert (await socket.receive()).data == 1012
            ending.set()
            began = time.monotonic()
            await serving
        assert time.monotonic() - began < 10


async def test_who_is_in_a_hurry_waits_for_nothing() -> None:
    """Once the end is asked for a second time; what goes wrong before that is told."""
    ending = Ending()
    ending.set()
    waiting = asyncio.create_task(ending.unless_hurried(asyncio.sleep(99)))
    await asyncio.sleep(0)
    assert not waiting.done()
    ending.set()
    await asyncio.wait_for(waiting, 1)

    async def fails() -> None:
        raise BlockingIOError

    with pytest.raises(BlockingIOError):
        await Ending().unless_hurried(fails())
