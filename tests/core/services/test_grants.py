"""Grants: what is shared from which place of a home's log on, and up to which."""

import asyncio
from dataclasses import replace

import pytest

from core.domain.errors import Conflict, Invalid, Missing, Refused
from core.domain.grants import Grant, Scope, Share
from core.domain.homes import Role
from core.services import Grants
from tests.core.services.estate import SCOPES, Estate, another_home, lamp

READ = frozenset({Scope.DEVICES_READ})


@pytest.fixture
def grants(estate: Estate) -> Grants:
    """The service."""
    return estate.house.services.grants


async def head(estate: Estate, home_id: str | None = None) -> int:
    """A home's newest place."""
    home_id = home_id or estate.home.id
    return (await estate.house.logs.heads([home_id]))[home_id]


def room_of(estate: Estate) -> str:
    """The id of the lamp's room."""
    assert estate.lamp.room is not None
    return estate.lamp.room.id


def lines(grant: Grant) -> list[tuple[str | None, int, int | None]]:
    """A grant's shares: the device, and from which place to which."""
    return [(share.device_id, share.since, share.until) for share in grant.shares]


async def test_a_grant_begins_now(estate: Estate, grants: Grants) -> None:
    """What happened before it was given is not covered, and what comes after is."""
    before = await estate.events()
    targets = [Share(estate.home.id, since=-9, until=3)]
    grant = await grants.give(estate.user.id, estate.client.id, READ, targets)
    await estate.hear(1, on=True)
    after = (await estate.events())[-1]
    assert lines(grant) == [(None, len(before), None)]
    assert [grant.covered(event) for event in (*before, after)] == [False] * len(before) + [True]
    assert estate.house.access.grants[grant.id] == grant


async def test_who_shares_must_belong_to_the_home(estate: Estate, grants: Grants) -> None:
    """Members may share, guests and strangers may not."""
    services = estate.house.services
    bob = (await services.accounts.create_user("Bob")).id
    give = (bob, estate.client.id, READ, [Share(estate.home.id)])
    with pytest.raises(Refused, match="cannot share it"):
        await grants.give(*give)
    await services.homes.set_member(estate.home.id, bob, Role.GUEST)
    with pytest.raises(Refused):
        await grants.give(*give)
    await services.homes.set_member(estate.home.id, bob, Role.MEMBER)
    assert (await grants.give(*give)).view.whole == {estate.home.id}


async def test_only_what_is_there_can_be_shared(estate: Estate, grants: Grants) -> None:
    """A home, room or device that is not there, or is in another home, is missing."""
    cabin = await another_home(estate)
    home, (other,) = estate.home.id, await estate.house.devices_of(cabin.id)
    assert other.room is not None
    for share in (
        Share("home_none"),
        Share(home, room_id="room_none"),
        Share(home, device_id="device_none"),
        Share(home, room_id=other.room.id),
        Share(home, device_id=other.id),
    ):
        with pytest.raises(Missing):
            await grants.give(estate.user.id, estate.client.id, READ, [share, Share(cabin.id)])


async def test_a_line_shares_one_thing(estate: Estate, grants: Grants) -> None:
    """A room or a device, not both; and what is named twice is shared once."""
    both = Share(estate.home.id, room_of(estate), estate.lamp.id)
    with pytest.raises(Invalid, match="not both"):
        await grants.give(estate.user.id, estate.client.id, READ, [both])
    twice = [Share(estate.home.id), Share(estate.home.id, since=3)]
    grant = await grants.give(estate.user.id, estate.client.id, READ, twice)
    assert len(grant.shares) == 1
    assert len((await grants.amend(grant, READ, twice)).shares) == 1


async def test_both_sides_must_be_there(estate: Estate, grants: Grants) -> None:
    """Neither a user nor a client that is not known can be part of a grant."""
    for user, client in (("user_none", estate.client.id), (estate.user.id, "client_none")):
        with pytest.raises(Missing):
            await grants.give(user, client, READ, [Share(estate.home.id)])


async def test_amending_keeps_the_past(estate: Estate, grants: Grants) -> None:
    """What is no longer shared ends here, what is shared anew begins here, the rest goes on."""
    (other,) = await estate.house.services.devices.reconcile(estate.home, [lamp("other")])
    first, second = (Share(estate.home.id, device_id=one.id) for one in (estate.lamp, other))
    grant = await grants.give(estate.user.id, estate.client.id, SCOPES, [first])
    begun = await head(estate)
    await estate.hear(1, on=True)
    both = await grants.amend(grant, SCOPES, [second, first])
    assert lines(both) == [(estate.lamp.id, begun, None), (other.id, begun + 1, None)]
    await estate.hear(2, on=False)
    one = await grants.amend(both, READ, [second])
    assert lines(one) == [(estate.lamp.id, begun, begun + 2), (other.id, begun + 1, None)]
    assert one.scopes == READ
    assert one.view.devices == {other.id}


