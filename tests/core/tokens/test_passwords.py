"""Passwords: argon2id, the same time for nobody as for somebody, and no loop held up."""

import asyncio
import time

import pytest

from core.domain.errors import Invalid, Limited
from core.domain.people import LONGEST, SHORTEST, checked_password, normal
from core.tokens import Passwords
from core.tokens.passwords import AT_ONCE, WAITING

RIGHT = "maple street in the rain"


async def test_a_password_matches_its_hash_alone() -> None:
    """The right one does, another does not, and what is no hash matches nothing."""
    passwords = Passwords()
    hashed = await passwords.hash(RIGHT)
    assert hashed.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert not passwords.stale(hashed)
    assert await passwords.matches(hashed, RIGHT)
    assert not await passwords.matches(hashed, RIGHT + " ")
    assert not await passwords.matches("nonsense", RIGHT)


async def test_nobody_takes_as_long_as_somebody() -> None:
    """Where there is no hash the same work is done, and the answer is no."""
    passwords = Passwords()
    hashed = await passwords.hash(RIGHT)
    assert not await passwords.matches(None, "the password of nobody")
    spent: dict[bool, list[float]] = {True: [], False: []}
    for known in [True, False] * 5:
        start = time.perf_counter()
        await passwords.matches(hashed if known else None, "wrong")
        spent[known].append(time.perf_counter() - start)
    assert min(spent[False]) > min(spent[True]) / 2


async def test_the_loop_goes_on_meanwhile() -> None:
    """Hashing happens in a thread."""
    work = asyncio.create_task(Passwords().hash(RIGHT))
    turns = 0
    while not work.done():
        turns += 1
        await asyncio.sleep(0.001)
    assert turns > 3


async def test_a_flood_of_passwords_is_limited() -> None:
    """So many wait; the next is told to come again, and later ones are served."""
    passwords = Passwords()
    flood = [passwords.hash(RIGHT) for _ in range(AT_ONCE + WAITING + 1)]
    done = await asyncio.gather(*flood, return_exceptions=True)
    assert [type(one) for one in done].count(Limited) == 1
    assert await passwords.hash(RIGHT)


@pytest.mark.parametrize("length", [0, SHORTEST - 1, LONGEST + 1])
def test_a_password_has_a_length(length: int) -> None:
    """Too short and too long are refused, with what would be right."""
    with pytest.raises(Invalid, match="15 to 256"):
        checked_password("x" * length)


def test_every_keyboard_types_the_same_password() -> None:
    """A letter with a mark is one however it was typed (NFKC)."""
    composed, typed_apart = "caf\u00e9 by the harbour", "cafe\u0301 by the harbour"
    assert checked_password(typed_apart) == checked_password(composed) == normal(composed)
