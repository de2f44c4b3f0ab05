"""What a grant shows, against a model that remembers who could see what when it happened."""

from dataclasses import replace
from typing import Final, TypeAlias

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.domain.devices import Device, DeviceKind
from core.domain.events import Event, EventType
from core.domain.grants import Grant, Scope, Share
from core.domain.homes import Home, Room
from tests.core.domain.records import device, event
from tests.fakes import START

Part: TypeAlias = tuple[str, str | None, str | None, bool]
"""A home, and a room or a device of it; and whether locks are shared with the home or room."""

HOMES: Final = [Home("home_1", "Maple", "UTC"), Home("home_2", "Harbor", "UTC")]
ROOMS: Final = {
    home.id: [Room(f"{home.id}_{name}", name, home) for name in ("hall", "loft")] for home in HOMES
}
DEVICES: Final = [
    *(device(number=number, home=HOMES[number % 2]) for number in range(4)),
    *(replace(device(number=4 + at, home=HOMES[at]), kind=DeviceKind.LOCK) for at in range(2)),
]
PARTS: Final[list[Part]] = [
    *((home.id, None, None, locks) for home in HOMES for locks in (True, False)),
    *(
        (home_id, room.id, None, locks)
        for home_id, rooms in ROOMS.items()
        for room in rooms
        for locks in (True, False)
    ),
    *((one.home.id, None, one.id, True) for one in DEVICES),
]
parts = st.sampled_from(PARTS)
homes = st.sampled_from(HOMES)
numbers = st.sampled_from(range(len(DEVICES)))


def covers(shared: set[Part] | frozenset[Part], one: Device) -> bool:
    """Whether one of these opens the device where it is, said as plainly as can be."""
    home, room = one.home.id, one.room.id if one.room else None
    ways: set[Part] = {
        (home, None, None, True),
        (home, room, None, True),
        (home, None, one.id, True),
    }
    if one.kind is not DeviceKind.LOCK:
        ways |= {(home, None, None, False), (home, room, None, False)}
    return not shared.isdisjoint(ways)


class Sharing(RuleBasedStateMachine):
    """Two homes whose devices move and go, one grant, and what was shared at each event."""

    def __init__(self) -> None:
        super().__init__()
        self.grant = Grant("grant_1", "user_1", "client_1", frozenset(Scope), (), START)
        self.shared: set[Part] = set()
        self.devices: dict[int, Device] = dict(enumerate(DEVICES))
        self.places = dict.fromkeys(ROOMS, 0)
        self.log: list[tuple[Event, frozenset[Part]]] = []

    def tell(self, type: EventType, home: Home, about: Device | None = None) -> None:
        """Something happens in a home."""
        self.places[home.id] += 1
        told = event(type, self.places[home.id], about, home)
        self.log.append((told, frozenset(self.shared)))

    @precondition(lambda self: not self.grant.revoked)
    @rule(part=parts)
    def share(self, part: Part) -> None:
        """The user shares it, from the home's place on."""
        if part not in self.shared:
            home_id, room_id, device_id, locks = part
            since = self.places[home_id]
            line = Share(home_id, room_id, device_id, since, locks=locks)
            self.grant = replace(self.grant, shares=(*self.grant.shares, line))
            self.shared.add(part)

    @rule(part=parts)
    def share_no_more(self, part: Part) -> None:
        """The user ends a line at the home's place."""
        place = self.places[part[0]]
        lines = tuple(
            replace(line, until=place)
            if line.until is None
            and (line.home_id, line.room_id, line.device_id, line.locks) == part
            else line
            for line in self.grant.shares
        )
        self.grant = replace(self.grant, shares=lines)
        self.shared.discard(part)

    @precondition(lambda self: len(self.log) > 10)
    @rule()
    def take_back(self) -> None:
        """The user revokes the grant."""
        for part in PARTS:
            self.share_no_more(part)
        self.grant = replace(self.grant, revoked=True)

    @rule(number=numbers, to=st.sampled_from([0, 1, None]))
    def move(self, number: int, to: int | None) -> None:
        """Somebody carries a device into another room, or puts it away."""
        if one := self.devices.get(number):
            room = None if to is None else ROOMS[one.home.id][to]
            self.devices[number] = replace(one, room=room)
            self.tell(EventType.DEVICE_UPDATED, one.home, self.devices[number])

    @rule(number=numbers)
    def report(self, number: int) -> None:
        """A device says something."""
        if one := self.devices.get(number):
            self.tell(EventType.DEVICE_STATUS_CHANGED, one.home, one)

    @rule(number=numbers)
    def remove(self, number: int) -> None:
        """A device is removed."""
        if one := self.devices.pop(number, None):
            self.tell(EventType.DEVICE_REMOVED, one.home, one)

    @rule(home=homes)
    def rename(self, home: Home) -> None:
        """A home gets another name."""
        self.tell(EventType.HOME_UPDATED, home)

    def expected(self, told: Event, then: frozenset[Part]) -> bool:
        """Seen by something that was shared then, and by something that is shared now."""
        alive = {home_id for home_id, *_ in self.shared}
        if told.device is None or told.home.id not in alive:
            return told.home.id in alive & {home_id for home_id, *_ in then}
        if told.type is EventType.DEVICE_REMOVED:
            return covers(then, told.device)
        here = {one.id: one for one in self.devices.values()}.get(told.device.id)
        return covers(then, told.device) and here is not None and covers(self.shared, here)

    @invariant()
    def every_event_is_shown_as_it_should_be(self) -> None:
        """The whole log, each time that anything has changed."""
        for told, then in self.log:
            rooms = {
                one.id: one.room.id if one.room else None
                for one in self.devices.values()
                if one.home == told.home
            }
            assert self.grant.shows(told, rooms) == self.expected(told, then)

    @invariant()
    def the_view_is_what_is_shared_now(self) -> None:
        """Device by device, and home by home."""
        for one in self.devices.values():
            assert self.grant.view.sees(one) == covers(self.shared, one)
        assert self.grant.view.homes == {home_id for home_id, *_ in self.shared}


TestSharing = Sharing.TestCase
