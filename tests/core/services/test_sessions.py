"""Sessions: signing in by a password, being found by a secret, and every way to be out."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from app.compose import House
from core.domain.accounts import User
from core.domain.errors import Invalid, Limited, Missing
from core.services.sessions import WRONG, Sessions
from core.store import tables
from tests.conftest import Run
from tests.core.services.estate import LeapClock

PASSWORD = "maple street in the rain"
SOURCE = "192.0.2.1"


@dataclass(frozen=True)
class Door:
    """A house with one user who has a password, on a clock that the test moves."""

    house: House
    clock: LeapClock
    ada: User

    @property
    def sessions(self) -> Sessions:
        """What is tested."""
        return self.house.services.sessions

    async def enter(self, name: str = "ada", password: str = PASSWORD) -> str:
        """Sign in; the secret."""
        secret, _ = await self.sessions.sign_in(name, password, SOURCE)
        return secret


@pytest.fixture
async def door(database_url: str, run_house: Run) -> AsyncIterator[Door]:
    """The house, on both kinds of database."""
    clock = LeapClock()
    async with run_house(database_url, clock) as house:
        ada = await house.services.accounts.create_user("ada")
        await house.services.sessions.set_password(ada.id, PASSWORD)
        yield Door(house, clock, ada)


async def test_who_signs_in_is_known_by_the_secret_alone(door: Door) -> None:
    """The secret finds the person; it is stored nowhere, and neither is the password."""
    secret = await door.enter()
    person = await door.sessions.find(secret)
    assert person is not None
    assert person.user == door.ada
    assert await door.sessions.find(secret[:-1]) is None
    assert await door.sessions.find(person.session.id) is None
    kept = [
        *await door.house.database.rows(select(tables.sessions)),
        *await door.house.database.rows(select(tables.passwords)),
        *await door.house.database.rows(select(tables.access)),
    ]
    assert secret not in str(kept)
    assert PASSWORD not in str(kept)


async def test_each_sign_in_has_a_secret_of_its_own(door: Door) -> None:
    """Ending one ends no other."""
    first, second = await door.enter(), await door.enter()
    assert first != second
    found = await door.sessions.find(first)
    assert found is not None
    await door.sessions.end(found.session)
    assert await door.sessions.find(first) is None
    assert await door.sessions.find(second) is not None


@pytest.mark.parametrize("name", ["ada", "nobody", "bob", "eve"])
async def test_no_answer_tells_who_is_known(door: Door, name: str) -> None:
    """A wrong password, an unknown name, no password and a disabled user read the same."""
    accounts = door.house.services.accounts
    await accounts.create_user("bob")
    eve = await accounts.create_user("eve")
    await door.sessions.set_password(eve.id, PASSWORD)
    await accounts.disable_user(eve.id)
    with pytest.raises(Invalid) as refused:
        await door.enter(name, PASSWORD if name != "ada" else "another one altogether")
    assert str(refused.value) == WRONG


async def test_guessing_is_slowed_down(door: Door) -> None:
    """Of many guesses at once a few are looked at; then even the right one has to wait."""
    guesses = [door.enter(password=f"guess number {number}") for number in range(20)]
    done = await asyncio.gather(*guesses, return_exceptions=True)
    assert [type(one) for one in done].count(Invalid) == 10
    with pytest.raises(Limited):
        await door.enter()


async def test_a_session_ends_unused_and_in_the_end(door: Door) -> None:
    """A day without use ends it, and two weeks end it however it is used."""
    idle, used = await door.enter(), await door.enter()
    for _ in range(27):
        door.clock.leap(43_200)
        assert await door.sessions.find(used) is not None
    assert await door.sessions.find(idle) is None
    door.clock.leap(43_200)
    assert await door.sessions.find(used) is None


async def test_sessions_that_are_over_are_forgotten(door: Door) -> None:
    """The next sign-in takes their rows away."""
    await door.enter()
    door.clock.leap(90_000)
    await door.enter()
    assert len(await door.house.database.rows(select(tables.sessions))) == 1


async def test_a_disabled_user_is_out_at_once(door: Door) -> None:
    """Open sessions of theirs find nobody."""
    secret = await door.enter()
    await door.house.services.accounts.disable_user(door.ada.id)
    assert await door.sessions.find(secret) is None


async def test_another_password_ends_every_session(door: Door) -> None:
    """The old one is good for nothing any more."""
    secret = await door.enter()
    await door.sessions.set_password(door.ada.id, "quite another password")
    assert await door.sessions.find(secret) is None
    with pytest.raises(Invalid):
        await door.enter()
    assert await door.enter(password="quite another password")


async def test_no_session_begins_with_a_password_that_was_changed_meanwhile(door: Door) -> None:
    """Whichever comes first, nobody is left signed in by the old password."""
    racing = [door.enter() for _ in range(4)]
    changing = door.sessions.set_password(door.ada.id, "quite another password")
    done = await asyncio.gather(*racing, changing, return_exceptions=True)
    secrets = [one for one in done if isinstance(one, str)]
    assert all(isinstance(one, str | Invalid | None) for one in done)
    assert [await door.sessions.find(one) for one in secrets] == [None] * len(secrets)


async def test_signing_out_everywhere_else(door: Door) -> None:
    """This session stays, the person's others end, and other people's do not."""
    bob = await door.house.services.accounts.create_user("bob")
    await door.sessions.set_password(bob.id, PASSWORD)
    here, there, his = await door.enter(), await door.enter(), await door.enter("bob")
    person = await door.sessions.find(here)
    assert person is not None
    assert len(await door.sessions.of(person)) == 2
    await door.sessions.end_others(person)
    assert [session.id for session in await door.sessions.of(person)] == [person.session.id]
    assert await door.sessions.find(there) is None
    assert await door.sessions.find(his) is not None


async def test_a_password_is_for_somebody(door: Door) -> None:
    """There is none for a user who is not there, and none that is too short."""
    with pytest.raises(Missing):
        await door.sessions.set_password("user_none", PASSWORD)
    with pytest.raises(Invalid):
        await door.sessions.set_password(door.ada.id, "short")
