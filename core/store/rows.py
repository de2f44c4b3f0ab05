"""Rows to domain values, and the statements that several readers share."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, Select, select

from core.domain.accounts import Client, User
from core.domain.commands import Command, CommandStatus
from core.domain.devices import Capability, Device, DeviceKind
from core.domain.documents import RegisteredDocument
from core.domain.events import AccessEntry, Event
from core.domain.grants import Grant
from core.domain.homes import Home, Role, Room
from core.domain.invites import Invite
from core.domain.keys import SigningKey
from core.domain.shards import shard_of
from core.store import codec
from core.store.ledger import HomeEntry
from core.store.tables import commands, devices, events, homes, rooms

Fetched = Row[Any]

device_rows: Select[Any] = (
    select(
        devices,
        rooms.c.name.label("room_name"),
        homes.c.name.label("home_name"),
        homes.c.time_zone.label("home_time_zone"),
    )
    .outerjoin(homes, homes.c.id == devices.c.home_id)
    .outerjoin(rooms, rooms.c.id == devices.c.room_id)
)
"""Devices with the names of their room and home; the caller adds which.

Each has a home. The join is an outer one so that SQLite starts from the devices: from the homes, it
would read and sort all the devices of a home for one page.
"""

room_rows: Select[Any] = select(
    rooms, homes.c.name.label("home_name"), homes.c.time_zone.label("home_time_zone")
).join(homes, homes.c.id == rooms.c.home_id)
"""Rooms with their home; the caller adds which."""

event_rows: Select[Any] = select(
    events.c.type, events.c.place, events.c.sequence, events.c.occurred_at, events.c.body
)


def name_key(name: str) -> str:
    """What names are sorted and searched by."""
    return name.casefold()


def home_of(row: Fetched) -> Home:
    """A row of `homes`."""
    return Home(row.id, row.name, row.time_zone)


def home_entry(row: Fetched) -> HomeEntry:
    """A row of `homes`, with its log's head."""
    return HomeEntry(home_of(row), row.connector, row.place, row.sequence)


def home_values(entry: HomeEntry) -> dict[str, Any]:
    """The row of a home, with its log's head."""
    return {
        "id": entry.home.id,
        "name": entry.home.name,
        "name_key": name_key(entry.home.name),
        "time_zone": entry.home.time_zone,
        "connector": entry.connector,
        "place": entry.place,
        "sequence": entry.sequence,
        "shard": shard_of(entry.home.id),
    }


def room_values(room: Room) -> dict[str, Any]:
    """The row of a room."""
    return {
        "id": room.id,
        "home_id": room.home.id,
        "name": room.name,
        "name_key": name_key(room.name),
    }


def room_of(row: Fetched) -> Room:
    """A row of `room_rows`."""
    return Room(row.id, row.name, Home(row.home_id, row.home_name, row.home_time_zone))


def device_of(row: Fetched) -> Device:
    """A row of `device_rows`."""
    home = Home(row.home_id, row.home_name, row.home_time_zone)
    return Device(
        id=row.id,
        home=home,
        room=Room(row.room_id, row.room_name, home) if row.room_id else None,
        name=row.name,
        kind=DeviceKind(row.kind),
        capabilities=tuple(Capability(value) for value in row.capabilities),
        online=row.online,
        state=codec.state_in(row.state),
        updated_at=row.updated_at,
        manufacturer=row.manufacturer,
        model=row.model,
        firmware=row.firmware,
        address=row.address,
        sequence=row.sequence,
        order=row.ordinal,
    )


def device_values(device: Device) -> dict[str, Any]:
    """The row of a device."""
    return {
        "id": device.id,
        "home_id": device.home.id,
        "room_id": device.room.id if device.room else None,
        "name": device.name,
        "name_key": name_key(device.name),
        "kind": device.kind.value,
        "capabilities": [capability.value for capability in device.capabilities],
        "online": device.online,
        "state": codec.state_out(device.state),
        "manufacturer": device.manufacturer,
        "model": device.model,
        "firmware": device.firmware,
        "address": device.address,
        "sequence": device.sequence,
        "ordinal": device.order,
        "updated_at": device.updated_at,
        "removed": False,
    }


