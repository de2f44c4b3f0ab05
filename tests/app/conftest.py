"""A served house in the test's own loop: real sockets, a real database, simulated devices."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest

from app.address import bound
from app.compose import House
from app.server import listening
from core.domain.accounts import Client, User
from core.domain.devices import Device
from core.domain.grants import Grant, Scope, Share
from engine import Engine
from tests.conftest import Run

PLAN = "simulator://maple?seed=7&still=1"
SOON = 5
"""Seconds of a token that is to end under a test: more than a busy machine takes to begin."""


@dataclass(frozen=True)
class Api:
    """A served house with one user, one client, one home, and everything granted."""

    house: House
    base_url: str
    http: aiohttp.ClientSession
    user: User
    client: Client
    grant: Grant
    home_id: str
    light: Device
    lock: Device

    @property
    def graphql_url(self) -> str:
        """Where queries go."""
        return f"{self.base_url}/graphql"

    def token(
        self,
        grant: Grant | None = None,
        scopes: Iterable[Scope] = tuple(Scope),
        seconds: int = 600,
        audience: str | None = None,
    ) -> str:
        """A token of the grant, as the OAuth server will issue it."""
        tokens = self.house.tokens
        return tokens.issue(grant or self.grant, list(scopes), seconds, audience)

    async def post(
        self, body: Any = None, *, token: str | None = "", **more: Any
    ) -> tuple[aiohttp.ClientResponse, Any]:
        """POST a JSON body (or `data=`); `token=None` shows none. The response and its JSON."""
        headers = {"Authorization": f"Bearer {token or self.token()}"} if token is not None else {}
        headers |= more.pop("headers", {})
        kind = {"data": more.pop("data")} if "data" in more else {"json": body}
        response = await self.http.post(self.graphql_url, **kind, headers=headers, **more)
        return response, await response.json(content_type=None)

    async def ask(self, query: str, token: str | None = None, **variables: Any) -> dict[str, Any]:
        """The data of an operation that must succeed."""
        body = {"query": query, "variables": variables}
        _, answer = await self.post(body, token=token or self.token())
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    async def refused(
        self, query: str, token: str | None = None, **variables: Any
    ) -> dict[str, Any]:
        """The one error of an operation that must fail."""
        body = {"query": query, "variables": variables}
        _, answer = await self.post(body, token=token or self.token())
        (error,) = answer["errors"]
        return dict(error)


@pytest.fixture
def metrics_token() -> str:
    """The operator's token; without one, metrics are off."""
    return ""


@pytest.fixture
def unusual() -> dict[str, Any]:
    """Other settings than a process has by itself."""
    return {}


@pytest.fixture
async def api(
    sqlite_url: str, run_house: Run, engine: Engine, metrics_token: str, unusual: dict[str, Any]
) -> AsyncIterator[Api]:
    """The served house."""
    with bound("127.0.0.1", 0) as listener:
        base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        devices = "simulator://?latency=0.001&still=1"
        async with (
            run_house(
                sqlite_url,
                public_url=base_url,
                devices_url=devices,
                engine=engine,
                metrics_token=metrics_token,
                **unusual,
            ) as house,
            listening(house, listener),
            aiohttp.ClientSession() as http,
        ):
            yield await _furnished(house, base_url, http)


async def _furnished(house: House, base_url: str, http: aiohttp.ClientSession) -> Api:
    services = house.services
    user = await services.accounts.create_user("alice")
    client = await services.accounts.create_client("Partner")
    home = await services.homes.create(user.id, "Maple Street", "Europe/Berlin", PLAN)
    assert house.runner is not None
    devices = await house.runner.adopt(home, PLAN)
    grant = await services.grants.give(user.id, client.id, list(Scope), [Share(home.id)])
    light = next(one for one in devices if one.address == "living-room-lamp")
    lock = next(one for one in devices if one.kind.value == "LOCK")
    return Api(house, base_url, http, user, client, grant, home.id, light, lock)
