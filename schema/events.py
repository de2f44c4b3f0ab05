"""Events: what happened, as it was then."""

from datetime import datetime
from typing import Any

import strawberry

from core.domain import events as domain
from core.domain.devices import State
from resolvers import events as resolve
from schema.commands import Command
from schema.costs import assumed
from schema.devices import Device
from schema.enums import publish
from schema.homes import Home
from schema.scopes import EVENTS
from schema.states import DeviceState

publish(
    domain.EventType,
    "What happened.",
    {
        "DEVICE_STATUS_CHANGED": "A device reported values that differ from those before.",
        "DEVICE_ADDED": "A device was added to the home.",
        "DEVICE_UPDATED": "A device was renamed, moved to another room or described anew.",
        "DEVICE_REMOVED": "A device was removed from the home.",
        "DEVICE_AVAILABILITY_CHANGED": "A device came into reach, or went out of it.",
        "HOME_UPDATED": "The home, its rooms or its members changed.",
        "COMMAND_UPDATED": "A command was accepted, or ended.",
    },
)


@strawberry.interface(
    description=(
        "A fact about a home. Home, room, device and commands are shown as they were when it "
        "happened."
    ),
    directives=[EVENTS],
)
class Event:
    """`core.domain.events.Event`; each type of event has the type of its name."""

    id: strawberry.ID = strawberry.field(description="The event's id.")
    type: domain.EventType = strawberry.field(description="What happened.")
    sequence: int = strawberry.field(
        description=(
            "Its number among the events of its device, without gaps; for HOME_UPDATED, among "
            "those of its home."
        )
    )
    occurred_at: datetime = strawberry.field(description="When it happened.")
    home: Home = strawberry.field(description="The home where it happened.")
    caused_by: list[Command] = strawberry.field(
        directives=[assumed(5)],
        description="The commands that it fulfils; empty where nobody asked for it.",
    )

    @classmethod
    def is_type_of(cls, event: domain.Event, info: object) -> bool:
        """Whether this type shows the event."""
        del info
        return _shown_as(event) == cls.__name__

    @classmethod
    def resolve_type(cls, event: domain.Event, info: object, abstract: object) -> str:
        """The name of the type that shows the event."""
        del info, abstract
        return _shown_as(event)


def _shown_as(event: domain.Event) -> str:
    return _NAMES[event.type]


_NAMES = {kind: kind.value.title().replace("_", "") for kind in domain.EventType}


def _state(root: domain.Event) -> State | None:
    return root.device.state if root.device else None


def _online(root: domain.Event) -> bool | None:
    return root.device.online if root.device else None


def _changed(root: domain.Event) -> list[str]:
    return resolve.changed(root)


@strawberry.type(description="A device reported other values than before.", directives=[EVENTS])
class DeviceStatusChanged(Event):
    """DEVICE_STATUS_CHANGED."""

    device: Device = strawberry.field(description="The device as it was then.")
    state: Any = strawberry.field(
        resolver=_state, graphql_type=DeviceState, description="What it reported then."
    )
    previous: DeviceState = strawberry.field(description="Its state just before.")
    changed: list[str] = strawberry.field(
        resolver=_changed, description="The fields of DeviceState that differ."
    )


@strawberry.type(description="A device was added to the home.", directives=[EVENTS])
class DeviceAdded(Event):
    """DEVICE_ADDED."""

    device: Device = strawberry.field(description="The device as it was then.")


@strawberry.type(
    description="A device was renamed, moved to another room or described anew.",
    directives=[EVENTS],
)
class DeviceUpdated(Event):
    """DEVICE_UPDATED."""

    device: Device = strawberry.field(description="The device as it was then.")


@strawberry.type(description="A device was removed from the home.", directives=[EVENTS])
class DeviceRemoved(Event):
    """DEVICE_REMOVED."""

    device: Device = strawberry.field(description="The device as it was last.")


@strawberry.type(description="A device came into reach, or went out of it.", directives=[EVENTS])
class DeviceAvailabilityChanged(Event):
    """DEVICE_AVAILABILITY_CHANGED."""

    device: Device = strawberry.field(description="The device as it was then.")
    online: Any = strawberry.field(
        resolver=_online, graphql_type=bool, description="Whether it could be reached from then on."
    )


@strawberry.type(
    description="The home, its rooms or its members changed; query the home for what they are now.",
    directives=[EVENTS],
)
class HomeUpdated(Event):
    """HOME_UPDATED."""


@strawberry.type(description="A command was accepted, or ended.", directives=[EVENTS])
class CommandUpdated(Event):
    """COMMAND_UPDATED."""

    command: Command = strawberry.field(description="The command as it was then.")


TYPES = (
    DeviceStatusChanged,
    DeviceAdded,
    DeviceUpdated,
    DeviceRemoved,
    DeviceAvailabilityChanged,
    HomeUpdated,
    CommandUpdated,
)
"""What implements Event; no field names them all."""
