"""A ledger out of the database and back into it, in as few statements as the batch allows."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, and_, bindparam, delete, insert, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.domain.homes import Role
from core.store import codec, documents, rows, tables
from core.store.ledger import ACCESS, KeyEntry, Ledger, Needs, Shelf

Values = dict[str, Any]


async def load(connection: AsyncConnection, ledger: Ledger, needs: Needs) -> None:
    """Lock and read what `needs` names into the ledger: locks first, homes in sorted order."""
    await _lock(connection, ledger, needs)
    if needs.whole:
        await _load_whole(connection, ledger, needs)
    await _load_devices(connection, ledger, needs)
    await _load_commands(connection, ledger, needs)
    if needs.keys:
        await _load_keys(connection, ledger, needs)
    await _load_accounts(connection, ledger, needs)
    if needs.documents:
        await documents.load(connection, ledger, needs)


async def flush(connection: AsyncConnection, ledger: Ledger, *, sqlite_dialect: bool) -> None:
    """Write every change of the ledger; parents before children."""
    await _accounts(connection, ledger)
    await documents.write(connection, ledger)
    await _homes(connection, ledger)
    await _write(connection, tables.devices, ledger.devices, rows.device_values)
    await _write(connection, tables.commands, ledger.commands, rows.command_values)
    await _keys(connection, ledger)
    if ledger.events:
        await connection.execute(insert(tables.events), list(map(rows.event_values, ledger.events)))
    if ledger.accesses:
        await _accesses(connection, ledger)
    await _mark_dirty(connection, heads(ledger), sqlite_dialect=sqlite_dialect)


def heads(ledger: Ledger) -> dict[str, int]:
    """The new head of each log that the ledger appended to."""
    places = {event.home.id: event.place for event in ledger.events}
    if ledger.accesses:
        places[ACCESS] = ledger.access_place
    return places


async def _lock(connection: AsyncConnection, ledger: Ledger, needs: Needs) -> None:
    ids = needs.homes | needs.whole
    if ids:
        homes = tables.homes
        found = select(homes).where(homes.c.id.in_(ids)).order_by(homes.c.id).with_for_update()
        for row in await connection.execute(found):
            ledger.homes.load(row.id, rows.home_entry(row))
    if needs.access:
        logs, keys = tables.logs, tables.signing_keys
        head = select(logs.c.place).where(logs.c.id == ACCESS).with_for_update()
        ledger.access_place = (await connection.execute(head)).scalar_one()
        for row in await connection.execute(select(keys)):
            ledger.signing_keys.load(row.id, rows.key_of(row))


async def _load_whole(connection: AsyncConnection, ledger: Ledger, needs: Needs) -> None:
    room_rows = rows.room_rows.where(tables.rooms.c.home_id.in_(needs.whole))
    for row in await connection.execute(room_rows):
        ledger.rooms.load(row.id, rows.room_of(row))
    members = tables.members
    for row in await connection.execute(select(members).where(members.c.home_id.in_(needs.whole))):
        ledger.members.load((row.home_id, row.user_id), Role(row.role))


async def _load_devices(connection: AsyncConnection, ledger: Ledger, needs: Needs) -> None:
    devices, which = tables.devices, []
    if needs.devices:
        which.append(devices.c.id.in_(needs.devices))
    if needs.whole:
        which.append(devices.c.home_id.in_(needs.whole))
    if which:
        found = rows.device_rows.where(or_(*which), devices.c.removed.is_(False))
        for row in await connection.execute(found):
            ledger.devices.load(row.id, rows.device_of(row))


async def _load_commands(connection: AsyncConnection, ledger: Ledger, needs: Needs) -> None:
    commands, which = tables.commands, []
    if needs.devices:
        ours = commands.c.device_id.in_(needs.devices)
        which.append(and_(ours, commands.c.completed_at.is_(None)))
    if needs.commands:
        which.append(commands.c.id.in_(needs.commands))
    if needs.whole:
        ours = commands.c.home_id.in_(needs.whole)
        which.append(and_(ours, commands.c.completed_at.is_(None)))
    for one in which:  # one statement each: an OR would keep both from using their index
        for row in await connection.execute(select(commands).where(one)):
            ledger.load_command(rows.command_of(row))


async def _load_keys(connection: AsyncConnection, ledger: Ledger, needs: Needs) -> None:
    keys = tables.idempotency_keys
    found = select(keys).where(tuple_(keys.c.grant_id, keys.c.key).in_(sorted(needs.keys)))
    entries = (await connection.execute(found)).all()
    used = [row.command_id for row in entries]
    for row in entries:
        entry = KeyEntry(row.command_id, row.fingerprint, row.created_at)
        ledger.keys.load((row.grant_id, row.key), entry)
    if used:
        commands = tables.commands
        for row in await connection.execute(select(commands).where(commands.c.id.in_(used))):
            ledger.load_command(rows.command_of(row))


async def _load_accounts(connection: AsyncConnection, ledger: Ledger, needs: Needs) -> None:
    if needs.users:
        users = select(tables.users).where(tables.users.c.id.in_(needs.users))
        for row in await connection.execute(users):
            ledger.users.load(row.id, rows.user_of(row))
    if needs.clients:
        clients = select(tables.clients).where(tables.clients.c.id.in_(needs.clients))
        for row in await connection.execute(clients):
            ledger.clients.load(row.id, rows.client_of(row))
    if needs.grants or needs.givers:
        ids, givers = tables.grants.c.id, tables.grants.c.user_id
        which = or_(ids.in_(needs.grants), givers.in_(needs.givers))
        for row in await connection.execute(select(tables.grants).where(which)):
            ledger.grants.load(row.id, rows.grant_of(row))
    if needs.sharers:
        members = tables.members
        which = tuple_(members.c.home_id, members.c.user_id).in_(sorted(needs.sharers))
        for row in await connection.execute(select(members).where(which)):
            ledger.members.load((row.home_id, row.user_id), Role(row.role))


async def _write(
    connection: AsyncConnection,
    table: Table,
    shelf: Shelf[str, Any],
    values: Any,
    born: Values | None = None,
) -> None:
    """Write what changed on a shelf; `born` are values that only a new row gets."""
    new: list[Values] = []
    old: list[Values] = []
    gone: list[str] = []
    for key, value, fresh in shelf.written():
        if value is None:
            gone.append(key)
        else:
            (new if fresh else old).append(values(value))
    if new:
        await connection.execute(insert(table), [{**one, **(born or {})} for one in new])
    if old:
        await connection.execute(_update(table), [{**one, "the_id": one["id"]} for one in old])
    if gone and table is tables.rooms:
        await _empty(connection, gone)
    if gone and table is tables.devices:
        removed = update(table).where(table.c.id.in_(gone)).values(removed=True)
        await connection.execute(removed)
    elif gone:
        await connection.execute(delete(table).where(table.c.id.in_(gone)))


async def _empty(connection: AsyncConnection, room_ids: list[str]) -> None:
    """Let no device name these rooms any more, removed ones included."""
    room_id = tables.devices.c.room_id
    left = update(tables.devices).where(room_id.in_(room_ids)).values(room_id=None)
    await connection.execute(left)


def _update(table: Table) -> Any:
    return update(table).where(table.c.id == bindparam("the_id"))


async def _homes(connection: AsyncConnection, ledger: Ledger) -> None:
    new: list[Values] = []
    old: list[Values] = []
    for key, entry, fresh in ledger.homes.written():
        if entry is None:
            sentence = f"homes are never deleted, and {key} was"
            raise LookupError(sentence)
        home = entry.home
        values = {
            "id": home.id,
            "name": home.name,
            "name_key": rows.name_key(home.name),
            "time_zone": home.time_zone,
            "connector": entry.connector,
            "place": entry.place,
            "sequence": entry.sequence,
        }
        (new if fresh else old).append(values)
    if new:
        await connection.execute(insert(tables.homes), new)
    if old:
        advanced = [{**one, "the_id": one["id"]} for one in old]
        await connection.execute(_update(tables.homes), advanced)
    await _write(
        connection,
        tables.rooms,
        ledger.rooms,
        lambda room: {
            "id": room.id,
            "home_id": room.home.id,
            "name": room.name,
            "name_key": rows.name_key(room.name),
        },
    )
    await _members(connection, ledger)


async def _members(connection: AsyncConnection, ledger: Ledger) -> None:
    table = tables.members
    for (home_id, user_id), role, _ in ledger.members.written():
        ours = and_(table.c.home_id == home_id, table.c.user_id == user_id)
        await connection.execute(delete(table).where(ours))
        if role is not None:
            values = {"home_id": home_id, "user_id": user_id, "role": role.value}
            await connection.execute(insert(table), values)


async def _keys(connection: AsyncConnection, ledger: Ledger) -> None:
    table = tables.idempotency_keys
    new: list[Values] = []
    # Sorted, so that two processes that use the same keys never wait for each other in a circle.
    for (grant_id, key), entry, fresh in sorted(ledger.keys.written(), key=lambda one: one[0]):
        if entry is None:
            continue
        if not fresh:
            ours = and_(table.c.grant_id == grant_id, table.c.key == key)
            await connection.execute(delete(table).where(ours))
        new.append(
            {
                "grant_id": grant_id,
                "key": key,
                "command_id": entry.command_id,
                "fingerprint": entry.fingerprint,
                "created_at": entry.created_at,
            }
        )
    if new:
        await connection.execute(insert(table), new)


async def _accounts(connection: AsyncConnection, ledger: Ledger) -> None:
    born = {"created_at": ledger.now}
    await _write(connection, tables.users, ledger.users, codec.account_out, born)
    await _write(connection, tables.clients, ledger.clients, codec.account_out, born)
    await _write(connection, tables.grants, ledger.grants, rows.grant_values)
    await _write(connection, tables.signing_keys, ledger.signing_keys, rows.key_values)


async def _accesses(connection: AsyncConnection, ledger: Ledger) -> None:
    entries = [
        {"place": one.place, "kind": one.kind, "body": one.body, "at": one.at}
        for one in ledger.accesses
    ]
    await connection.execute(insert(tables.access), entries)
    logs = tables.logs
    head = update(logs).where(logs.c.id == ACCESS).values(place=ledger.access_place)
    await connection.execute(head)


async def _mark_dirty(
    connection: AsyncConnection, places: dict[str, int], *, sqlite_dialect: bool
) -> None:
    if not places:
        return
    upsert = (sqlite if sqlite_dialect else postgresql).insert(tables.dirty)
    changed = upsert.on_conflict_do_update(
        index_elements=["log_id"], set_={"place": upsert.excluded.place, "hinted_at": None}
    )
    marks: Sequence[Values] = [
        {"log_id": log_id, "place": place, "hinted_at": None}
        for log_id, place in sorted(places.items())
    ]
    await connection.execute(changed, marks)
