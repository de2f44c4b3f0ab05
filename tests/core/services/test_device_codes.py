"""User codes: found whatever way they are typed, by few guesses, and answered by who typed them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from core.domain.audit import Kind, Outcome, Sought
from core.domain.authorizations import POLL, DeviceAuthorization
from core.domain.errors import Invalid, Limited
from core.domain.grants import Scope
from core.services.attempts import RULES
from core.services.device_codes import WRONG
from core.tokens import digest
from tests.conftest import Run
from tests.core.services.estate import Estate, LeapClock, eventually, settle

CODE = "BCDF-GHJK"
WIDE = "".join(chr(ord(letter) + 0xFEE0) for letter in "BCDFGHJK")
"""As an East Asian keyboard types it."""
ASKED = frozenset({Scope.DEVICES_READ})


@dataclass(frozen=True)
class Shown:
    """An estate, in which a device shows a code."""

    estate: Estate
    clock: LeapClock

    async def enter(self, typed: str, source: str = "192.0.2.1", user_id: str = "") -> str:
        """Type something."""
        who = user_id or self.estate.user.id
        return await self.estate.house.services.device_codes.enter(typed, who, source)


@pytest.fixture
async def shown(database_url: str, run_house: Run) -> AsyncIterator[Shown]:
    """A device that waits for ten minutes."""
    clock = LeapClock()
    async with run_house(database_url, clock) as house:
        estate = await settle(house)
        now = clock.now()
        waiting = DeviceAuthorization(
            digest=digest("device code"),
            client_id=estate.client.id,
            scopes=ASKED,
            resource=None,
            interval=POLL,
            expires_at=now + timedelta(minutes=10),
        )
        assert await house.oauth.do(lambda rows: rows.waiting.put(waiting, digest(CODE), now))
        yield Shown(estate, clock)


@pytest.mark.parametrize("typed", [CODE, "bcdfghjk", " bcdf ghjk\n", "BCDF\u2013GHJK", WIDE])
async def test_a_code_is_found_however_it_is_typed(shown: Shown, typed: str) -> None:
    """RFC 8628 §6.1: case, dashes, spaces, width count for nothing; the request is the device's."""
    request = await shown.enter(typed)
    authorizations = shown.estate.house.services.authorizations
    pending = await authorizations.pending(request, shown.estate.user.id)
    assert (pending.client, pending.scopes) == (shown.estate.client, ASKED)
    assert (pending.redirect_uri, pending.expired) == ("", False)


async def test_no_answer_tells_what_was_wrong(shown: Shown) -> None:
    """Nonsense, a code that nobody has, one that was used and one that is over read the same."""
    authorizations, user = shown.estate.house.services.authorizations, shown.estate.user.id
    request = await shown.enter(CODE)
    for typed in ("", "AEIOU", "\0", "x" * 10_000, "ZZZZ-ZZZZ", CODE + "B"):
        with pytest.raises(Invalid, match=WRONG):
            await shown.enter(typed)
    await authorizations.deny(request, user)
    with pytest.raises(Invalid, match=WRONG):
        await shown.enter(CODE)


async def test_a_code_is_over_with_its_device(shown: Shown) -> None:
    """Typed in time or not, it is too late for it then."""
    request = await shown.enter(CODE)
    shown.clock.leap(600)
    authorizations = shown.estate.house.services.authorizations
    assert (await authorizations.pending(request, shown.estate.user.id)).expired
    with pytest.raises(Invalid, match=WRONG):
        await shown.enter(CODE)


async def test_guesses_are_few_from_one_address(shown: Shown) -> None:
    """Whoever guesses from there; then even the right code has to wait (RFC 8628 §5.1)."""
    accounts = shown.estate.house.services.accounts
    for number in range(RULES["device"].burst):
        who = (await accounts.create_user(f"guesser {number}")).id
        with pytest.raises(Invalid):
            await shown.enter("ZZZZ-ZZZZ", user_id=who)
    with pytest.raises(Limited, match="Try again in"):
        await shown.enter(CODE)
    await shown.enter(CODE, "192.0.2.2")


async def test_guesses_are_few_by_one_account(shown: Shown) -> None:
    """From wherever it guesses."""
    for number in range(RULES["device_account"].burst):
        with pytest.raises(Invalid):
            await shown.enter("ZZZZ-ZZZZ", f"192.0.2.{number}")
    with pytest.raises(Limited, match="Try again in"):
        await shown.enter(CODE, "198.51.100.1")
    bob = await shown.estate.house.services.accounts.create_user("bob")
    await shown.enter(CODE, "198.51.100.1", bob.id)


async def test_what_is_right_is_no_guess(shown: Shown) -> None:
    """Who connects many devices is not refused, nor is who cannot type."""
    for _ in range(2 * RULES["device"].burst):
        await shown.enter(CODE)
        with pytest.raises(Invalid):
            await shown.enter("BCDF-GHJ")


async def test_a_guess_is_noted(shown: Shown) -> None:
    """With who made it, and without what they typed."""
    with pytest.raises(Invalid):
        await shown.enter("ZZZZ-ZZZZ")
    audit = shown.estate.house.services.audit
    await eventually(lambda: audit.waiting == 0)
    (row,) = await audit.listed(Sought(Kind.AUTHORIZATION, Outcome.REFUSED), 10)
    assert row.content is not None
    assert row.content["actor"] == shown.estate.user.id
    assert row.content["detail"] == '{"reason": "unknown_user_code"}'
