"""Reuse against making anew: whoever asks gets what they would have got, byte for byte."""

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random

import orjson
import pytest
from hypothesis import given, settings, strategies as st

from app.server import graph_of
from core.domain.accounts import Viewer
from core.domain.errors import LatchkeyError, Unauthenticated
from core.domain.grants import Grant, Scope, Share
from resolvers.answers import settled
from schema.graph import Graph
from schema.parameters import Parameters
from tests.conftest import Run
from tests.core.services.estate import Estate, another_home, lamp, settle, viewer_of

DOCUMENTS = (
    "{ devices { totalCount nodes { id name online state { on brightness } room { name } } } }",
    "{ homes { nodes { name rooms { name } devices { nodes { name updatedAt } } } } }",
    "{ devices(orderBy: UPDATED_DESC, first: 2) { nodes { id pendingCommand { status } } } }",
    "query($id: ID!) { device(id: $id) { name home { name } desired { brightness } } }",
    "{ viewer { grant { id } } devices { totalCount } }",
)
CLIENTS = 3


@dataclass
class Land:
    """A house with two homes, and clients whose grants come, change and go."""

    graph: Graph
    estate: Estate
    homes: list[str]
    grants: list[Grant] = field(default_factory=list)
    orders: int = 0
    reused: int = 0

    async def happen(self, random: Random) -> None:
        """Anything."""
        services, house = self.estate.house.services, self.estate.house
        home = random.choice(self.homes)
        devices = await house.devices_of(home)
        device, what = random.choice(devices), random.randrange(9)
        if what == 0:
            await services.homes.rename(home, f"{random.random()}")
        elif what == 1:
            room = await services.homes.add_room(home, f"{random.random()}")
            await services.devices.describe(device, f"{random.random()}", room)
        elif what == 2 and len(devices) > 1:
            await services.devices.remove(device)
        elif what == 3:
            await services.devices.reconcile(device.home, [lamp(f"{random.random()}")])
        elif what == 4:
            await self.estate.ask(device, brightness=random.randrange(100))
        elif what in {5, 6}:
            await self.regrant(random)
        else:
            self.orders += 1
            await self.estate.hear(device.order + 1, brightness=random.randrange(100))

    async def regrant(self, random: Random) -> None:
        """One client's grant is given, changed or taken back."""
        grants = self.estate.house.services.grants
        at = random.randrange(len(self.grants))
        if random.random() < 0.3:
            await grants.revoke(self.grants[at])
        else:
            shares = await self.shares(random)
            self.grants[at] = await grants.amend(self.grants[at], list(Scope), shares)

    async def shares(self, random: Random) -> list[Share]:
        """Some homes, and a device."""
        home = random.choice(self.homes)
        device = random.choice(await self.estate.house.devices_of(home))
        whole = [Share(one) for one in self.homes if random.random() < 0.5]
        return [*whole, Share(home, device_id=device.id)]

    async def ask(self, random: Random) -> None:
        """Somebody asks, through reuse and anew."""
        grant, text = random.choice(self.grants), random.choice(DOCUMENTS)
        scopes = frozenset(Scope) if random.random() < 0.7 else {Scope.DEVICES_READ}
        try:
            viewer: Viewer = viewer_of(self.estate.house, grant, scopes)
        except Unauthenticated:
            assert self.estate.house.access.grants[grant.id].revoked
            return
        variables = {"id": self.estate.lamp.id} if "$id" in text else {}
        call = await settled(self.graph.prepare(Parameters(text, None, variables), viewer, "trace"))
        found = self.graph._reuse.look(text, call.operation, variables, viewer)  # noqa: SLF001 - whether it was reused does not show outside
        self.reused += found is not None and self.graph._reuse.find(found) is not None  # noqa: SLF001
        answered = (await settled(self.graph.answer(call, 9))).body
        assert answered == orjson.dumps(await self.graph.run(call, 9))


@pytest.fixture
async def land(database_url: str, run_house: Run) -> AsyncIterator[Land]:
    """Two homes of two lamps, three grants."""
    async with run_house(database_url) as house:
        estate = await settle(house, [lamp("1"), lamp("2", "Study")])
        cabin = await another_home(estate)
        yield Land(graph_of(house), estate, [estate.home.id, cabin.id])


@settings(max_examples=settings().max_examples // 3)
@given(seed=st.integers(0, 2**32))
async def test_nothing_old_and_nothing_of_others_is_given(land: Land, seed: int) -> None:
    """Whatever happens to homes, commands and grants between any two questions."""
    random, services = Random(seed), land.estate.house.services
    land.grants = []
    for number in range(CLIENTS):
        client = await services.accounts.create_client(f"Partner {number}")
        shares = await land.shares(random)
        user = land.estate.user.id
        land.grants.append(await services.grants.give(user, client.id, list(Scope), shares))
    land.reused = 0
    for _ in range(15):
        if random.random() < 0.5:
            with suppress(LatchkeyError):
                await land.happen(random)
        for _ in range(4):
            await land.ask(random)
    assert land.reused > 0
