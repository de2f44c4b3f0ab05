"""Samples: an event of each type, as they come, of a home that nobody lives in. Pure.

Their ids are the same each time, so that a receiver can be written against them.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from core.domain.commands import Command, CommandStatus
from core.domain.devices import Capability, Device, DeviceKind, State
from core.domain.events import Event, EventType
from core.domain.homes import Home, Room

HOME: Final = Home("home_sample", "Sample home", "Europe/Berlin")
ROOM: Final = Room("room_sample", "Hall", HOME)
DEVICE: Final = "device_sample"
_BEFORE: Final = State(on=False, brightness=70)
_AFTER: Final = State(on=True, brightness=40)
_SEQUENCES: Final = {type: number for number, type in enumerate(EventType, 1)}


def sample(type: EventType, now: datetime) -> Event:
    """An event of this type that has just happened."""
    event = Event(
        id=f"event_sample_{type.value.lower()}",
        type=type,
        home=HOME,
        place=_SEQUENCES[type],
        sequence=1 if type is EventType.HOME_UPDATED else _SEQUENCES[type],
        occurred_at=now,
    )
    lamp = _lamp(now)
    match type:
        case EventType.HOME_UPDATED:
            return event
        case EventType.DEVICE_STATUS_CHANGED:
            changed = ("on", "brightness")
            by = (_command(now),)
            return replace(event, device=lamp, previous=_BEFORE, changed=changed, caused_by=by)
        case EventType.COMMAND_UPDATED:
            return replace(event, device=lamp, command=_command(now))
        case EventType.DEVICE_AVAILABILITY_CHANGED:
            return replace(event, device=replace(lamp, online=False))
        case _:
            return replace(event, device=lamp)


def _lamp(now: datetime) -> Device:
    return Device(
        id=DEVICE,
        home=HOME,
        room=ROOM,
        name="Sample lamp",
        kind=DeviceKind.LIGHT,
        capabilities=(Capability.ON_OFF, Capability.BRIGHTNESS),
        online=True,
        state=_AFTER,
        updated_at=now,
        manufacturer="Latchkey",
        model="Sample",
        firmware="1.0",
    )


def _command(now: datetime) -> Command:
    return Command(
        id="command_sample",
        home_id=HOME.id,
        device_id=DEVICE,
        grant_id="grant_sample",
        client_id="client_sample",
        desired=_AFTER,
        holds=(),
        awaits=(),
        status=CommandStatus.CONFIRMED,
        issued_at=now - timedelta(seconds=1),
        deadline=now + timedelta(seconds=9),
        completed_at=now,
    )
