"""Lately: when something was done and what, in the words of the people who live there."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.domain.devices import DeviceKind
from core.domain.homes import Home
from core.domain.uses import Deed, Use

HOUR: Final = timedelta(hours=1)
OPENED: Final = frozenset({DeviceKind.BLIND, DeviceKind.GARAGE_DOOR})
GAP: Final = "\N{NO-BREAK SPACE}"
"""Between a number and its unit."""
OPEN, SHUT = 100, 0
IT: Final = "it"
"""The device, once it was named."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When something was, for programs and for people."""

    exact: str
    words: str


@dataclass(frozen=True, slots=True)
class Lately:
    """How a grant was last used; None where it never was."""

    looked: Moment | None
    used: Moment | None
    did: str | None
    did_at: Moment | None


def lately(use: Use, homes: Collection[Home], now: datetime) -> Lately:
    """How a grant that opens these homes was last used, by the clocks there."""
    zone, did = zone_of(homes), use.did

    def moment(at: datetime | None) -> Moment | None:
        return None if at is None else Moment(at.isoformat(timespec="seconds"), ago(at, now, zone))

    many = len(homes) > 1
    return Lately(
        looked=moment(use.read_at),
        used=moment(use.at),
        did=asked(did, named=many) if did else None,
        did_at=moment(did.at) if did else None,
    )


def zone_of(homes: Collection[Home]) -> ZoneInfo | None:
    """The time zone of these homes; None where it is not the same, or not known here."""
    names = {home.time_zone for home in homes}
    if len(names) != 1:
        return None
    try:
        return ZoneInfo(names.pop())
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return None


def ago(at: datetime, now: datetime, zone: ZoneInfo | None) -> str:
    """When it was, as one would say it now: near times by how long ago, others by the clock.

    The clock is that of `zone`; without one it is UTC, and says so.
    """
    passed = now - at
    if passed < timedelta(minutes=1):
        return "just now"
    if passed < HOUR:
        minutes = passed // timedelta(minutes=1)
        return f"{minutes} minute{'s' if minutes > 1 else ''} ago"
    there, today = at.astimezone(zone or UTC), now.astimezone(zone or UTC)
    clock = f"{there:%H:%M}" if zone else f"{there:%H:%M} UTC"
    days = (today.date() - there.date()).days
    if days <= 1:
        return f"{'yesterday' if days else 'today'} at {clock}"
    year = "" if there.year == today.year else f" {there.year}"
    return f"{there.day} {there:%B}{year} at {clock}"


def asked(did: Deed, *, named: bool = False) -> str:
    """What was asked of a device, as one would say it; with `named`, in which home it is."""
    whose, said = did.device, list[str]()
    for name, value in did.asked.values().items():
        said.append(WORDS[name](did.kind, whose, value) if name in WORDS else f"set {whose}")
        whose = IT
    *most, last = said or [f"set {whose}"]
    words = f"{', '.join(most)} and {last}" if most else last
    return f"{words} ({did.home})" if named else words


def _position(kind: DeviceKind, whose: str, value: Any) -> str:
    if kind in OPENED and value in {OPEN, SHUT}:
        return f"{'open' if value == OPEN else 'close'} {whose}"
    return f"set {whose} to {value}{GAP}% open"


def _part(what: str, whose: str) -> str:
    if not what:
        return whose
    return f"its {what}" if whose == IT else f"the {what} of {whose}"


def _set(unit: str, what: str = "") -> Callable[[DeviceKind, str, Any], str]:
    def words(kind: DeviceKind, whose: str, value: Any) -> str:
        del kind
        return f"set {_part(what, whose)} to {value:g}{GAP}{unit}"

    return words


WORDS: Final[Mapping[str, Callable[[DeviceKind, str, Any], str]]] = {
    "on": lambda _, whose, value: f"turn {'on' if value else 'off'} {whose}",
    "brightness": _set("%", "brightness"),
    "color": lambda _, whose, __: f"set {_part('colour', whose)}",
    "color_temperature": _set("K", "colour temperature"),
    "position": _position,
    "fan_speed": _set("%", "speed"),
    "locked": lambda _, whose, value: f"{'lock' if value else 'unlock'} {whose}",
    "target_temperature": _set("°C"),
}
"""What a command asks for, by the attribute that it names."""
