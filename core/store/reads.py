"""Reads for those who ask: pages by key, and batches by identifier. Nothing here decides anything.

What a viewer may see is always part of the statement, so that a page is full and a count is right.
"""

from collections.abc import Collection, Iterable
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, func, or_, select

from core.domain.commands import Command
from core.domain.devices import Device
from core.domain.grants import View
from core.domain.homes import Home, Role, Room
from core.domain.lists import DeviceFilter, DeviceOrder
from core.store import lists, rows
from core.store.database import Database
from core.store.lists import Slice
from core.store.tables import commands, devices, homes, members, rooms

T = TypeVar("T")


def visible(view: View) -> ColumnElement[bool]:
    """The devices that the view shows now, as a condition."""
    ways: list[ColumnElement[bool]] = []
    if view.whole:
        ways.append(devices.c.home_id.in_(view.whole))
    if view.rooms:
        ways.append(devices.c.room_id.in_(view.rooms))
    if view.devices:
        ways.append(devices.c.id.in_(view.devices))
    return and_(devices.c.removed.is_(False), or_(*ways) if ways else _nothing())


def _nothing() -> ColumnElement[bool]:
    return devices.c.id.in_([])


class Reads:
    """The read side of the store."""

    def __init__(self, database: Database) -> None:
        """Read from this database."""
        self._database = database

    async def devices(
        self,
        view: View,
        part: Slice,
        order: DeviceOrder = DeviceOrder.NAME,
        filters: Iterable[DeviceFilter] = (),
    ) -> list[Device]:
        """A part of the visible devices for which all the filters hold, in this order."""
        query = rows.device_rows.where(visible(view), *lists.chosen(filters))
        found = await self._database.rows(lists.DEVICES[order].cut(query, part))
        return _ordered([rows.device_of(row) for row in found], part)

    async def count_devices(self, view: View, filters: Iterable[DeviceFilter] = ()) -> int:
        """How many devices the same list has in all."""
        query = select(func.count()).select_from(devices)
        (row,) = await self._database.rows(query.where(visible(view), *lists.chosen(filters)))
        return int(row[0])

    async def devices_by_id(self, view: View, ids: Collection[str]) -> dict[str, Device]:
        """The visible ones of these devices."""
        query = rows.device_rows.where(visible(view), devices.c.id.in_(ids))
        return {row.id: rows.device_of(row) for row in await self._database.rows(query)}

    async def homes(self, view: View, part: Slice) -> list[Home]:
        """A part of the homes that the view touches, by name."""
        query = select(homes).where(homes.c.id.in_(view.homes))
        found = await self._database.rows(lists.HOMES.cut(query, part))
        return _ordered([rows.home_of(row) for row in found], part)

    async def homes_by_id(self, view: View, ids: Collection[str]) -> dict[str, Home]:
        """Those of these homes that the view touches."""
        query = select(homes).where(homes.c.id.in_(view.homes & frozenset(ids)))
        return {row.id: rows.home_of(row) for row in await self._database.rows(query)}

    async def rooms(self, view: View, home_ids: Collection[str]) -> dict[str, list[Room]]:
        """The visible rooms of these homes, by name."""
        query = rows.room_rows.where(rooms.c.home_id.in_(home_ids), _seen_rooms(view))
        found: dict[str, list[Room]] = {home_id: [] for home_id in home_ids}
        for row in await self._database.rows(query.order_by(rooms.c.name_key, rooms.c.id)):
            found[row.home_id].append(rows.room_of(row))
        return found

    async def rooms_by_id(self, view: View, ids: Collection[str]) -> dict[str, Room]:
        """The visible ones of these rooms."""
        query = rows.room_rows.where(rooms.c.id.in_(ids), _seen_rooms(view))
        return {row.id: rows.room_of(row) for row in await self._database.rows(query)}

    async def commands_by_id(self, view: View, ids: Collection[str]) -> dict[str, Command]:
        """Those of these commands whose device is visible."""
        query = select(commands).join(devices, devices.c.id == commands.c.device_id)
        query = query.where(visible(view), commands.c.id.in_(ids))
        return {row.id: rows.command_of(row) for row in await self._database.rows(query)}

    async def pending(self, device_ids: Collection[str]) -> dict[str, list[Command]]:
        """The open commands of these devices, oldest first."""
        query = rows.open_commands().where(commands.c.device_id.in_(device_ids))
        found: dict[str, list[Command]] = {device_id: [] for device_id in device_ids}
        for row in await self._database.rows(query):
            found[row.device_id].append(rows.command_of(row))
        return found

    async def roles(self, user_id: str) -> dict[str, Role]:
        """The user's role in each home."""
        query = select(members).where(members.c.user_id == user_id)
        return {row.home_id: Role(row.role) for row in await self._database.rows(query)}


def _seen_rooms(view: View) -> ColumnElement[bool]:
    """A room is seen where its home is, where it is shared, or where one of its devices is."""
    ways = [rooms.c.home_id.in_(view.whole), rooms.c.id.in_(view.rooms)]
    if view.devices:
        shared = select(devices.c.room_id).where(visible(view), devices.c.room_id.is_not(None))
        ways.append(rooms.c.id.in_(shared))
    return or_(*ways)


def _ordered(found: list[T], part: Slice) -> list[T]:
    return found[::-1] if part.from_end else found
