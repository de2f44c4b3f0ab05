"""What waits to be done: homes to be connected, commands to be sent or ended, keys to be pruned."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, select, tuple_

from core.domain.commands import Command, CommandStatus
from core.domain.devices import Device
from core.domain.homes import Home
from core.store import rows
from core.store.database import Database
from core.store.tables import commands, devices, homes, idempotency_keys

MOST = 1_000


class Backlog:
    """The store as the runner and the time-keeper read it."""

    def __init__(self, database: Database) -> None:
        """Read from this database."""
        self._database = database

    async def connected(
        self, scheme: str, shards: Collection[int] | None = None
    ) -> list[tuple[Home, str]]:
        """Every home (of some shards) that is reached by this scheme, with its connector URL."""
        query = select(homes).where(homes.c.connector.startswith(f"{scheme}://", autoescape=True))
        if shards is not None:
            query = query.where(homes.c.shard.in_(shards))
        return [(rows.home_of(row), row.connector) for row in await self._database.rows(query)]

    async def connector(self, home_id: str) -> str | None:
        """How a home's devices are reached; None where there is no such home."""
        query = select(homes.c.connector).where(homes.c.id == home_id)
        found = await self._database.rows(query)
        return str(found[0].connector) if found else None

    async def devices_of(self, home_id: str) -> list[Device]:
        """Every device of a home."""
        here = (devices.c.home_id == home_id, devices.c.removed.is_(False))
        query = rows.device_rows.where(*here).order_by(devices.c.name_key, devices.c.id)
        return [rows.device_of(row) for row in await self._database.rows(query)]

    async def device(self, device_id: str) -> Device | None:
        """One device, whoever may see it."""
        query = rows.device_rows.where(devices.c.id == device_id, devices.c.removed.is_(False))
        found = await self._database.rows(query)
        return rows.device_of(found[0]) if found else None

    async def open_commands(self, home_id: str) -> Sequence[Command]:
        """Commands of a home that can still change, oldest first."""
        return await self._commands(rows.open_commands().where(commands.c.home_id == home_id))

    async def unsent_commands(self, shards: Collection[int]) -> Sequence[Command]:
        """Commands in these shards that nobody has begun to send, oldest first.

        At most a thousand, and then those with the nearest deadlines.
        """
        accepted = commands.c.status == CommandStatus.ACCEPTED.value
        here = commands.c.shard.in_(shards)
        return await self._commands(rows.open_commands().where(accepted, here).limit(MOST))

    async def waiting_homes(self, shards: Collection[int]) -> Collection[str]:
        """The homes in these shards that have open commands."""
        open_here = commands.c.completed_at.is_(None), commands.c.shard.in_(shards)
        query = select(commands.c.home_id).where(*open_here).distinct()
        return {row.home_id for row in await self._database.rows(query)}

    async def due(self, now: datetime) -> Sequence[Command]:
        """Open commands whose deadline has come, at most a thousand."""
        return await self._commands(
            rows.open_commands().where(commands.c.deadline <= now).limit(MOST)
        )

    async def prune_keys(self, before: datetime) -> None:
        """Forget idempotency keys that were first used before this moment, by and by."""
        keys = idempotency_keys
        old = select(keys.c.grant_id, keys.c.key).where(keys.c.created_at < before).limit(MOST)
        prune = delete(keys).where(tuple_(keys.c.grant_id, keys.c.key).in_(old))
        gone = MOST
        while gone == MOST:  # nobody else can write meanwhile, so not all at once
            async with self._database.write() as connection:
                gone = (await connection.execute(prune)).rowcount

    async def _commands(self, query: Select[Any]) -> list[Command]:
        found = [rows.command_of(row) for row in await self._database.rows(query)]
        return sorted(found, key=lambda command: command.id)
