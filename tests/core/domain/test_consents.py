"""What ticks open: just what was ticked, no lock without its own tick, nothing lost by looking."""

from dataclasses import replace

from hypothesis import given, strategies as st

from core.domain.consents import Offer, Ticks, shared, ticked, without
from core.domain.devices import GUARDED, Device, DeviceKind
from core.domain.grants import Grant, Scope, Share, View
from core.domain.homes import Home, Room
from tests.core.domain.records import device
from tests.fakes import START

KINDS = (DeviceKind.LIGHT, DeviceKind.LOCK, DeviceKind.GARAGE_DOOR)
HOMES = (Home("home_1", "Maple", "UTC"), Home("home_2", "Harbor", "UTC"))


def offer(at: int) -> Offer:
    """A home with two rooms, one of them empty of nothing, and a device of each kind in each."""
    home = HOMES[at]
    rooms = [Room(f"{home.id}_{name}", name, home) for name in ("hall", "loft")]
    devices = [
        replace(device(number=100 * at + 10 * where + what, home=home, kind=kind), room=room)
        for where, room in enumerate([*rooms, None])
        for what, kind in enumerate(KINDS)
    ]
    return Offer(home, rooms, devices)


OFFERS = (offer(0), offer(1))
DEVICES = [one for each in OFFERS for one in each.devices]
LINES = [
    *(Share(each.home.id, locks=locks) for each in OFFERS for locks in (True, False)),
    *(
        Share(each.home.id, room.id, locks=locks)
        for each in OFFERS
        for room in each.rooms
        for locks in (True, False)
    ),
    *(Share(one.home.id, device_id=one.id) for one in DEVICES),
]
ids = st.sampled_from([one.id for one in DEVICES])
ticks = st.builds(
    Ticks,
    st.frozensets(st.sampled_from([each.home.id for each in OFFERS])),
    st.frozensets(st.sampled_from([room.id for each in OFFERS for room in each.rooms])),
    st.frozensets(ids),
)
shares = st.lists(st.sampled_from(LINES), unique=True).map(tuple)


def view(lines: tuple[Share, ...]) -> View:
    """What these lines show."""
    return Grant("grant_1", "user_1", "client_1", frozenset(Scope), lines, START).view


def seen(lines: tuple[Share, ...]) -> set[str]:
    """The devices that these lines show."""
    return {one.id for one in DEVICES if view(lines).sees(one)}


def wanted(made: Ticks, one: Device) -> bool:
    """Whether the ticks ask for a device, said as plainly as can be."""
    if one.id in made.devices:
        return True
    within = one.home.id in made.homes or (one.room is not None and one.room.id in made.rooms)
    return within and one.kind not in GUARDED


@given(ticks)
def test_what_is_ticked_is_shared_and_nothing_else(made: Ticks) -> None:
    """Homes and rooms without their locks and garage doors, devices one by one."""
    assert seen(shared(made, OFFERS)) == {one.id for one in DEVICES if wanted(made, one)}


@given(ticks)
def test_a_lock_that_comes_later_is_not_shared(made: Ticks) -> None:
    """Whatever is ticked, a new lock has no tick; a new lamp is in where its room or home is."""
    lines = view(shared(made, OFFERS))
    hall = OFFERS[0].rooms[0]
    lamp = replace(device(number=999, home=HOMES[0]), room=hall)
    assert not lines.sees(replace(lamp, kind=DeviceKind.LOCK))
    assert lines.sees(lamp) == (HOMES[0].id in made.homes or hall.id in made.rooms)


@given(shares)
def test_saying_yes_to_what_is_there_changes_nothing(lines: tuple[Share, ...]) -> None:
    """The form as it comes gives the very lines that the app has, future locks included."""
    assert sorted(shared(ticked(lines, OFFERS), OFFERS, lines), key=repr) == sorted(lines, key=repr)


@given(shares, ids)
def test_one_more_tick_is_one_more_device(lines: tuple[Share, ...], more: str) -> None:
    """Nothing that was shared is lost by it, and nothing else is won."""
    before = ticked(lines, OFFERS)
    after = replace(before, devices=before.devices | {more})
    assert seen(shared(after, OFFERS, lines)) == seen(lines) | {more}


@given(shares, st.sampled_from(DEVICES))
def test_without_a_device_is_all_but_it(lines: tuple[Share, ...], gone: Device) -> None:
    """By whichever lines it was shared."""
    assert seen(without(gone, lines, OFFERS)) == seen(lines) - {gone.id}


def test_what_has_ended_is_not_ticked() -> None:
    """Nor is what is in no home that is offered."""
    ended = Share("home_1", until=3)
    assert ticked([ended, Share("home_9")], OFFERS) == Ticks()
    assert shared(Ticks(), OFFERS, [ended]) == ()
