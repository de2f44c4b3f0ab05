"""A served house for the clients that partners use, and those clients, installed."""

import asyncio
import shutil
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

from app.compose import House, build, running
from bench.peers import node
from core.domain.accounts import Client, User
from core.domain.devices import Device
from core.domain.grants import Grant, Scope, Share
from tests.clients.programs import HERE, Program, started
from tests.conftest import settings_for
from tests.processes import ROOT, SECRET, Partner, Starter, until_ready
from tests.system.test_processes import free_port

T = TypeVar("T")

PLAN = "simulator://maple?seed=7&still=1"
ISSUER = "http://127.0.0.1:1"
"""One for every process."""
METRICS = "only-for-tests-of-metrics"
HEARTBEAT = 2.0
HOURS = 12 * 3_600
SIMULATE = """
mutation($id: ID!, $brightness: Int!) {
  simulateDevice(input: { deviceId: $id, report: { brightness: $brightness } }) { id }
}
"""


@dataclass(frozen=True)
class Town:
    """A server process with one home of simulated devices, and what was granted of it."""

    url: str
    port: int
    starter: Starter
    user: User
    client: Client
    grant: Grant
    light: Device
    token: str
    """Opens everything."""
    reading: str
    """Of another grant, which opens devices alone."""

    @property
    def graphql_url(self) -> str:
        """Where queries go."""
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def ws_url(self) -> str:
        """Where sockets go."""
        return f"ws://127.0.0.1:{self.port}/graphql"

    @property
    def partner(self) -> Partner:
        """Somebody else, by whom things happen."""
        return Partner(self.graphql_url, "", self.token)

    async def dim(self, *brightnesses: int) -> str:
        """Have the light say each of these; a cursor after the last."""
        answer: dict[str, Any] = {}
        for one in brightnesses:
            answer = await self.partner.answer(SIMULATE, id=self.light.id, brightness=one)
            assert "errors" not in answer, answer
        cursor: str = answer["extensions"]["cursor"]
        return cursor

    def beside(self) -> AbstractAsyncContextManager[House]:
        """One more process on the same database, as the command line is."""
        return running(build(settings_for(self.url, public_url=ISSUER)))

    def env(self) -> dict[str, str]:
        """The settings of a server process."""
        return {
            "LATCHKEY_DATABASE_URL": self.url,
            "LATCHKEY_SECRET_KEYS": SECRET,
            "LATCHKEY_PUBLIC_URL": ISSUER,
            "LATCHKEY_METRICS_TOKEN": METRICS,
            "LATCHKEY_HEARTBEAT_SECONDS": str(HEARTBEAT),
        }

    async def left_alone(self) -> bool:
        """Whether nothing of any client is left soon."""
        headers = {"Authorization": f"Bearer {METRICS}"}
        async with asyncio.timeout(5), aiohttp.ClientSession(headers=headers) as session:
            while True:
                async with session.get(f"http://127.0.0.1:{self.port}/metrics") as response:
                    lines = (await response.text()).splitlines()
                if {f"latchkey_{name} 0.0" for name in ("sockets", "event_streams")} <= {*lines}:
                    return True
                await asyncio.sleep(0.05)


Start = Callable[..., AbstractAsyncContextManager[Program]]


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the programs, the documents' examples, and the clients' packages."""
    if reason := node.missing(HERE):
        pytest.skip(f"The clients on Node cannot run: {reason}")
    folder = tmp_path_factory.mktemp("workshop")
    for path in (*HERE.glob("*.mjs"), *(ROOT / "docs/examples").glob("*.mjs")):
        shutil.copy(path, folder)
    (folder / "node_modules").symlink_to(HERE / "node_modules")
    return folder


@pytest.fixture(scope="session")
def town(workshop: Path, sqlite_template: Path) -> Iterator[Town]:
    """The server, for all tests of this folder that one worker runs."""
    path = workshop / "latchkey.db"
    shutil.copy(sqlite_template, path)
    starter = Starter(workshop)
    town = _in_a_thread(_furnished(f"sqlite+aiosqlite:///{path}", starter))
    try:
        starter.serve(town.port, {**town.env(), "LATCHKEY_DEVICES_URL": "simulator://?still=1"})
        _in_a_thread(until_ready(f"http://127.0.0.1:{town.port}"))
        yield town
    finally:
        starter.end_all()


@pytest.fixture
def start(workshop: Path) -> Start:
    """The way to start one of the programs: its name, its words, and its app's `token`."""
    return partial(started, workshop)


async def _furnished(url: str, starter: Starter) -> Town:
    settings = settings_for(url, devices_url=PLAN, public_url=ISSUER)
    async with running(build(settings)) as house:
        services = house.services
        user = await services.accounts.create_user("alice")
        client = await services.accounts.create_client("Partner")
        home = await services.homes.create(user.id, "Maple Street", "Europe/Berlin", PLAN)
        assert house.runner is not None
        devices = await house.runner.adopt(home, PLAN)
        light = next(one for one in devices if one.address == "living-room-lamp")
        shares = [Share(home.id)]
        grant = await services.grants.give(user.id, client.id, list(Scope), shares)
        less = await services.grants.give(user.id, client.id, [Scope.DEVICES_READ], shares)
        issue = house.tokens.issue
        token, reading = (issue(one, list(one.scopes), HOURS) for one in (grant, less))
        return Town(
            url, free_port(), starter, user, client, grant, light, token=token, reading=reading
        )


def _in_a_thread(work: Coroutine[Any, Any, T]) -> T:
    """Its result. A session's fixture may be asked for while a test's loop runs."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
