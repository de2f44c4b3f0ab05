"""Homes, rooms and members: what changes is told, by the devices that it concerns, too."""

import asyncio

import pytest

from core.domain.errors import Conflict, Missing
from core.domain.events import Event, EventType
from core.domain.grants import Share
from core.domain.homes import Role, Room
from core.services import Homes
from tests.core.services.estate import SCOPES, Estate, another_home, gaps, lamp

H, U = EventType.HOME_UPDATED, EventType.DEVICE_UPDATED


@pytest.fixture
def homes(estate: Estate) -> Homes:
    """The service."""
    return estate.house.services.homes


@pytest.fixture
async def bob(estate: Estate) -> str:
    """A second user's id."""
    return (await estate.house.services.accounts.create_user("Bob")).id


def hall(estate: Estate) -> Room:
    """The room that the lamp is in."""
    assert estate.lamp.room is not None
    return estate.lamp.room


async def since(estate: Estate, events: list[Event]) -> list[Event]:
    """What was told after these events."""
    return (await estate.events())[len(events) :]


async def test_a_new_home_tells_that_it_is_there(estate: Estate, homes: Homes) -> None:
    """Its log begins with the home itself, and its maker owns it."""
    home = await homes.create(estate.user.id, "Cabin", "UTC", "")
    (event,) = await estate.house.logs.events(home.id, 0, 9)
    assert (event.type, event.place, event.sequence, event.home) == (H, 1, 1, home)
    assert (await estate.house.reads.roles(estate.user.id))[home.id] is Role.OWNER


async def test_a_home_needs_somebody(homes: Homes) -> None:
    """There is no home of a user that is not there."""
    with pytest.raises(Missing, match="There is no user user_none"):
        await homes.create("user_none", "Cabin", "UTC", "")


async def test_a_rename_tells_the_home(estate: Estate, homes: Homes) -> None:
    """The event carries the new name, and every read has it."""
    before = await estate.events()
    renamed = await homes.rename(estate.home.id, "Castle")
    (event,) = await since(estate, before)
    assert (event.type, event.home) == (H, renamed)
    assert (await estate.now()).home == renamed


async def test_a_room_is_told_by_its_home(estate: Estate, homes: Homes) -> None:
    """A new room is in the home, and a home that is not there gets none."""
    before = await estate.events()
    room = await homes.add_room(estate.home.id, "Study")
    assert [event.type for event in await since(estate, before)] == [H]
    found = await estate.house.reads.rooms(estate.grant.view, [estate.home.id])
    assert room in found[estate.home.id]
    with pytest.raises(Missing):
        await homes.add_room("home_none", "Study")


async def test_a_renamed_room_tells_its_devices(estate: Estate, homes: Homes) -> None:
    """Each device in it tells its new room, and then the home tells, and no other device does."""
    await estate.house.services.devices.reconcile(estate.home, [lamp("other", "Study")])
    before = await estate.events()
    room = await homes.rename_room(hall(estate), "Foyer")
    told = await since(estate, before)
    assert [(event.type, event.device and event.device.id) for event in told] == [
        (U, estate.lamp.id),
        (H, None),
    ]
    assert room.name == "Foyer"
    assert (await estate.now()).room == room
    assert gaps(await estate.events()) == []


async def test_a_removed_room_leaves_its_devices_in_the_home(estate: Estate, homes: Homes) -> None:
    """Its devices tell that they are in no room; the room is gone for good."""
    before = await estate.events()
    await homes.remove_room(hall(estate))
    told = await since(estate, before)
    assert [event.type for event in told] == [U, H]
    assert told[0].device is not None
    assert told[0].device.room is None
    assert (await estate.now()).room is None
    assert await estate.house.reads.rooms_by_id(estate.grant.view, [hall(estate).id]) == {}
    with pytest.raises(Missing):
        await homes.remove_room(hall(estate))


async def test_a_room_can_be_removed_after_its_devices(estate: Estate, homes: Homes) -> None:
    """Devices that were removed do not keep the room that they were in."""
    await estate.house.services.devices.remove(estate.lamp)
    await homes.remove_room(hall(estate))
    assert await estate.house.reads.rooms_by_id(estate.grant.view, [hall(estate).id]) == {}


async def test_an_empty_room_can_be_removed(estate: Estate, homes: Homes) -> None:
    """Only the home tells."""
    room = await homes.add_room(estate.home.id, "Attic")
    before = await estate.events()
    await homes.remove_room(room)
    assert [event.type for event in await since(estate, before)] == [H]


