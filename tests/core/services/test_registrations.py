"""Registrations over several processes, and what becomes of tokens that are over."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from core.domain.audit import OPERATOR
from core.domain.clients import Profile, Registered
from core.domain.errors import Invalid, Unauthenticated
from core.store import tables
from tests.conftest import Run
from tests.core.services.estate import Estate, LeapClock, eventually

PROFILE = Profile("App", ("https://app.example/cb",))
DAY = timedelta(days=1)


async def test_two_processes_count_together(database_url: str, run_house: Run) -> None:
    """Never more clients than uses, whichever process is asked; each knows all of them."""
    async with run_house(database_url) as one, run_house(database_url) as other:
        token, _ = await one.services.registrations.invite("Partner", 5, DAY, by=OPERATOR)
        work = [
            house.services.registrations.register(token, PROFILE)
            for house in (one, other)
            for _ in range(20)
        ]
        found = await asyncio.gather(*work, return_exceptions=True)
        made = [one for one in found if isinstance(one, Registered)]
        assert len(made) == 5
        assert {type(one) for one in found} == {Registered, Unauthenticated}
        ids = {one.client.id for one in made}
        await eventually(lambda: ids <= set(other.access.clients) & set(one.access.clients))


async def test_a_change_in_one_process_is_a_change_in_the_other(
    database_url: str, run_house: Run
) -> None:
    """The token is good everywhere, and so is its end."""
    async with run_house(database_url) as one, run_house(database_url) as other:
        token, _ = await one.services.registrations.invite("Partner", 1, DAY, by=OPERATOR)
        made = await one.services.registrations.register(token, PROFILE)
        found = await other.services.registrations.find(made.client.id, made.token)
        assert found.client == made.client
        await other.services.registrations.remove(found)
        with pytest.raises(Unauthenticated):
            await one.services.registrations.change(made, PROFILE)
        await eventually(lambda: one.access.clients[made.client.id].disabled)


async def test_tokens_that_are_over_are_forgotten(database_url: str, run_house: Run) -> None:
    """The next invitation takes them along, and no other."""
    clock = LeapClock()
    async with run_house(database_url, clock) as house:
        registrations = house.services.registrations
        for days in (1, 3):
            await registrations.invite(f"{days} days", 1, timedelta(days=days), by=OPERATOR)
        clock.leap(2 * 86_400)
        await registrations.invite("new", 1, DAY, by=OPERATOR)
        rows = await house.database.rows(select(tables.initial_tokens))
        assert sorted(row.name for row in rows) == ["3 days", "new"]


async def test_what_cannot_be_costs_no_use(estate: Estate) -> None:
    """Neither does what was refused make anybody."""
    registrations, before = estate.house.services.registrations, set(estate.house.access.clients)
    token, _ = await registrations.invite("Partner", 1, DAY, by=OPERATOR)
    with pytest.raises(Invalid):
        await registrations.register(token, Profile("Latchkey", PROFILE.redirect_uris))
    made = await registrations.register(token, PROFILE)
    assert set(estate.house.access.clients) - before == {made.client.id}


async def test_the_same_again_is_no_fact(estate: Estate) -> None:
    """A client that says what it said already writes nothing into the access log."""
    registrations, logs = estate.house.services.registrations, estate.house.logs
    token, _ = await registrations.invite("Partner", 1, DAY, by=OPERATOR)
    made = await registrations.register(token, PROFILE)
    before = await logs.heads(["access"])
    again = await registrations.change(made, PROFILE)
    assert (again.client, again.secret) == (made.client, None)
    assert await logs.heads(["access"]) == before


async def test_an_operator_and_a_client_at_once(estate: Estate) -> None:
    """Whatever their order, nobody ends up verified under a name that the client has given up."""
    registrations, accounts = estate.house.services.registrations, estate.house.services.accounts
    token, _ = await registrations.invite("Partner", 1, DAY, by=OPERATOR)
    made = await registrations.register(token, PROFILE)
    verified, changed = await asyncio.gather(
        accounts.verify_client(made.client.id, verified=True),
        registrations.change(made, Profile("Other", PROFILE.redirect_uris)),
    )
    now = estate.house.access.clients[made.client.id]
    assert now.verified is (verified.name == "Other")
    assert now.name == changed.client.name == "Other"
