"""Consents: whose homes, to which app, by which ticks; and taking back, against every race."""

import asyncio
from dataclasses import replace

import pytest

from core.domain.accounts import Client
from core.domain.errors import Conflict, Missing, Refused
from core.domain.grants import Scope, Share
from core.domain.homes import Role
from core.services.consents import Consents
from core.store import codec
from core.store.committer import Work
from core.store.ledger import Ledger, Needs
from tests.core.services.estate import Estate, another_home, lamp

READ = frozenset({Scope.DEVICES_READ})


def consents(estate: Estate) -> Consents:
    """What is tested."""
    return estate.house.services.consents


async def sandbox(estate: Estate) -> Client:
    """The estate's client, as one that may only be given simulated homes from now on."""
    client = replace(estate.client, sandbox=True)

    def decide(ledger: Ledger) -> None:
        ledger.clients.put(client.id, client)
        ledger.tell_access("client", codec.account_out(client))

    needs = Needs(clients=frozenset({client.id}), access=True)
    await estate.house.committer.submit(Work(needs, decide))
    return client


async def second_app(estate: Estate) -> Client:
    """A client to which nothing was given yet."""
    return await estate.house.services.accounts.create_client("Second")


async def test_homes_are_offered_to_who_may_share_them(estate: Estate) -> None:
    """Owners and members, not guests and not strangers; by name, with rooms and devices."""
    services = estate.house.services
    cabin = await another_home(estate)
    offers = await consents(estate).offers(estate.user.id, estate.client)
    assert [offer.home for offer in offers] == [estate.home, cabin]
    assert [device.id for device in offers[0].devices] == [estate.lamp.id]
    bob = await services.accounts.create_user("Bob")
    assert await consents(estate).offers(bob.id, estate.client) == []
    await services.homes.set_member(estate.home.id, bob.id, Role.GUEST)
    assert await consents(estate).offers(bob.id, estate.client) == []
    await services.homes.set_member(estate.home.id, bob.id, Role.MEMBER)
    assert len(await consents(estate).offers(bob.id, estate.client)) == 1


async def test_a_sandbox_app_gets_simulated_homes_alone(estate: Estate) -> None:
    """Neither is another home offered, nor can it be given by any way."""
    client, grants = await sandbox(estate), estate.house.services.grants
    home = await estate.house.services.homes.create(
        estate.user.id, "Doll's house", "UTC", "simulator://plan?devices=0"
    )
    offers = await consents(estate).offers(estate.user.id, client)
    assert [offer.home for offer in offers] == [home]
    with pytest.raises(Refused, match="sandbox"):
        await grants.give(estate.user.id, client.id, READ, [Share(estate.home.id)])
    other = [Share(estate.home.id, device_id=estate.lamp.id)]
    with pytest.raises(Refused, match="sandbox"):
        await grants.amend(estate.grant, READ, other)
    given = await grants.amend(estate.grant, READ, [Share(home.id)])
    assert given.view.homes == {home.id}


async def test_a_second_yes_amends_the_same_grant(estate: Estate) -> None:
    """One grant for each app; it keeps its age and its past."""
    client, made = await second_app(estate), consents(estate)
    user_id, line = estate.user.id, Share(estate.home.id, device_id=estate.lamp.id)
    first = await made.allow(user_id, client, None, READ, [line])
    more = await made.allow(user_id, client, first, frozenset(Scope), [line])
    assert (more.id, more.since, more.shares) == (first.id, first.since, first.shares)
    assert made.current(user_id, client) == more


async def test_nobody_says_yes_to_what_they_did_not_see(estate: Estate) -> None:
    """Where the grant changed since the page was made, the yes counts for nothing."""
    client, made = await second_app(estate), consents(estate)
    user_id, line = estate.user.id, [Share(estate.home.id)]
    given = [made.allow(user_id, client, None, READ, line) for _ in range(8)]
    done = await asyncio.gather(*given, return_exceptions=True)
    assert [type(one) for one in done].count(Conflict) == 7
    seen = made.current(user_id, client)
    assert seen is not None
    await estate.house.services.grants.amend(seen, frozenset(Scope), line)
    with pytest.raises(Conflict, match="changed meanwhile"):
        await made.allow(user_id, client, seen, READ, line)
    with pytest.raises(Conflict, match="changed meanwhile"):
        await made.allow(user_id, client, None, READ, line)


async def test_one_device_is_taken_back(estate: Estate) -> None:
    """All else stays, also what comes later to other rooms; the last one takes the grant along."""
    found = [lamp("a", "Hall"), lamp("b", "Hall"), lamp("c", "Loft")]
    devices = await estate.house.services.devices.reconcile(estate.home, found)
    hall, beside, loft = sorted(devices, key=lambda device: device.address)[-3:]
    made = consents(estate)
    await made.share_no_more(made.grant(estate.user.id, estate.grant.id), hall.id)
    view = made.grant(estate.user.id, estate.grant.id).view
    assert [view.sees(one) for one in (estate.lamp, hall, beside, loft)] == [
        True,
        False,
        True,
        True,
    ]
    assert loft.room is not None
    assert view.rooms == {loft.room.id}
    for device in (estate.lamp, beside, loft):
        await made.share_no_more(made.grant(estate.user.id, estate.grant.id), device.id)
    assert made.grants(estate.user.id) == []


async def test_taking_back_two_at_once_takes_both(estate: Estate) -> None:
    """Neither brings back what the other took, though both knew the same grant."""
    found = [lamp(f"{number}", "Hall") for number in range(8)]
    await estate.house.services.devices.reconcile(estate.home, found)
    devices = await estate.house.devices_of(estate.home.id)
    made = consents(estate)
    taken = devices[:6]
    await asyncio.gather(*(made.share_no_more(estate.grant, one.id) for one in taken))
    view = made.grant(estate.user.id, estate.grant.id).view
    assert [one for one in devices if view.sees(one)] == devices[6:]


async def test_nobody_takes_back_what_is_not_theirs(estate: Estate) -> None:
    """Another user's grant is not there for them, and what is not shared cannot be taken."""
    made, bob = consents(estate), await estate.house.services.accounts.create_user("Bob")
    with pytest.raises(Missing):
        made.grant(bob.id, estate.grant.id)
    with pytest.raises(Missing):
        await made.share_no_more(estate.grant, "device_none")
    await made.take_back(estate.grant)
    assert made.grants(estate.user.id) == []


@pytest.mark.parametrize("had", [True, False])
async def test_a_yes_that_came_to_nothing_is_undone(estate: Estate, *, had: bool) -> None:
    """The client has what it had before, no more and no less."""
    service, user_id = consents(estate), estate.user.id
    client = estate.client if had else await second_app(estate)
    before = service.current(user_id, client)
    wider = [Share(estate.home.id), Share((await another_home(estate)).id)]
    grant = await service.allow(user_id, client, before, frozenset(Scope), wider)
    await service.undo(grant, before)
    after = service.current(user_id, client)
    if before is None:
        assert after is None
    else:
        assert after is not None
        assert (after.scopes, after.view) == (before.scopes, before.view)
