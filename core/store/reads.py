"""Reads for those who ask: pages by key, and batches by identifier. Nothing here decides anything.

What a viewer may see is always part of the statement, so that a page is full and a count is right.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, func, or_, select

from core.domain.accounts import User
from core.domain.commands import Command, CommandStatus
from core.domain.devices import GUARDED, Device
from core.domain.grants import View
from core.domain.homes import Home, Role, Room
from core.domain.invites import Invite
from core.domain.lists import DeviceFilter, DeviceOrder
from core.store import lists, rows
from core.store.database import Database
from core.store.lists import Slice
from core.store.tables import commands, devices, homes, invites, members, rooms, users

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class HomeNow:
    """All of a home that the graph shows, at one place of its log.

    `rooms` are by name, `devices` are as events carry them; `pending` are the open
    commands by device, oldest first.
    """

    place: int
    home: Home
    rooms: Sequence[Room]
    devices: Sequence[Device]
    pending: Mapping[str, Sequence[Command]]


def visible(view: View) -> ColumnElement[bool]:
    """The devices that the view shows now, as a condition."""
    ways: list[ColumnElement[bool]] = []
    if view.whole:
        ways.append(devices.c.home_id.in_(view.whole))
    if view.rooms:
        ways.append(devices.c.room_id.in_(view.rooms))
    if view.devices:
        ways.append(devices.c.id.in_(view.devices))
    if view.homes_but_locks or view.rooms_but_locks:
        in_home = devices.c.home_id.in_(view.homes_but_locks)
        less = or_(in_home, devices.c.room_id.in_(view.rooms_but_locks))
        ways.append(and_(less, devices.c.kind.not_in(sorted(kind.value for kind in GUARDED))))
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

    async def home_now(self, home_id: str, most: int) -> HomeNow | None:
        """A home with everything in it; None where it is missing or has over `most` devices."""
        here = and_(devices.c.home_id == home_id, devices.c.removed.is_(False))
        query = rows.device_rows.where(here)
        open_here = rows.open_commands().where(commands.c.home_id == home_id)
        in_it = rows.room_rows.where(rooms.c.home_id == home_id)
        async with self._database.read() as connection:
            head = select(homes).where(homes.c.id == home_id)
            home = (await connection.execute(head)).one_or_none()
            found = (await connection.execute(query.limit(most + 1))).all()
            by_name = in_it.order_by(rooms.c.name_key, rooms.c.id)
            rooms_found = (await connection.execute(by_name)).all()
            pending = (await connection.execute(open_here)).all()
        if home is None or len(found) > most:
            return None
        the_home = rows.home_of(home)
        in_order = {row.id: Room(row.id, row.name, the_home) for row in rooms_found}
        return HomeNow(
            place=home.place,
            home=the_home,
            rooms=list(in_order.values()),
            devices=[
                replace(  # one home and one room for all who are in it, which saves memory
                    rows.device_of(row),
                    home=the_home,
                    room=in_order.get(row.room_id),
                    address="",
                    order=0,
                )
                for row in found
            ],
            pending=_by_device(map(rows.command_of, pending)),
        )

    async def open_statuses(self, home_id: str) -> dict[str, CommandStatus]:
        """How far each open command of a home is."""
        query = select(commands.c.id, commands.c.status).where(
            commands.c.home_id == home_id, commands.c.completed_at.is_(None)
        )
        return {row.id: CommandStatus(row.status) for row in await self._database.rows(query)}

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
        found = _by_device(map(rows.command_of, await self._database.rows(query)))
        return {device_id: found.get(device_id, []) for device_id in device_ids}

    async def members(self, home_id: str) -> list[tuple[User, Role]]:
        """Who belongs to a home, by name."""
        query = select(users, members.c.role).join(members, members.c.user_id == users.c.id)
        here = query.where(members.c.home_id == home_id).order_by(users.c.name)
        return [(rows.user_of(row), Role(row.role)) for row in await self._database.rows(here)]

    async def invite(self, digest: str) -> Invite | None:
        """The invite with this digest."""
        found = await self._database.rows(select(invites).where(invites.c.digest == digest))
        return rows.invite_of(found[0]) if found else None

    async def invites(self, home_id: str, now: datetime) -> list[Invite]:
        """The invites of a home by which somebody may still join, the newest first."""
        mine = and_(invites.c.home_id == home_id, invites.c.used_by.is_(None))
        query = select(invites).where(mine, invites.c.expires_at > now)
        found = await self._database.rows(query.order_by(invites.c.id.desc()))
        return list(map(rows.invite_of, found))

    async def lived_in(self, user_id: str) -> list[tuple[Home, Role]]:
        """The homes that the user belongs to, by name, and what they are there."""
        query = select(homes, members.c.role).join(members, members.c.home_id == homes.c.id)
        mine = query.where(members.c.user_id == user_id).order_by(homes.c.name_key, homes.c.id)
        return [(rows.home_of(row), Role(row.role)) for row in await self._database.rows(mine)]

    async def roles(self, user_id: str) -> dict[str, Role]:
        """The user's role in each home."""
        query = select(members).where(members.c.user_id == user_id)
        return {row.home_id: Role(row.role) for row in await self._database.rows(query)}


def _seen_rooms(view: View) -> ColumnElement[bool]:
    """A room is seen where its home is, where it is shared, or where one of its devices is."""
    ways = [
        rooms.c.home_id.in_(view.whole | view.homes_but_locks),
        rooms.c.id.in_(view.rooms | view.rooms_but_locks),
    ]
    if view.devices:
        shared = select(devices.c.room_id).where(visible(view), devices.c.room_id.is_not(None))
        ways.append(rooms.c.id.in_(shared))
    return or_(*ways)


def _by_device(found: Iterable[Command]) -> dict[str, list[Command]]:
    """Each device's commands, oldest first."""
    by_device: dict[str, list[Command]] = {}
    for command in sorted(found, key=lambda command: command.id):
        by_device.setdefault(command.device_id, []).append(command)
    return by_device


def _ordered(found: list[T], part: Slice) -> list[T]:
    return found[::-1] if part.from_end else found
