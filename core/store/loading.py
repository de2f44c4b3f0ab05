"""What work needs out of the database into a ledger, in as few statements as the batch allows.

The statements are made once: SQLAlchemy then knows them by sight, and each batch only binds values.
"""

from collections.abc import Collection, Iterable
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    bindparam,
    exists,
    or_,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from core.domain.homes import Role
from core.domain.shards import Fence
from core.store import documents, leases, registrations, rows
from core.store.ledger import ACCESS, KeyEntry, Ledger, Needs
from core.store.pairs import among
from core.store.tables import (
    clients,
    commands,
    devices,
    grants,
    homes,
    idempotency_keys as keys,
    invites,
    logs,
    members,
    rooms,
    signing_keys,
    users,
)
from core.store.types import Texts


class _Listed(FunctionElement[Any]):
    """That a column has one of the texts of a list: the same statement for lists of any length.

    SQLAlchemy writes `IN` anew at each run, which took a tenth of what a lone report costs. It is
    of no type: where a Boolean stands alone, SQLite is given `= 1` behind it, and no index.
    """

    inherit_cache = True


@compiles(_Listed, "sqlite")
def _on_sqlite(element: _Listed, compiler: SQLCompiler, **how: Any) -> str:
    column, texts = (compiler.process(each, **how) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({texts}))"  # noqa: S608 - written by SQLAlchemy


@compiles(_Listed, "postgresql")
def _on_postgresql(element: _Listed, compiler: SQLCompiler, **how: Any) -> str:
    column, texts = (compiler.process(each, **how) for each in element.clauses)
    return f"{column} = ANY({texts})"


def _listed(column: Any, name: str = "these") -> ColumnElement[bool]:
    return _Listed(column, bindparam(name, type_=Texts))


def _among(column: Any, name: str = "these") -> ColumnElement[bool]:
    return column.in_(bindparam(name, expanding=True))  # type: ignore[no-any-return]  # a column's


_DEVICES: Final = rows.device_rows.where(devices.c.removed.is_(False))
_COMMANDS: Final = select(commands)
_OPEN: Final = _COMMANDS.where(commands.c.completed_at.is_(None))

HOMES: Final = select(homes).where(_listed(homes.c.id)).order_by(homes.c.id).with_for_update()
_fenced: Final = leases.FENCES.cte("fenced")
FENCED: Final = (
    select(homes, _fenced.c.shard.label("fenced_shard"), _fenced.c.token.label("fenced_token"))
    .outerjoin(_fenced, true())
    .where(_listed(homes.c.id, "homes"))
    .order_by(homes.c.id)
    .with_for_update(of=homes)
)
ACCESS_HEAD: Final = select(logs.c.place).where(logs.c.id == ACCESS).with_for_update()
SIGNING_KEYS: Final = select(signing_keys)
ROOMS_OF_HOMES: Final = rows.room_rows.where(_among(rooms.c.home_id))
MEMBERS_OF_HOMES: Final = select(members).where(_among(members.c.home_id))
MEMBERS: Final = select(members).where(among(members.c.home_id, members.c.user_id))
_BUSY: Final = exists().where(
    commands.c.device_id == devices.c.id, commands.c.completed_at.is_(None)
)
DEVICES: Final = _DEVICES.add_columns(_BUSY.label("busy")).where(_listed(devices.c.id))
DEVICES_OF_HOMES: Final = _DEVICES.where(_among(devices.c.home_id))
COMMANDS: Final = _COMMANDS.where(_among(commands.c.id))
OPEN_OF_DEVICES: Final = _OPEN.where(_among(commands.c.device_id))
# In the order of the index of open commands; SQLite would go through all commands otherwise.
OPEN_OF_HOMES: Final = _OPEN.where(_among(commands.c.home_id)).order_by(commands.c.deadline)
KEYS: Final = select(keys).where(among(keys.c.grant_id, keys.c.key))
INVITES: Final = select(invites).where(_among(invites.c.home_id))
USERS: Final = select(users).where(_among(users.c.id))
CLIENTS: Final = select(clients).where(_among(clients.c.id))
GRANTS: Final = select(grants).where(or_(_among(grants.c.id), _among(grants.c.user_id, "givers")))


async def load(connection: AsyncConnection, ledger: Ledger, needs: Needs) -> None:
    """Lock and read what `needs` names into the ledger: locks first, each kind in sorted order."""
    await connection.run_sync(_load, ledger, needs)


