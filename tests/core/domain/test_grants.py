"""What a grant shows, case by case; tests/properties holds it against a model."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from core.domain.devices import DeviceKind
from core.domain.events import EventType
from core.domain.grants import Grant, Scope, Share, View
from core.domain.homes import SHARING_ROLES, Home, Role
from tests.core.domain.records import device, event
from tests.fakes import HOME, START

CHANGED = EventType.DEVICE_STATUS_CHANGED
REMOVED = EventType.DEVICE_REMOVED
UPDATED = EventType.HOME_UPDATED
HALL_LAMP = device(number=1, room="hall")
LOFT_LAMP = device(number=2, room="loft")
STRAY = device(number=3)
NOW = {"device_1": "hall", "device_2": "loft", "device_3": None}


def granted(*shares: Share, revoked: bool = False) -> Grant:
    """A grant of these lines."""
    return Grant("grant_1", "user_1", "client_1", frozenset(Scope), shares, START, revoked)


HALL = granted(Share(HOME.id, room_id="hall"))


def test_a_home_is_all_of_it() -> None:
    """Every device of the home, in a room or in none, and none of another home."""
    view = granted(Share(HOME.id)).view
    assert all(view.sees(one) for one in (HALL_LAMP, LOFT_LAMP, STRAY))
    assert not view.sees(device(home=Home("home_2", "Elsewhere", "UTC")))


def test_a_room_is_what_is_in_it() -> None:
    """A device without a room is in no shared room."""
    assert [HALL.view.sees(one) for one in (HALL_LAMP, LOFT_LAMP, STRAY)] == [True, False, False]


def test_a_device_is_that_device_wherever_it_is() -> None:
    """A shared device stays shared in another room."""
    view = granted(Share(HOME.id, device_id="device_1")).view
    assert view.sees(HALL_LAMP)
    assert view.sees(device(number=1, room="loft"))
    assert not view.sees(LOFT_LAMP)


def test_a_line_that_names_a_device_opens_no_room() -> None:
    """Where a line names both, the narrower counts, then and now."""
    grant = granted(Share(HOME.id, room_id="hall", device_id="device_2"))
    assert not grant.view.sees(HALL_LAMP)
    assert not grant.covered(event(CHANGED, 1, HALL_LAMP))
    assert grant.view.sees(LOFT_LAMP)


def test_what_is_taken_back_shows_nothing() -> None:
    """A revoked grant has an empty view and shows no event, whatever its lines say."""
    grant = replace(granted(Share(HOME.id)), revoked=True)
    assert grant.view == View(frozenset(), frozenset(), frozenset(), frozenset())
    assert not grant.shows(event(CHANGED, 1, HALL_LAMP), NOW)
    assert not grant.shows(event(REMOVED, 2, HALL_LAMP), {})
    assert not grant.shows(event(UPDATED, 3), NOW)


@pytest.mark.parametrize(
    ("place", "yes"), [(4, False), (5, False), (6, True), (9, True), (10, False)]
)
def test_a_line_holds_between_its_places(place: int, yes: object) -> None:
    """After `since`, up to `until`."""
    line = Share(HOME.id, since=5, until=9)
    assert line.at(place) is yes
    assert granted(line).covered(event(CHANGED, place, HALL_LAMP)) is yes


def test_a_room_is_judged_then_and_now() -> None:
    """A lamp that was carried out of the shared room is out of sight, its past in it included."""
    inside, outside = event(CHANGED, 1, HALL_LAMP), event(CHANGED, 2, device(number=1, room="loft"))
    assert HALL.shows(inside, NOW)
    assert not HALL.shows(inside, {"device_1": "loft"})
    assert not HALL.shows(outside, NOW)
    assert not HALL.shows(inside, {})


def test_a_removal_is_judged_by_then() -> None:
    """A device that is gone is in no room now, and its removal is still told."""
    assert HALL.shows(event(REMOVED, 1, HALL_LAMP), {})
    assert not HALL.shows(event(REMOVED, 1, LOFT_LAMP), {})


def test_a_removal_needs_a_grant_that_lives() -> None:
    """Once nothing of the home is shared any more, not even the removal is shown."""
    ended = granted(Share(HOME.id, since=0, until=5))
    assert not ended.shows(event(REMOVED, 3, HALL_LAMP), {})
    elsewhere = granted(*ended.shares, Share("home_2"))
    assert not elsewhere.shows(event(REMOVED, 3, HALL_LAMP), {})


def test_a_home_s_own_events_go_to_whoever_has_a_part_of_it() -> None:
    """A renamed home is told to the holder of one lamp of it, and to nobody else."""
    assert granted(Share(HOME.id, device_id="device_1")).shows(event(UPDATED, 1), NOW)
    assert not granted(Share("home_2")).shows(event(UPDATED, 1), NOW)
    assert not granted(Share(HOME.id, since=1)).shows(event(UPDATED, 1), NOW)


def test_guests_share_nothing() -> None:
    """Only owners and members may give access to a home."""
    assert {Role.OWNER, Role.MEMBER} == SHARING_ROLES


@given(
    st.none() | st.just("room_1"),
    st.none() | st.just("device_1"),
    st.sampled_from(["device_1", "device_2"]),
    st.sampled_from(["room_1", "room_2", None]),
    st.sampled_from(DeviceKind),
    st.booleans(),
)
def test_the_view_reads_a_line_as_the_log_does(
    room_id: str | None,
    device_id: str | None,
    of: str,
    room: str | None,
    kind: DeviceKind,
    locks: bool,  # noqa: FBT001 - Hypothesis hands it in
) -> None:
    """Whatever one line names, now and then agree about every device."""
    line = Share(HOME.id, room_id, device_id, locks=locks)
    assert granted(line).view.covers(HOME.id, of, room, kind) == line.names(of, room, kind)


@pytest.mark.parametrize("room_id", [None, "hall"])
@pytest.mark.parametrize("kind", [DeviceKind.LOCK, DeviceKind.GARAGE_DOOR])
def test_a_line_may_leave_out_what_lets_people_in(room_id: str | None, kind: DeviceKind) -> None:
    """A home or room but its locks: now, in the log, and until the lock is shared by itself."""
    lock = replace(device(number=9, room="hall"), kind=kind)
    line = Share(HOME.id, room_id, locks=False)
    grant, told = granted(line), event(CHANGED, 1, lock)
    assert grant.view.sees(HALL_LAMP)
    assert not grant.view.sees(lock)
    assert not grant.covered(told)
    assert not grant.shows(told, {lock.id: "hall"})
    ticked = granted(line, Share(HOME.id, device_id=lock.id))
    assert ticked.view.sees(lock)
    assert ticked.shows(told, {lock.id: "hall"})
