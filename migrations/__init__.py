"""The database's shape over time: Alembic versions, and running them from the program."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from core.domain.errors import Conflict, Unavailable
from core.store.database import Database

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent
OLDEST = "base"


def revisions() -> list[str]:
    """Every revision, oldest first. They are one line, and their files begin with them."""
    return sorted(path.name.partition("_")[0] for path in FOLDER.glob("versions/[0-9]*.py"))


async def upgrade(database: Database, revision: str | None = None) -> None:
    """Bring the database up to a revision, or the newest, in one transaction.

    Raises:
        Conflict: the database is of a version that is not known here.
    """
    current, target = await _current(database), revision or revisions()[-1]
    if current == target:
        return
    if current is not None and current not in revisions():
        sentence = f"The database is of the later version {current}: run a newer Latchkey."
        raise Conflict(sentence)
    from alembic import command  # noqa: PLC0415 - slow to import, and seldom needed

    async with database.write() as connection:
        await connection.run_sync(lambda sync: command.upgrade(config(sync), target))


async def downgrade(database: Database, revision: str = OLDEST) -> None:
    """Bring the database down to a revision, in one transaction."""
    from alembic import command  # noqa: PLC0415 - as above

    async with database.write() as connection:
        await connection.run_sync(lambda sync: command.downgrade(config(sync), revision))


async def pending(database: Database) -> bool:
    """Whether the database is not at the newest revision."""
    return await _current(database) != revisions()[-1]


async def check(database: Database) -> None:
    """See that the database is at the newest revision.

    Raises:
        Unavailable: it is not, or does not answer.
    """
    if await pending(database):
        sentence = "The database is not of this version: run `latchkey migrate` first."
        raise Unavailable(sentence)


def config(connection: Connection | None = None) -> "Config":
    """Alembic's configuration for these versions, on an open connection."""
    from alembic.config import Config  # noqa: PLC0415 - as above

    made = Config()
    made.set_main_option("script_location", str(FOLDER))
    made.attributes["connection"] = connection
    return made


async def on(url: str, work: Callable[[Database], Awaitable[None]]) -> None:
    """Do one of these to the database of a URL, of which nothing else is needed."""
    database = Database(url, patient=True)
    try:
        await work(database)
    finally:
        await database.close()


async def _current(database: Database) -> str | None:
    async with database.read() as connection:
        return await connection.run_sync(_revision)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision
