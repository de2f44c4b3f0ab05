"""Homes and rooms as a viewer finds them."""

from core.domain.grants import Share
from core.domain.lists import DeviceFilter
from resolvers import devices, homes
from resolvers.answers import settled
from resolvers.paging import window
from tests.resolvers.world import World, lamp


async def test_homes_are_those_that_are_shared(any_world: World) -> None:
    """In whole or in part, by name; others are not there."""
    elm, _ = await any_world.more("Elm", lamp("x"))
    oak, (one,) = await any_world.more("Oak", lamp("y"))
    grant = await any_world.give(Share(any_world.home.id), Share(oak.id, device_id=one.id))
    ask = any_world.ask(any_world.viewer(grant))
    page = await settled(homes.listed(ask, window()))
    assert [home.name for home in page.nodes] == ["Maple", "Oak"]
    assert await settled(page.total_count) == 2
    assert await settled(homes.find(ask, elm.id)) is None
    assert await settled(homes.find(ask, oak.id)) == oak


async def test_a_room_shows_its_devices(world: World) -> None:
    """And a home all of them."""
    ask = world.ask()
    rooms = await settled(homes.rooms(ask, world.home))
    assert [room.name for room in rooms] == ["Bathroom", "Loft"]
    for room in rooms:
        assert await settled(homes.find_room(ask, room.id)) == room
        page = await settled(
            devices.listed(ask, window(), filters=(DeviceFilter(room_id=room.id),))
        )
        assert [one.room for one in page.nodes] == [room]
        assert await settled(page.total_count) == 1
    page = await settled(
        devices.listed(ask, window(), filters=(DeviceFilter(home_id=world.home.id),))
    )
    assert len(page.nodes) == await settled(page.total_count) == 3


async def test_a_hidden_room_is_not_there(world: World) -> None:
    """A share of a device shows the room that it is in, and no other."""
    attic, bath, _ = world.lamps
    assert attic.room is not None
    assert bath.room is not None
    grant = await world.give(Share(world.home.id, device_id=attic.id))
    ask = world.ask(world.viewer(grant))
    assert await settled(homes.find_room(ask, attic.room.id)) == attic.room
    assert await settled(homes.find_room(ask, bath.room.id)) is None
