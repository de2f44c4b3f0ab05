"""The database's shape over time: Alembic versions, and running them from the program."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from core.store.database import Database

NEWEST = "head"
OLDEST = "base"


async def upgrade(database: Database, revision: str = NEWEST) -> None:
    """Bring the database up to a revision, in one transaction."""
    async with database.write() as connection:
        await connection.run_sync(lambda sync: command.upgrade(config(sync), revision))


async def downgrade(database: Database, revision: str = OLDEST) -> None:
    """Bring the database down to a revision, in one transaction."""
    async with database.write() as connection:
        await connection.run_sync(lambda sync: command.downgrade(config(sync), revision))


async def pending(database: Database) -> bool:
    """Whether the database is not at the newest revision."""
    async with database.read() as connection:
        return await connection.run_sync(_behind)


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration for these versions, on an open connection."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.attributes["connection"] = connection
    return made


def _behind(connection: Connection) -> bool:
    # Imported late: a server only asks this once, and Alembic's scripts take a while to load.
    from alembic.runtime.migration import MigrationContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    heads = set(ScriptDirectory.from_config(config()).get_heads())
    return set(MigrationContext.configure(connection).get_current_heads()) != heads
