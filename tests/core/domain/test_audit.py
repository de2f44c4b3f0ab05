"""What an entry of the audit may say, and that nothing else gets into one."""

from typing import Any

import pytest
from hypothesis import given, strategies as st

from core.domain.audit import OPERATOR, Actor, Entry, Kind, Outcome, entry
from core.domain.grants import Scope
from core.domain.time import Uuid7
from tests.fakes import START

IDS = Uuid7()
KEYS = [
    *(f"{kind}_id" for kind in ("user", "client", "grant", "home", "key", "token", "session")),
    *("endpoint_id", "invite_id", "scopes", "reason", "method", "role", "count", "rows"),
]


def made(actor: Actor = OPERATOR, source: str | None = None, **detail: Any) -> Entry:
    """An entry with this detail."""
    where = (Kind.GRANT_GIVE, Outcome.ALLOWED, actor, source)
    return entry("audit_1", START, *where, detail)


def test_what_is_known_is_kept() -> None:
    """Ids, scopes, words and numbers, each under its key; the person has a place of their own."""
    user, client = IDS.new("user"), IDS.new("client")
    told = made(Actor(user), "2001:db8::1", user_id=user, client_id=client, scopes=set(Scope))
    assert (told.actor, told.user_id, told.source) == (user, user, "2001:db8::1")
    assert told.detail == {"client_id": client, "scopes": sorted(map(str, Scope))}
    assert made(reason="wrong_password", rows=3).detail == {"reason": "wrong_password", "rows": 3}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("client_id", "eyJhbGciOiJFUzI1NiJ9.e30.c2ln"),
        ("client_id", "user_" + "0" * 32),
        ("user_id", "ada@example.com"),
        ("reason", "the password hunter2 was wrong"),
        ("reason", "Zm9vYmFyYmF6"),
        ("reason", "a" * 41),
        ("method", 7),
        ("count", "7"),
        ("count", True),
        ("rows", -1),
        ("scopes", "devices:read"),
        ("scopes", ["devices:read", ["x"]]),
        ("scopes", 7),
    ],
)
def test_what_has_no_known_shape_is_left_out(key: str, value: Any) -> None:
    """Only its key is named."""
    assert made(**{key: value}).detail == {"withheld": [key]}


def test_an_unknown_key_is_not_even_named() -> None:
    """A key can hold a secret as well as a value can."""
    assert made(hunter2="x").detail == {"withheld": ["unknown"]}


def test_actors_and_sources_have_shapes_too() -> None:
    """Neither is a place to put a token."""
    told = made(Actor("s3cr3t-token"), "s3cr3t-token")
    assert (told.actor, told.source) == ("withheld", "withheld")


@given(
    st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=22).filter(
        lambda text: not (text.islower() and text.replace("_", "").isalpha())
    ),
    st.sampled_from([*KEYS, "token", "password", "note"]),
)
def test_no_secret_gets_in(secret: str, key: str) -> None:
    """Whatever has more to it than lower-case letters is in no entry, under any key."""
    assert secret not in str(made(Actor(secret), secret, **{key: secret}).content)
