"""What has changed in a ledger into the database, in as few statements as the batch allows."""

from collections.abc import Callable
from functools import cache
from typing import Any

from sqlalchemy import (
    Connection,
    Insert,
    Table,
    Update,
    and_,
    bindparam,
    delete,
    insert,
    null,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store import codec, documents, registrations, rows, tables
from core.store.audit import audit_values
from core.store.ledger import ACCESS, Ledger
from core.store.shelf import Shelf

Values = dict[str, Any]


async def flush(connection: AsyncConnection, ledger: Ledger, *, sqlite_dialect: bool) -> None:
    """Write every change of the ledger; parents before children."""
    await connection.run_sync(_flush, ledger, sqlite_dialect=sqlite_dialect)


def heads(ledger: Ledger) -> dict[str, int]:
    """The new head of each log that the ledger appended to."""
    places = {event.home.id: event.place for event in ledger.events}
    if ledger.accesses:
        places[ACCESS] = ledger.access_place
    return places


def _flush(connection: Connection, ledger: Ledger, *, sqlite_dialect: bool) -> None:
    _accounts(connection, ledger)
    documents.write(connection, ledger)
    registrations.write(connection, ledger)
    _homes(connection, ledger)
    _write(connection, tables.devices, ledger.devices, rows.device_values)
    _write(connection, tables.commands, ledger.commands, rows.command_values)
    _keys(connection, ledger)
    if ledger.events:
        connection.execute(_insert(tables.events), list(map(rows.event_values, ledger.events)))
    if ledger.accesses:
        _accesses(connection, ledger)
    if ledger.notes:
        connection.execute(_insert(tables.audit), list(map(audit_values, ledger.notes)))
    _mark_dirty(connection, heads(ledger), sqlite_dialect=sqlite_dialect)


def _write(
    connection: Connection,
    table: Table,
    shelf: Shelf[str, Any],
    values: Callable[[Any], Values],
    born: Values | None = None,
) -> None:
    """Write what changed on a shelf; `born` are values that only a new row gets."""
    new: list[Values] = []
    old: dict[tuple[str, ...], list[Values]] = {}
    gone: list[str] = []
    for key, value, before in shelf.written():
        if value is None:
            gone.append(key)
        elif before is None:
            new.append({**values(value), **(born or {})})
        else:
            changed = _changed(values(before), values(value))
            old.setdefault(tuple(changed), []).append({**changed, "the_id": key})
    if new:
        connection.execute(_insert(table), new)
    for columns, changes in old.items():
        if columns:
            connection.execute(_update(table), changes)
    if gone:
        _remove(connection, table, gone)


def _changed(before: Values, after: Values) -> Values:
    """The values that differ.

    No others are written: SQLite looks through other tables for whatever refers to a key that is
    set, and moves a row in each index of a column that is set, even to the value that it has.
    """
    return {name: value for name, value in after.items() if before[name] != value}


def _remove(connection: Connection, table: Table, gone: list[str]) -> None:
    if table is tables.rooms:
        _empty(connection, gone)
    if table is tables.devices:
        connection.execute(update(table).where(table.c.id.in_(gone)).values(removed=True))
    else:
        connection.execute(delete(table).where(table.c.id.in_(gone)))


def _empty(connection: Connection, room_ids: list[str]) -> None:
    """Let no device name these rooms any more, removed ones included."""
    room_id = tables.devices.c.room_id
    left = update(tables.devices).where(room_id.in_(room_ids)).values(room_id=None)
    connection.execute(left)


def _homes(connection: Connection, ledger: Ledger) -> None:
    _write(connection, tables.homes, ledger.homes, rows.home_values)
    _write(connection, tables.rooms, ledger.rooms, rows.room_values)
    _members(connection, ledger)
    _write(connection, tables.invites, ledger.invites, rows.invite_values)


def _members(connection: Connection, ledger: Ledger) -> None:
    table = tables.members
    for (home_id, user_id), role, _ in ledger.members.written():
        ours = and_(table.c.home_id == home_id, table.c.user_id == user_id)
        connection.execute(delete(table).where(ours))
        if role is not None:
            values = {"home_id": home_id, "user_id": user_id, "role": role.value}
            connection.execute(_insert(table), values)


def _keys(connection: Connection, ledger: Ledger) -> None:
    table = tables.idempotency_keys
    new: list[Values] = []
    # Sorted, so that two processes that use the same keys never wait for each other in a circle.
    for (grant_id, key), entry, before in sorted(ledger.keys.written(), key=lambda one: one[0]):
        if entry is None:
            continue
        if before is not None:
            ours = and_(table.c.grant_id == grant_id, table.c.key == key)
            connection.execute(delete(table).where(ours))
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
        connection.execute(_insert(table), new)


def _accounts(connection: Connection, ledger: Ledger) -> None:
    born = {"created_at": ledger.now}
    _write(connection, tables.users, ledger.users, codec.account_out, born)
    _write(connection, tables.clients, ledger.clients, codec.account_out, born)
    _write(connection, tables.grants, ledger.grants, rows.grant_values)
    _write(connection, tables.signing_keys, ledger.signing_keys, rows.key_values)


def _accesses(connection: Connection, ledger: Ledger) -> None:
    entries = [
        {"place": one.place, "kind": one.kind, "body": one.body, "at": one.at}
        for one in ledger.accesses
    ]
    connection.execute(_insert(tables.access), entries)
    logs = tables.logs
    head = update(logs).where(logs.c.id == ACCESS).values(place=ledger.access_place)
    connection.execute(head)


def _mark_dirty(connection: Connection, places: dict[str, int], *, sqlite_dialect: bool) -> None:
    marks = [{"log_id": log_id, "place": place} for log_id, place in sorted(places.items())]
    if marks:
        connection.execute(_mark(sqlite_dialect=sqlite_dialect), marks)


@cache
def _insert(table: Table) -> Insert:
    return insert(table)


@cache
def _update(table: Table) -> Update:
    return update(table).where(table.c.id == bindparam("the_id"))


@cache
def _mark(*, sqlite_dialect: bool) -> Insert:
    dialect = sqlite if sqlite_dialect else postgresql
    upsert: sqlite.Insert | postgresql.Insert = dialect.insert(tables.dirty)
    return upsert.values(hinted_at=null()).on_conflict_do_update(
        index_elements=["log_id"], set_={"place": upsert.excluded.place, "hinted_at": null()}
    )
