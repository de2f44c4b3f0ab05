"""Plain words for what apps ask for."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from core.domain.devices import DeviceKind
from core.domain.grants import Scope
from core.domain.homes import Role


class Words(NamedTuple):
    """What a scope lets an app do, or a role a person: in short, and what that means at home."""

    short: str
    long: str


SCOPES: Final[Mapping[Scope, Words]] = {
    Scope.DEVICES_READ: Words(
        "See the devices that you choose",
        "Their names and rooms, and their state now: what is on, how warm it is, what is open.",
    ),
    Scope.DEVICES_CONTROL: Words(
        "Control them",
        "Switch, dim and set them. Locks and garage doors only where you tick them below.",
    ),
    Scope.EVENTS_SUBSCRIBE: Words(
        "Follow what happens, as it happens",
        "Movement, doors, temperatures and every other change, from now on, for as long as you "
        "allow it. It can tell when somebody is at home.",
    ),
    Scope.SANDBOX_CONTROL: Words(
        "Make things happen in simulated homes",
        "Press switches, cut devices off, let time run faster. Nothing of a real home.",
    ),
    Scope.WEBHOOKS_MANAGE: Words(
        "Look after its own deliveries",
        "Where its servers are told of events, and what became of that. It opens nothing of yours.",
    ),
    Scope.USAGE_READ: Words(
        "Count its own requests",
        "How much it asked and what that cost. It opens nothing of yours.",
    ),
}
ROLES: Final[Mapping[Role, Words]] = {
    Role.OWNER: Words("Owner", "shares devices with apps, and says who belongs to the home"),
    Role.MEMBER: Words("Member", "shares devices with apps"),
    Role.GUEST: Words("Guest", "shares nothing"),
}
GUARDED: Final[Mapping[DeviceKind, str]] = {
    DeviceKind.LOCK: "Lock: an app that controls it can let people in",
    DeviceKind.GARAGE_DOOR: "Garage door: an app that controls it can let people in",
}