async def test_members_come_change_and_go(estate: Estate, homes: Homes, bob: str) -> None:
    """Each step is told by the home."""
    before = await estate.events()
    roles = estate.house.reads.roles
    await homes.set_member(estate.home.id, bob, Role.GUEST)
    assert await roles(bob) == {estate.home.id: Role.GUEST}
    await homes.set_member(estate.home.id, bob, Role.MEMBER)
    assert await roles(bob) == {estate.home.id: Role.MEMBER}
    await homes.remove_member(estate.home.id, bob)
    assert await roles(bob) == {}
    assert [event.type for event in await since(estate, before)] == [H, H, H]


async def test_members_and_homes_that_are_not_there(estate: Estate, homes: Homes, bob: str) -> None:
    """Nobody is made or unmade a member of nothing, and no stranger leaves."""
    for work in (
        homes.set_member("home_none", bob, Role.GUEST),
        homes.set_member(estate.home.id, "user_none", Role.GUEST),
        homes.remove_member("home_none", bob),
        homes.remove_member(estate.home.id, bob),
        homes.rename("home_none", "x"),
    ):
        with pytest.raises(Missing):
            await work


async def test_the_last_owner_stays(estate: Estate, homes: Homes, bob: str) -> None:
    """A home keeps an owner: the last one can neither leave nor become less."""
    home, ada = estate.home.id, estate.user.id
    await homes.set_member(home, bob, Role.MEMBER)
    with pytest.raises(Conflict, match="at least one owner"):
        await homes.remove_member(home, ada)
    with pytest.raises(Conflict, match="at least one owner"):
        await homes.set_member(home, ada, Role.MEMBER)
    await homes.set_member(home, bob, Role.OWNER)
    await homes.remove_member(home, ada)
    assert await estate.house.reads.roles(bob) == {home: Role.OWNER}


async def test_owners_of_other_homes_do_not_count(estate: Estate, homes: Homes) -> None:
    """Nor where the work of another home is in the same transaction."""
    cabin = await another_home(estate)
    add = homes.set_member(cabin.id, estate.user.id, Role.OWNER)
    leave = homes.remove_member(estate.home.id, estate.user.id)
    _, refused = await asyncio.gather(add, leave, return_exceptions=True)
    assert isinstance(refused, Conflict)
    assert (await estate.house.reads.roles(estate.user.id))[estate.home.id] is Role.OWNER


async def test_who_leaves_shares_nothing_more_of_the_home(
    estate: Estate, homes: Homes, bob: str
) -> None:
    """Every grant of theirs ends there, at this place, and goes on elsewhere."""
    give, cabin = estate.house.services.grants.give, await another_home(estate)
    await homes.set_member(estate.home.id, bob, Role.OWNER)
    shares = [Share(estate.home.id), Share(cabin.id)]
    both = await give(estate.user.id, estate.client.id, SCOPES, shares)
    bobs = await give(bob, estate.client.id, SCOPES, [Share(estate.home.id)])
    place = (await estate.events())[-1].place
    await homes.remove_member(estate.home.id, estate.user.id)
    known = estate.house.access.grants
    assert known[estate.grant.id].view.homes == frozenset()
    assert known[both.id].view.homes == {cabin.id}
    assert [share.until for share in known[both.id].shares] == [place, None]
    assert known[bobs.id] == bobs


async def test_who_may_not_share_any_more_does_not(estate: Estate, homes: Homes, bob: str) -> None:
    """Becoming a guest ends what one had shared; coming back does not share it again."""
    await homes.set_member(estate.home.id, bob, Role.OWNER)
    known = estate.house.access.grants
    await homes.set_member(estate.home.id, estate.user.id, Role.MEMBER)
    assert known[estate.grant.id].view.homes == {estate.home.id}
    await homes.set_member(estate.home.id, estate.user.id, Role.GUEST)
    await homes.set_member(estate.home.id, estate.user.id, Role.MEMBER)
    assert known[estate.grant.id].view.homes == frozenset()


async def test_a_grant_given_at_the_last_moment_ends_too(
    estate: Estate, homes: Homes, bob: str
) -> None:
    """Sharing and leaving at once never leaves the home shared."""
    await homes.set_member(estate.home.id, bob, Role.OWNER)
    give = estate.house.services.grants.give
    await asyncio.gather(
        give(estate.user.id, estate.client.id, SCOPES, [Share(estate.home.id)]),
        homes.remove_member(estate.home.id, estate.user.id),
    )
    grants = estate.house.access.grants.values()
    assert [grant.view.homes for grant in grants] == [frozenset()] * 2
