"""Owners invite, people join once, and whoever goes takes along what they gave."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.domain.accounts import User
from core.domain.audit import OPERATOR, Actor
from core.domain.errors import Conflict, Invalid, Limited, Missing, Refused
from core.domain.grants import Scope, Share
from core.domain.homes import Role
from core.domain.invites import OPEN, digest
from core.store import tables
from tests.conftest import Run
from tests.core.services.estate import Estate, LeapClock, settle

DAY = timedelta(days=1)


async def invite(estate: Estate, role: Role = Role.MEMBER, by: Actor | None = None) -> str:
    """The code of an invite by the owner."""
    actor = by or Actor(estate.user.id)
    code, _ = await estate.house.services.invites.make(estate.home.id, role, DAY, by=actor)
    return code


async def person(estate: Estate, name: str = "Bob") -> User:
    """Somebody else."""
    return await estate.house.services.accounts.create_user(name)


async def roles(estate: Estate) -> dict[str, Role]:
    """Who belongs to the home."""
    return {user.name: role for user, role in await estate.house.reads.members(estate.home.id)}


@pytest.mark.parametrize("role", Role)
async def test_whoever_has_the_code_joins(estate: Estate, role: Role) -> None:
    """In the role that the owner chose."""
    bob = await person(estate)
    used = await estate.house.services.invites.join(await invite(estate, role), bob.id)
    assert (used.used_by, used.role) == (bob.id, role)
    assert await roles(estate) == {"Ada": Role.OWNER, "Bob": role}


async def test_the_code_is_not_stored(estate: Estate) -> None:
    """Its digest is."""
    code = await invite(estate)
    (row,) = await estate.house.database.rows(select(tables.invites))
    assert code not in str(tuple(row))
    assert row.digest == digest(code)


async def test_a_code_works_once(estate: Estate) -> None:
    """Of ten who use it at the same time, one joins."""
    code = await invite(estate)
    people = [await person(estate, f"person {number}") for number in range(10)]
    join = estate.house.services.invites.join
    ends = await asyncio.gather(*(join(code, one.id) for one in people), return_exceptions=True)
    assert sum(isinstance(end, Missing) for end in ends) == 9
    assert len(await roles(estate)) == 2


async def test_a_code_expires(database_url: str, run_house: Run) -> None:
    """When its day is over, it is as if it had never been."""
    clock = LeapClock()
    async with run_house(database_url, clock) as house:
        estate = await settle(house)
        bob, code = await person(estate), await invite(estate)
        clock.leap(DAY.total_seconds())
        with pytest.raises(Missing, match="There is no such invite, or it is over"):
            await house.services.invites.join(code, bob.id)
        await invite(estate)
        assert len(await house.database.rows(select(tables.invites))) == 1


async def test_a_code_falls_with_its_maker(estate: Estate) -> None:
    """Who is no owner any more, or disabled, lets nobody in."""
    services, bob, eve = estate.house.services, await person(estate), await person(estate, "Eve")
    await services.homes.set_member(estate.home.id, bob.id, Role.OWNER)
    code = await invite(estate, by=Actor(bob.id))
    await services.homes.set_member(estate.home.id, bob.id, Role.MEMBER)
    with pytest.raises(Missing):
        await services.invites.join(code, eve.id)
    await services.homes.set_member(estate.home.id, bob.id, Role.OWNER)
    await services.accounts.disable_user(bob.id)
    with pytest.raises(Missing):
        await services.invites.join(code, eve.id)


async def test_a_member_does_not_join_again(estate: Estate) -> None:
    """So no owner becomes a guest by mistake; the invite is there for somebody else."""
    code, bob = await invite(estate, Role.GUEST), await person(estate)
    with pytest.raises(Conflict, match="is a member of"):
        await estate.house.services.invites.join(code, estate.user.id)
    await estate.house.services.invites.join(code, bob.id)
    assert await roles(estate) == {"Ada": Role.OWNER, "Bob": Role.GUEST}


async def test_who_may_not_join(estate: Estate) -> None:
    """Nobody without a code, an account, or with one that is disabled."""
    code, bob = await invite(estate), await person(estate)
    await estate.house.services.accounts.disable_user(bob.id)
    join = estate.house.services.invites.join
    with pytest.raises(Missing):
        await join("0" * 32, bob.id)
    with pytest.raises(Missing):
        await join(code, "user_none")
    with pytest.raises(Refused, match="is disabled"):
        await join(code, bob.id)


async def test_owners_alone_manage_people(estate: Estate) -> None:
    """A member invites, appoints and removes nobody but themself; an operator may."""
    services, bob, eve = estate.house.services, await person(estate), await person(estate, "Eve")
    home, member = estate.home.id, Actor(bob.id)
    await services.homes.set_member(home, bob.id, Role.MEMBER, by=OPERATOR)
    with pytest.raises(Refused, match="owners alone manage its members"):
        await invite(estate, by=member)
    with pytest.raises(Refused):
        await services.homes.set_member(home, eve.id, Role.MEMBER, by=member)
    with pytest.raises(Refused):
        await services.homes.remove_member(home, estate.user.id, by=member)
    await services.homes.remove_member(home, bob.id, by=member)
    assert await roles(estate) == {"Ada": Role.OWNER}
    await services.invites.join(await invite(estate, by=OPERATOR), bob.id)


async def test_invites_have_bounds(estate: Estate) -> None:
    """In time, and in how many are open in one home."""
    make = estate.house.services.invites.make
    with pytest.raises(Invalid, match="up to 30 days"):
        await make(estate.home.id, Role.MEMBER, timedelta(0), by=OPERATOR)
    with pytest.raises(Missing):
        await make("home_none", Role.MEMBER, DAY, by=OPERATOR)
    for _ in range(OPEN):
        await invite(estate)
    with pytest.raises(Limited, match="20 invites"):
        await invite(estate)


async def test_a_guest_gives_no_access(estate: Estate) -> None:
    """And whoever leaves takes along what they gave."""
    services, bob = estate.house.services, await person(estate)
    await services.invites.join(await invite(estate, Role.GUEST), bob.id)
    shares = [Share(estate.home.id)]
    with pytest.raises(Refused):
        await services.grants.give(bob.id, estate.client.id, set(Scope), shares)
    await services.homes.set_member(estate.home.id, bob.id, Role.MEMBER)
    grant = await services.grants.give(bob.id, estate.client.id, set(Scope), shares)
    await services.homes.remove_member(estate.home.id, bob.id, by=Actor(bob.id))
    assert estate.house.access.grants[grant.id].view.homes == frozenset()