def _load(connection: Connection, ledger: Ledger, needs: Needs) -> None:
    _lock(connection, ledger, needs)
    if needs.whole:
        _load_whole(connection, ledger, needs.whole)
    if needs.devices:
        found = _found(connection, DEVICES, needs.devices)
        _load_devices(ledger, found)
        if busy := [row.id for row in found if row.busy]:  # seldom, and so a round trip is saved
            _load_commands(connection, ledger, OPEN_OF_DEVICES, busy)
    if needs.commands:
        _load_commands(connection, ledger, COMMANDS, needs.commands)
    if needs.keys:
        _load_keys(connection, ledger, needs)
    if needs.inviting:
        for row in _found(connection, INVITES, needs.inviting):
            ledger.invites.load(row.id, rows.invite_of(row))
    _load_accounts(connection, ledger, needs)
    if needs.documents:
        documents.load(connection, ledger, needs)
    if needs.initial or needs.registrations:
        registrations.load(connection, ledger, needs)


def _lock(connection: Connection, ledger: Ledger, needs: Needs) -> None:
    ids = needs.homes | needs.whole
    if needs.fences and ids and connection.dialect.name == "postgresql":
        _lock_fenced(connection, ledger, needs, ids)
    else:
        if needs.fences:  # before the homes: whoever takes a lease over keeps no home waiting
            ledger.fences = leases.current(connection, needs.fences)
        if ids:
            for row in _found(connection, HOMES, ids):
                ledger.homes.load(row.id, rows.home_entry(row))
    if needs.access:
        ledger.access_place = connection.execute(ACCESS_HEAD).scalar_one()
        for row in connection.execute(SIGNING_KEYS):
            ledger.signing_keys.load(row.id, rows.key_of(row))


def _lock_fenced(
    connection: Connection, ledger: Ledger, needs: Needs, ids: Collection[str]
) -> None:
    """Both locks in one round trip: each home comes with each of the fences, if there are any."""
    shards = sorted({fence.shard for fence in needs.fences})
    found = connection.execute(FENCED, {"these": shards, "homes": list(ids)}).all()
    for row in found:
        ledger.homes.load(row.id, rows.home_entry(row))
    if found:
        fences = ((row.fenced_shard, row.fenced_token) for row in found)
        ledger.fences = frozenset(Fence(*one) for one in fences if one[0] is not None)
    else:
        ledger.fences = leases.current(connection, needs.fences)


def _load_whole(connection: Connection, ledger: Ledger, ids: frozenset[str]) -> None:
    for row in _found(connection, ROOMS_OF_HOMES, ids):
        ledger.rooms.load(row.id, rows.room_of(row))
    for row in _found(connection, MEMBERS_OF_HOMES, ids):
        ledger.members.load((row.home_id, row.user_id), Role(row.role))
    _load_devices(ledger, _found(connection, DEVICES_OF_HOMES, ids))
    _load_commands(connection, ledger, OPEN_OF_HOMES, ids)


def _load_devices(ledger: Ledger, found: Iterable[rows.Fetched]) -> None:
    for row in found:
        ledger.devices.load(row.id, rows.device_of(row))


def _load_commands(
    connection: Connection, ledger: Ledger, query: Select[Any], ids: Collection[str]
) -> None:
    for row in _found(connection, query, ids):
        ledger.load_command(rows.command_of(row))


def _load_keys(connection: Connection, ledger: Ledger, needs: Needs) -> None:
    used = []
    for row in _found(connection, KEYS, sorted(needs.keys)):
        entry = KeyEntry(row.command_id, row.fingerprint, row.created_at)
        ledger.keys.load((row.grant_id, row.key), entry)
        used.append(row.command_id)
    if used:
        _load_commands(connection, ledger, COMMANDS, used)


def _load_accounts(connection: Connection, ledger: Ledger, needs: Needs) -> None:
    if needs.users:
        for row in _found(connection, USERS, needs.users):
            ledger.users.load(row.id, rows.user_of(row))
    if needs.clients:
        for row in _found(connection, CLIENTS, needs.clients):
            ledger.clients.load(row.id, rows.client_of(row))
    if needs.grants or needs.givers:
        for row in _found(connection, GRANTS, needs.grants, givers=list(needs.givers)):
            ledger.grants.load(row.id, rows.grant_of(row))
    if needs.sharers:
        for row in _found(connection, MEMBERS, sorted(needs.sharers)):
            ledger.members.load((row.home_id, row.user_id), Role(row.role))


def _found(
    connection: Connection, query: Select[Any], these: Collection[Any], **more: Any
) -> list[rows.Fetched]:
    return list(connection.execute(query, {"these": list(these), **more}))