def command_of(row: Fetched) -> Command:
    """A row of `commands`."""
    return Command(
        id=row.id,
        home_id=row.home_id,
        device_id=row.device_id,
        grant_id=row.grant_id,
        client_id=row.client_id,
        desired=codec.state_in(row.desired),
        holds=tuple(row.holds),
        awaits=tuple(row.awaits),
        status=CommandStatus(row.status),
        issued_at=row.issued_at,
        deadline=row.deadline,
        completed_at=row.completed_at,
        error=codec.error_in(row.error),
    )


def command_values(command: Command) -> dict[str, Any]:
    """The row of a command."""
    return {
        "id": command.id,
        "home_id": command.home_id,
        "device_id": command.device_id,
        "grant_id": command.grant_id,
        "client_id": command.client_id,
        "desired": codec.state_out(command.desired),
        "holds": list(command.holds),
        "awaits": list(command.awaits),
        "status": command.status.value,
        "issued_at": command.issued_at,
        "deadline": command.deadline,
        "completed_at": command.completed_at,
        "error": codec.error_out(command.error),
        "shard": shard_of(command.home_id),
    }


def open_commands() -> Select[Any]:
    """Commands that can still change; the caller adds which.

    They are looked for again and again, so in the order of their index. In the order of their ids,
    SQLite would go through every command that there ever was.
    """
    still = commands.c.completed_at.is_(None)
    return select(commands).where(still).order_by(commands.c.deadline, commands.c.id)


def event_of(row: Fetched) -> Event:
    """A row of `event_rows`."""
    return codec.event_in(row.type, row.place, row.sequence, row.occurred_at, row.body)


def event_values(event: Event) -> dict[str, Any]:
    """The row of an event."""
    return {
        "home_id": event.home.id,
        "place": event.place,
        "id": event.id,
        "type": event.type.value,
        "device_id": event.device.id if event.device else None,
        "sequence": event.sequence,
        "occurred_at": event.occurred_at,
        "body": codec.event_out(event),
    }


def user_of(row: Fetched) -> User:
    """A row of `users`."""
    return User(row.id, row.name, row.disabled, row.operator)


def client_of(row: Fetched) -> Client:
    """A row of `clients`."""
    return codec.client_in(row._asdict())


def document_of(row: Fetched) -> RegisteredDocument:
    """A row of `documents`."""
    return RegisteredDocument(row.client_id, row.sha256, row.text, row.since)


def document_values(document: RegisteredDocument) -> dict[str, Any]:
    """The row of a registered document."""
    return {
        "client_id": document.client_id,
        "sha256": document.sha256,
        "text": document.text,
        "since": document.since,
    }


def grant_of(row: Fetched) -> Grant:
    """A row of `grants`."""
    return Grant(
        id=row.id,
        user_id=row.user_id,
        client_id=row.client_id,
        scopes=codec.scopes_in(row.scopes),
        shares=codec.shares_in(row.shares),
        since=row.since,
        revoked=row.revoked,
        key=codec.key_of_grant_in(row.key),
    )


def grant_values(grant: Grant) -> dict[str, Any]:
    """The row of a grant."""
    return {
        "id": grant.id,
        "user_id": grant.user_id,
        "client_id": grant.client_id,
        "scopes": sorted(grant.scopes),
        "shares": codec.shares_out(grant.shares),
        "since": grant.since,
        "revoked": grant.revoked,
        "key": codec.key_of_grant_out(grant.key),
    }


def key_of(row: Fetched) -> SigningKey:
    """A row of `signing_keys`."""
    return SigningKey(row.id, row.public, row.sealed, row.created_at, row.retired_at)


def key_values(key: SigningKey) -> dict[str, Any]:
    """The row of a signing key."""
    return {
        "id": key.id,
        "public": key.public,
        "sealed": key.sealed,
        "created_at": key.created_at,
        "retired_at": key.retired_at,
    }


def access_of(row: Fetched) -> AccessEntry:
    """A row of `access`."""
    return AccessEntry(row.place, row.kind, row.body, row.at)


def invite_of(row: Fetched) -> Invite:
    """A row of `invites`."""
    return Invite(
        id=row.id,
        home_id=row.home_id,
        digest=row.digest,
        role=Role(row.role),
        made_by=row.made_by,
        made_at=row.made_at,
        expires_at=row.expires_at,
        used_by=row.used_by,
    )


def invite_values(invite: Invite) -> dict[str, Any]:
    """The row of an invite."""
    return {**asdict(invite), "role": invite.role.value}
