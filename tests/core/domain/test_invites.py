"""Invites, before anybody stores them."""

from datetime import timedelta

import pytest
from hypothesis import given, strategies as st

from core.domain.errors import Invalid
from core.domain.homes import Role
from core.domain.invites import LONGEST, Invite, checked_lifetime, digest, new_code
from tests.fakes import START

DAY = timedelta(days=1)


@given(st.timedeltas(-DAY, DAY), st.none() | st.just("user_1"))
def test_an_invite_is_open_once_and_in_time(passed: timedelta, used_by: str | None) -> None:
    """Until somebody has used it, or its time has come."""
    invite = Invite("invite_1", "home_1", "", Role.MEMBER, "user_2", START, START, used_by)
    assert invite.open(START + passed) == (used_by is None and passed < timedelta(0))


@given(st.timedeltas())
def test_a_lifetime_has_bounds(lasts: timedelta) -> None:
    """More than nothing, and no more than a month."""
    if timedelta(0) < lasts <= LONGEST:
        assert checked_lifetime(lasts) == lasts
    else:
        with pytest.raises(Invalid, match="up to 30 days"):
            checked_lifetime(lasts)


def test_codes_differ_and_so_do_digests() -> None:
    """Nobody guesses one, and none can be told from what is stored."""
    codes = {new_code() for _ in range(1_000)}
    assert len({digest(code) for code in codes}) == len(codes) == 1_000
    assert all(len(code) == 32 and code not in digest(code) for code in codes)
