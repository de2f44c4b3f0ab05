"""Whatever has a global id, found by it."""

import pytest

from core.domain.devices import Device
from core.domain.errors import Invalid
from resolvers import nodes
from resolvers.answers import settled
from tests.resolvers.world import World


async def test_an_id_finds_its_record(world: World) -> None:
    """By the prefix, each kind."""
    lamp = world.lamps[0]
    command = await world.accept(lamp, on=False)
    assert lamp.room is not None
    records: list[nodes.Record] = [world.home, lamp.room, command]
    ids = [record.id for record in records]
    assert await nodes.find_all(world.ask(), ids) == records
    found = await settled(nodes.find(world.ask(), lamp.id))
    assert isinstance(found, Device)
    assert found.id == lamp.id


async def test_what_is_not_found_is_null(world: World) -> None:
    """Unknown kinds, unknown ids, kinds that are not opened: null, in the order of the ids."""
    ask, lamp = world.ask(), world.lamps[0]
    ask.opens = lambda name, scopes: name != "Device" and scopes == ask.who.scopes
    ids = ["", "nonsense", world.user.id, world.grant.id, "home_0", "home", lamp.id]
    assert await nodes.find_all(ask, ids) == [None] * len(ids)
    assert await settled(nodes.find(ask, lamp.id)) is None
    assert await settled(nodes.find(ask, world.home.id)) == world.home


async def test_there_is_an_end_to_ids(world: World) -> None:
    """More than a hundred at once are refused."""
    with pytest.raises(Invalid, match="ids has 101 entries; give at most 100") as refused:
        await nodes.find_all(world.ask(), ["x"] * 101)
    assert refused.value.field == "ids"
