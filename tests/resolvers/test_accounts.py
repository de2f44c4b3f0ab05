"""What a viewer can learn of itself."""

import pytest

from core.domain.errors import Unauthenticated
from core.domain.grants import Scope, Share
from resolvers import accounts
from tests.resolvers.world import World, lamp


async def test_a_grant_names_its_homes_and_devices(world: World) -> None:
    """Homes in whole or in part; devices that were shared one by one; both by name."""
    _, (one, two) = await world.more("Elm", lamp("x", "Zoo"), lamp("y", "Den"))
    shares = [Share(world.home.id), *(Share(d.home.id, device_id=d.id) for d in (one, two))]
    grant = await world.give(*shares)
    ask = world.ask(world.viewer(grant))
    assert [home.name for home in await accounts.homes(ask, grant)] == ["Elm", "Maple"]
    assert [device.name for device in await accounts.devices(ask, grant)] == ["Den", "Zoo"]
    await world.house.services.devices.remove(one)
    ask = world.ask(world.viewer(grant))
    assert await accounts.devices(ask, grant) == [two]


async def test_a_viewer_knows_its_scopes(world: World) -> None:
    """Those of the token, in a stable order."""
    viewer = world.viewer(scopes=[Scope.EVENTS_SUBSCRIBE, Scope.DEVICES_READ])
    assert accounts.viewer(world.ask(viewer)) == viewer
    assert accounts.scopes(viewer) == [Scope.DEVICES_READ, Scope.EVENTS_SUBSCRIBE]


async def test_nobody_is_no_viewer(world: World) -> None:
    """Who is asked for must be known."""
    ask = world.ask()
    ask.viewer = None
    with pytest.raises(Unauthenticated, match="access token"):
        accounts.viewer(ask)
