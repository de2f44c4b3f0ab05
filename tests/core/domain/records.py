"""Records to reason about, and strategies for what may stand in them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from hypothesis import strategies as st

from core.domain.commands import Command, CommandStatus
from core.domain.devices import TABLE, Capability, Color, Device, DeviceKind, State
from core.domain.events import Event, EventType
from core.domain.homes import Home, Room
from tests.fakes import HOME, START

PERCENT: Final = st.integers(0, 100)
DEGREES: Final = st.floats(-40, 60)
AMOUNT: Final = st.floats(0, 10_000)
VALUES: Final[dict[str, st.SearchStrategy[Any]]] = {
    "on": st.booleans(),
    "brightness": PERCENT,
    "color": st.builds(Color, st.floats(0, 360), st.floats(0, 100)),
    "color_temperature": st.integers(1500, 9000),
    "position": PERCENT,
    "fan_speed": PERCENT,
    "locked": st.booleans(),
    "temperature": DEGREES,
    "target_temperature": st.floats(5, 35),
    "humidity": st.floats(0, 100),
    "motion": st.booleans(),
    "contact": st.booleans(),
    "battery": PERCENT,
    "power": AMOUNT,
    "energy": AMOUNT,
}
"""What each attribute may be."""


def states(names: Iterable[str] = VALUES, *, least: int = 0) -> st.SearchStrategy[State]:
    """States that speak of at least so many of these attributes."""
    some = st.sets(st.sampled_from(sorted(names)), min_size=least)
    return some.flatmap(lambda them: st.fixed_dictionaries({n: VALUES[n] for n in them})).map(
        lambda values: State(**values)
    )


WRITABLE: Final = tuple(name for name, attribute in TABLE.items() if attribute.writable)


def device(
    *capabilities: Capability,
    kind: DeviceKind = DeviceKind.LIGHT,
    number: int = 1,
    home: Home = HOME,
    room: str | None = None,
) -> Device:
    """A device that can do this."""
    return Device(
        id=f"device_{number}",
        home=home,
        room=Room(room, room, home) if room else None,
        name="Thing",
        kind=kind,
        capabilities=capabilities,
        online=True,
        state=State(),
        updated_at=START,
    )


def command(
    desired: State,
    status: CommandStatus = CommandStatus.ACCEPTED,
    *,
    awaits: tuple[str, ...] | None = None,
    deadline: datetime = START + timedelta(seconds=10),
) -> Command:
    """A command that holds all that it asks for."""
    names = tuple(desired.values())
    return Command(
        id="command_1",
        home_id=HOME.id,
        device_id="device_1",
        grant_id="grant_1",
        client_id="client_1",
        desired=desired,
        holds=names,
        awaits=names if awaits is None else awaits,
        status=status,
        issued_at=START,
        deadline=deadline,
    )


def event(type: EventType, place: int, about: Device | None = None, home: Home = HOME) -> Event:
    """A fact of a home, or of a device with its home."""
    home = about.home if about else home
    return Event(f"event_{place}", type, home, place, place, START, about)
