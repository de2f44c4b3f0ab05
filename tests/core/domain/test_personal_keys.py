"""Personal access tokens: what bounds them, whoever asks."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.domain.errors import Conflict, Invalid
from core.domain.grants import OWN, Grant, Scope
from core.domain.personal_keys import MOST, alive, check_beside, check_scopes, made
from tests.fakes import START

DAY = timedelta(days=1)


def grant(name: str, days: int = 7) -> Grant:
    """What a token of this name opens."""
    key = made(name, f"digest of {name}", days, START)
    return Grant(f"grant_{name}", "user_1", "client_1", frozenset(Scope), (), START, key=key)


def test_it_lasts_for_its_days() -> None:
    """To the moment; one that was taken back is over before."""
    one = grant("laptop", 30)
    assert alive(one, START + 30 * DAY - timedelta(microseconds=1))
    assert not alive(one, START + 30 * DAY)
    assert not alive(replace(one, revoked=True), START)
    assert not alive(replace(one, key=None), START)


@pytest.mark.parametrize("days", [0, -1, 366])
def test_days_are_bounded(days: int) -> None:
    """From a day to a year."""
    with pytest.raises(Invalid, match="1 to 365 days"):
        grant("laptop", days)


@pytest.mark.parametrize("name", ["", "  ", "a" * 101, "a\nb"])
def test_a_name_can_be_read(name: str) -> None:
    """And is not too long to be."""
    with pytest.raises(Invalid, match="1 to 100 printable"):
        grant(name)


@pytest.mark.parametrize("scopes", [frozenset(), OWN, frozenset(Scope)])
def test_it_opens_something_of_a_users(scopes: frozenset[Scope]) -> None:
    """Never what is a client's own: Latchkey's is everybody's."""
    with pytest.raises(Invalid, match="at least one of devices:read"):
        check_scopes(scopes)


def test_there_is_room_beside_others() -> None:
    """Names differ, and there are so many at most; those that are over do not count."""
    others = [grant(f"{number}") for number in range(MOST)]
    key = made("0", "digest", 7, START)
    with pytest.raises(Conflict, match="named '0' already"):
        check_beside(key, others, START)
    with pytest.raises(Conflict, match="which is the most"):
        check_beside(replace(key, name="new"), others, START)
    check_beside(key, others, START + 7 * DAY)
    check_beside(key, [replace(one, revoked=True) for one in others], START)
    check_beside(key, others[1:], START)
