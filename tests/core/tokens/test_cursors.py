"""Cursors: places and keys that partners hold and cannot read."""

import pytest
from hypothesis import given, strategies as st

from core.domain.errors import Invalid
from core.domain.time import Uuid7
from core.tokens import Cursors, Sealer
from core.tokens.cursors import MOST_HOMES
from tests.core.tokens.mint import NEWER, SECRET, based, unbase

CURSORS = Cursors(Sealer([SECRET]))
HOMES = st.binary(min_size=16, max_size=16).map(lambda raw: f"home_{raw.hex()}")
PLACES = st.dictionaries(HOMES, st.integers(0, 2**63 - 1), max_size=MOST_HOMES)
KEYS = st.lists(st.text() | st.integers(-(2**63), 2**63 - 1)).map(tuple)
GRANTS = st.from_regex(r"grant_[0-9a-f]{8}", fullmatch=True)
ORDERS = st.sampled_from(["devices:NAME", "devices:ROOM", "homes"])
RUBBISH = st.text(st.characters()) | st.text("abcXYZ019-_=") | st.binary().map(based)

PLACES_SENTENCE = (
    "after is not a cursor of your event log: give an extensions.cursor, a pageInfo "
    "cursor or an edge's cursor of events that you received with this grant."
)
KEY_SENTENCE = (
    "before is not a cursor of this list: give a cursor of its edges or pageInfo, "
    "received with this grant, in the same order."
)


def places_refused(grant_id: str, cursor: str) -> None:
    """The cursor is not one of this grant's event log."""
    with pytest.raises(Invalid) as refused:
        CURSORS.open_places(grant_id, cursor)
    assert (str(refused.value), refused.value.field) == (PLACES_SENTENCE, "after")


def key_refused(grant_id: str, order: str, cursor: str) -> None:
    """The cursor is not one of this grant's list."""
    with pytest.raises(Invalid) as refused:
        CURSORS.open_key(grant_id, order, cursor, "before")
    assert (str(refused.value), refused.value.field) == (KEY_SENTENCE, "before")


@given(GRANTS, PLACES)
def test_places_come_back(grant_id: str, places: dict[str, int]) -> None:
    """As many homes as a cursor may hold, in their order, each with its place."""
    opened = CURSORS.open_places(grant_id, CURSORS.places(grant_id, places))
    assert list(opened.items()) == list(places.items())


def test_places_of_real_homes_come_back() -> None:
    """Identifiers are those that the house makes."""
    places = {Uuid7().new("home"): place for place in range(MOST_HOMES)}
    assert CURSORS.open_places("grant_1", CURSORS.places("grant_1", places)) == places


@given(GRANTS, ORDERS, KEYS)
def test_a_key_comes_back(grant_id: str, order: str, key: tuple[str | int, ...]) -> None:
    """Whatever a device is called."""
    opened = CURSORS.open_key(grant_id, order, CURSORS.key(grant_id, order, key), "after")
    assert opened == key


@given(GRANTS, GRANTS, PLACES, KEYS)
def test_somebody_else_s_cursor_is_none(
    mine: str, theirs: str, places: dict[str, int], key: tuple[str | int, ...]
) -> None:
    """A cursor opens for the grant that received it alone."""
    if mine != theirs:
        places_refused(mine, CURSORS.places(theirs, places))
        key_refused(mine, "homes", CURSORS.key(theirs, "homes", key))


@given(ORDERS, ORDERS, KEYS)
def test_another_list_s_cursor_is_none(one: str, other: str, key: tuple[str | int, ...]) -> None:
    """Neither that of another order nor that of another kind of thing."""
    if one != other:
        key_refused("grant_1", one, CURSORS.key("grant_1", other, key))


@given(PLACES, KEYS, ORDERS)
def test_a_place_is_no_key(places: dict[str, int], key: tuple[str | int, ...], order: str) -> None:
    """The event log's cursors and those of lists are not each other's."""
    key_refused("grant_1", order, CURSORS.places("grant_1", places))
    places_refused("grant_1", CURSORS.key("grant_1", order, key))


@given(RUBBISH)
def test_rubbish_is_refused(text: str) -> None:
    """With the sentence that says where cursors come from, whatever it is."""
    places_refused("grant_1", text)
    key_refused("grant_1", "homes", text)


def test_a_cursor_of_another_server_is_refused() -> None:
    """Its secret keys are not ours."""
    foreign = Cursors(Sealer([NEWER]))
    places_refused("grant_1", foreign.places("grant_1", {}))
    key_refused("grant_1", "homes", foreign.key("grant_1", "homes", ("", "")))


def test_a_cursor_survives_a_new_secret_key() -> None:
    """A partner goes on where it was."""
    rotated = Cursors(Sealer([NEWER, SECRET]))
    assert rotated.open_places("grant_1", CURSORS.places("grant_1", {})) == {}


@given(PLACES.filter(bool))
def test_a_cursor_tells_nothing(places: dict[str, int]) -> None:
    """Equal places look different, and no home can be found in them."""
    one, other = (CURSORS.places("grant_1", places) for _ in range(2))
    assert one != other
    assert not any(bytes.fromhex(home_id[5:]) in unbase(one) for home_id in places)


def test_the_largest_cursor_fits_in_a_header() -> None:
    """Thirty-two homes in about a kilobyte, as SSE ids and `Latchkey-After` need it."""
    places = {f"home_{at:032x}": 2**63 for at in range(MOST_HOMES)}
    assert len(CURSORS.places("grant_1", places)) < 1_100