async def test_what_is_shared_again_begins_again(estate: Estate, grants: Grants) -> None:
    """Between the end of a share and its new beginning nothing is covered."""
    home = Share(estate.home.id)
    await estate.hear(1, on=True)
    await grants.amend(estate.grant, SCOPES, [])
    await estate.hear(2, on=False)
    hidden = (await estate.events())[-1]
    grant = await grants.amend(estate.grant, SCOPES, [home])
    await estate.hear(3, on=True)
    seen = (await estate.events())[-1]
    assert not grant.covered(hidden)
    assert grant.covered(seen)
    assert len(grant.shares) == 2


async def test_narrowing_a_home_to_a_room(estate: Estate, grants: Grants) -> None:
    """The whole home ends and the room begins at the same place."""
    await estate.hear(1, on=True)
    place = await head(estate)
    grant = await grants.amend(estate.grant, SCOPES, [Share(estate.home.id, room_of(estate))])
    assert lines(grant) == [(None, estate.grant.shares[0].since, place), (None, place, None)]
    assert grant.view.whole == set()
    assert grant.view.rooms == {room_of(estate)}


async def test_a_line_that_covered_nothing_is_not_kept(estate: Estate, grants: Grants) -> None:
    """However often somebody changes their mind while nothing happens."""
    grant = estate.grant
    for number in range(6):
        wanted = [Share(estate.home.id, room_of(estate))] if number % 2 else []
        grant = await grants.amend(grant, SCOPES, wanted)
    assert len(grant.shares) == 1


async def test_revoking_ends_everything(estate: Estate, grants: Grants) -> None:
    """Every share ends here; it is known at once, stays so, and may be said twice."""
    revoked = await grants.revoke(estate.grant)
    assert (revoked.revoked, revoked.view.homes) == (True, frozenset())
    assert [share.until for share in revoked.shares] == [await head(estate)]
    assert estate.house.access.grants[estate.grant.id] == revoked
    assert await grants.revoke(estate.grant) == revoked
    with pytest.raises(Conflict, match="was taken back"):
        await grants.amend(estate.grant, SCOPES, [Share(estate.home.id)])


async def test_a_grant_that_is_not_there(estate: Estate, grants: Grants) -> None:
    """It can be neither amended nor revoked."""
    unknown = replace(estate.grant, id="grant_none")
    with pytest.raises(Missing):
        await grants.amend(unknown, SCOPES, [])
    with pytest.raises(Missing):
        await grants.revoke(unknown)


async def test_an_old_copy_of_a_grant_revokes_all_of_it(estate: Estate, grants: Grants) -> None:
    """Who read the grant before more homes were added still takes those back, too."""
    cabin = await another_home(estate)
    shares = [Share(estate.home.id), Share(cabin.id)]
    await grants.amend(estate.grant, SCOPES, shares)
    revoked = await grants.revoke(estate.grant)
    assert [share.until for share in revoked.shares] == [
        await head(estate),
        await head(estate, cabin.id),
    ]


async def test_an_old_copy_of_a_grant_is_amended_as_it_is(estate: Estate, grants: Grants) -> None:
    """What was added meanwhile and is not wanted ends, as if the copy were new."""
    cabin = await another_home(estate)
    await grants.amend(estate.grant, SCOPES, [Share(cabin.id)])
    amended = await grants.amend(estate.grant, SCOPES, [Share(estate.home.id)])
    assert amended.view.homes == {estate.home.id}


async def test_amending_and_revoking_at_once(estate: Estate, grants: Grants) -> None:
    """Whatever comes first, in the end the grant is revoked and shows nothing."""
    cabin = await another_home(estate)
    shares = [Share(estate.home.id), Share(cabin.id)]
    await asyncio.gather(
        grants.amend(estate.grant, SCOPES, shares),
        grants.revoke(estate.grant),
        grants.amend(estate.grant, SCOPES, shares),
        return_exceptions=True,
    )
    known = estate.house.access.grants[estate.grant.id]
    assert (known.revoked, known.view.homes) == (True, frozenset())
    assert all(share.until is not None for share in known.shares)


async def test_a_sandbox_client_gets_simulated_homes_alone(estate: Estate) -> None:
    """Another home cannot be shared with it, neither at first nor later."""
    services, scopes = estate.house.services, frozenset(Scope)
    client = await services.accounts.create_client("Trial", sandbox=True)
    play = await services.homes.create(estate.user.id, "Play", "UTC", "simulator://maple")
    with pytest.raises(Refused, match="a sandbox client"):
        await services.grants.give(estate.user.id, client.id, scopes, [Share(estate.home.id)])
    grant = await services.grants.give(estate.user.id, client.id, scopes, [Share(play.id)])
    with pytest.raises(Refused, match="a sandbox client"):
        await services.grants.amend(grant, scopes, [Share(play.id), Share(estate.home.id)])
