"""What has changed in a ledger into the database, in as few statements as the batch allows."""

from collections.abc import Callable, Collection
from typing import Any, Final

from sqlalchemy import Table, and_, delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.store import bulk, codec, documents, registrations, rows, tables
from core.store.audit import audit_values
from core.store.ledger import ACCESS, Ledger
from core.store.shelf import Shelf
from core.store.steps import Steps, Values


async def flush(connection: AsyncConnection, ledger: Ledger) -> None:
    """Write every change of the ledger; parents before children, or at once with them."""
    await connection.run_sync(lambda here: _flush(Steps(here), ledger))


def heads(ledger: Ledger) -> dict[str, int]:
    """The new head of each log that the ledger appended to."""
    places = {event.home.id: event.place for event in ledger.events}
    if ledger.accesses:
        places[ACCESS] = ledger.access_place
    return places


def _flush(steps: Steps, ledger: Ledger) -> None:
    _accounts(steps, ledger)
    documents.write(steps, ledger)
    registrations.write(steps, ledger)
    _homes(steps, ledger)
    _write(steps, tables.devices, ledger.devices, rows.device_values)
    _write(steps, tables.commands, ledger.commands, rows.command_values)
    _keys(steps, ledger)
    steps.insert(tables.events, list(map(rows.event_values, ledger.events)))
    _accesses(steps, ledger)
    steps.insert(tables.audit, list(map(audit_values, ledger.notes)))
    steps.add(_MARK, sorted(heads(ledger).items()))
    steps.run()


def _write(
    steps: Steps,
    table: Table,
    shelf: Shelf[str, Any],
    values: Callable[[Any], Values],
    born: Values | None = None,
) -> None:
    """Write what changed on a shelf; `born` are values that only a new row gets."""
    new: list[Values] = []
    old: dict[str, tuple[Values, Collection[str]]] = {}
    gone: list[str] = []
    for key, value, before in shelf.written():
        if value is None:
            gone.append(key)
        elif before is None:
            new.append({**values(value), **(born or {})})
        else:
            was, now = values(before), values(value)
            old[key] = now, [name for name, is_now in now.items() if was[name] != is_now]
    steps.insert(table, new)
    steps.update(table, old)
    if gone:
        _remove(steps, table, gone)


def _remove(steps: Steps, table: Table, gone: list[str]) -> None:
    if table is tables.rooms:
        _empty(steps, gone)
    if table is tables.devices:
        steps.now(update(table).where(table.c.id.in_(gone)).values(removed=True))
    else:
        steps.now(delete(table).where(table.c.id.in_(gone)))


def _empty(steps: Steps, room_ids: list[str]) -> None:
    """Let no device name these rooms any more, removed ones included."""
    room_id = tables.devices.c.room_id
    steps.now(update(tables.devices).where(room_id.in_(room_ids)).values(room_id=None))


def _homes(steps: Steps, ledger: Ledger) -> None:
    _write(steps, tables.homes, ledger.homes, rows.home_values)
    _write(steps, tables.rooms, ledger.rooms, rows.room_values)
    _members(steps, ledger)
    _write(steps, tables.invites, ledger.invites, rows.invite_values)


def _members(steps: Steps, ledger: Ledger) -> None:
    table = tables.members
    for (home_id, user_id), role, _ in ledger.members.written():
        ours = and_(table.c.home_id == home_id, table.c.user_id == user_id)
        steps.now(delete(table).where(ours))
        if role is not None:
            values = {"home_id": home_id, "user_id": user_id, "role": role.value}
            steps.now(insert(table).values(values))


def _keys(steps: Steps, ledger: Ledger) -> None:
    table = tables.idempotency_keys
    new: list[Values] = []
    # Sorted, so that two processes that use the same keys never wait for each other in a circle.
    for (grant_id, key), entry, before in sorted(ledger.keys.written(), key=lambda one: one[0]):
        if entry is None:
            continue
        if before is not None:
            ours = and_(table.c.grant_id == grant_id, table.c.key == key)
            steps.now(delete(table).where(ours))
        new.append(
            {
                "grant_id": grant_id,
                "key": key,
                "command_id": entry.command_id,
                "fingerprint": entry.fingerprint,
                "created_at": entry.created_at,
            }
        )
    steps.insert(table, new)


def _accounts(steps: Steps, ledger: Ledger) -> None:
    born = {"created_at": ledger.now}
    _write(steps, tables.users, ledger.users, codec.account_out, born)
    _write(steps, tables.clients, ledger.clients, codec.account_out, born)
    _write(steps, tables.grants, ledger.grants, rows.grant_values)
    _write(steps, tables.signing_keys, ledger.signing_keys, rows.key_values)


def _accesses(steps: Steps, ledger: Ledger) -> None:
    entries = [
        {"place": one.place, "kind": one.kind, "body": one.body, "at": one.at}
        for one in ledger.accesses
    ]
    if entries:
        steps.insert(tables.access, entries)
        steps.update(tables.logs, {ACCESS: ({"place": ledger.access_place}, ["place"])})


_MARK: Final = bulk.inserting(
    "dirty",
    {"log_id": bulk.TEXT, "place": bulk.NUMBER},
    "ON CONFLICT (log_id) DO UPDATE SET place = excluded.place, hinted_at = NULL",
)
