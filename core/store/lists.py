"""Ordered lists: each order as columns and as keys, a filter as conditions, a part as a slice.

A key holds what a row is ordered by and ends with its id. A part of a list is what lies between
two keys, so what comes, goes or moves elsewhere in the list shifts nothing.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, NamedTuple, TypeAlias, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    case,
    func,
    not_,
    tuple_,
    type_coerce,
)

from core.domain.devices import Device
from core.domain.homes import Home
from core.domain.lists import DeviceFilter, DeviceOrder
from core.store.rows import name_key
from core.store.tables import devices, homes, rooms
from core.store.types import microseconds

T = TypeVar("T")
Key: TypeAlias = tuple[str | int, ...]
"""Where a row stands in its order: the values of the order's columns, its id last."""


class Slice(NamedTuple):
    """Which part of an ordered list: `limit` rows after or before a key, from the named end."""

    limit: int
    after: Key | None = None
    before: Key | None = None
    from_end: bool = False


@dataclass(frozen=True, slots=True)
class Sort(Generic[T]):
    """Rows ascending by these columns; `key` says of a record what they hold for it."""

    columns: tuple[ColumnElement[Any], ...]
    key: Callable[[T], Key]

    def cut(self, query: Select[Any], part: Slice) -> Select[Any]:
        """The statement, for a part of its rows; from the end they come backwards."""
        here = tuple_(*self.columns)
        if part.after is not None:
            query = query.where(here > part.after)
        if part.before is not None:
            query = query.where(here < part.before)
        order = [one.desc() for one in self.columns] if part.from_end else self.columns
        return query.order_by(*order).limit(part.limit)


def by_name(record: Home | Device) -> Key:
    """The key of a record in the order of names."""
    return name_key(record.name), record.id


def _by_room(device: Device) -> Key:
    room = device.room
    return (0, name_key(room.name), *by_name(device)) if room else (1, "", *by_name(device))


def _by_update(device: Device) -> Key:
    return -microseconds(device.updated_at), device.id


HOMES: Final[Sort[Home]] = Sort((homes.c.name_key, homes.c.id), by_name)
DEVICES: Final[Mapping[DeviceOrder, Sort[Device]]] = {
    DeviceOrder.NAME: Sort((devices.c.name_key, devices.c.id), by_name),
    DeviceOrder.ROOM: Sort(
        (
            # A number, because NULL sorts last here and first there, and compares with nothing.
            case((rooms.c.id.is_(None), 1), else_=0),
            func.coalesce(rooms.c.name_key, ""),
            devices.c.name_key,
            devices.c.id,
        ),
        _by_room,
    ),
    # Every report moves a device in this order: an index on it would make each of them dearer.
    DeviceOrder.UPDATED_DESC: Sort(
        (-type_coerce(devices.c.updated_at, BigInteger), devices.c.id), _by_update
    ),
}
"""Those of devices are of `rows.device_rows`, where each device has the row of its room beside."""


def chosen(filters: Iterable[DeviceFilter]) -> list[ColumnElement[bool]]:
    """The conditions of all these filters."""
    return [condition for one in filters for condition in _conditions(one)]


def _conditions(asked: DeviceFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if asked.home_id is not None:
        found.append(devices.c.home_id == asked.home_id)
    if asked.room_id is not None:
        found.append(devices.c.room_id == asked.room_id)
    if asked.kinds is not None:
        found.append(devices.c.kind.in_(sorted(kind.value for kind in asked.kinds)))
    for capability in sorted(one.value for one in asked.capabilities or ()):
        able = type_coerce(devices.c.capabilities, Text)
        found.append(able.contains(f'"{capability}"', autoescape=True))
    if asked.online is not None:
        found.append(devices.c.online if asked.online else not_(devices.c.online))
    if asked.name:
        found.append(devices.c.name_key.contains(name_key(asked.name), autoescape=True))
    return found
