"""The database's shape: every version up and down on both databases, and none missing."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, inspect, select
from sqlalchemy.exc import DBAPIError

from app.compose import build, running
from core.domain.deliveries import DeliveryStatus
from core.domain.errors import Conflict, Unavailable
from core.domain.repairs import Chosen
from core.store import database, tables
from core.store.database import Database
from core.store.ledger import ACCESS, AUDIT
from core.store.types import EPOCH
from migrations import OLDEST, config, downgrade, on, pending, revisions, upgrade
from tests.conftest import Postgres, Run, settings_for
from tests.core.services.estate import lamp, settle
from tests.core.services.repair import end, of, plan, repairs, waiting, wrong_lanes
from tests.webhooks.partner import told


@pytest.fixture(params=["sqlite", "postgres"])
async def empty(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database without tables."""
    url = f"sqlite+aiosqlite:///{tmp_path}/empty.db"
    if request.param == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        url = server.empty()
    database = Database(url)
    yield database
    await database.close()


async def table_names(database: Database) -> set[str]:
    """The tables that are there, but for Alembic's own."""

    def names(connection: Connection) -> set[str]:
        return set(inspect(connection).get_table_names()) - {"alembic_version"}

    async with database.read() as connection:
        return await connection.run_sync(names)


async def differences(database: Database) -> Sequence[Any]:
    """What autogenerate would still write."""

    def compare(connection: Connection) -> Sequence[Any]:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        found: Sequence[Any] = compare_metadata(context, tables.metadata)
        return found

    async with database.read() as connection:
        return await connection.run_sync(compare)


def test_the_versions_are_alembics() -> None:
    """Versions as their files name them are the one line that Alembic follows."""
    scripts = ScriptDirectory.from_config(config()).walk_revisions()
    assert revisions() == [script.revision for script in reversed(list(scripts))]


async def test_up_and_down_and_up_again(empty: Database) -> None:
    """Every version can be put on, taken off and put on again, one at a time."""
    for revision in revisions():
        await upgrade(empty, revision)
    assert await table_names(empty) == set(tables.metadata.tables)
    for revision in [*reversed(revisions()[:-1]), OLDEST]:
        await downgrade(empty, revision)
    assert await table_names(empty) == set()
    await upgrade(empty)
    assert await table_names(empty) == set(tables.metadata.tables)


async def test_autogenerate_is_empty(empty: Database) -> None:
    """The versions lead to exactly the tables that the code knows."""
    await upgrade(empty)
    assert await differences(empty) == []


async def test_a_missing_migration_would_be_noticed(empty: Database) -> None:
    """The comparison sees what the test above says is not there."""
    assert len(await differences(empty)) >= len(tables.metadata.tables)


async def test_upgrading_twice_changes_nothing(empty: Database) -> None:
    """What is up to date stays as it is, with its rows."""
    await upgrade(empty)
    async with empty.write() as connection:
        await connection.execute(insert(tables.dirty).values(log_id="home_1", place=1))
    await upgrade(empty)
    assert len(await empty.rows(select(tables.dirty))) == 1


async def test_pending_until_up_to_date(empty: Database) -> None:
    """A database is pending while it is not at the newest version."""
    assert await pending(empty)
    await upgrade(empty)
    assert not await pending(empty)
    await downgrade(empty)
    assert await pending(empty)


async def test_a_database_of_a_later_release_is_left_alone(empty: Database) -> None:
    """It is neither served by an earlier one nor changed by it."""
    await upgrade(empty)
    async with empty.write() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = 'later'")
    assert await pending(empty)
    with pytest.raises(Conflict, match="later version later"):
        await upgrade(empty)


async def test_the_logs_begin_at_nothing(empty: Database) -> None:
    """A new database has a row for the access log and one for the audit, and nothing else."""
    await upgrade(empty)
    logs = tables.logs
    found = await empty.rows(select(logs.c.id, logs.c.place).order_by(logs.c.id))
    assert [tuple(row) for row in found] == [(ACCESS, 0), (AUDIT, 0)]


async def test_a_migration_that_fails_leaves_nothing(empty: Database) -> None:
    """A version is put on whole or not at all, on both databases."""
    async with empty.write() as connection:
        await connection.exec_driver_sql("CREATE TABLE rooms (id INTEGER)")
    with pytest.raises((DBAPIError, Unavailable)):
        await upgrade(empty)
    assert await table_names(empty) == {"rooms"}


async def test_a_house_does_not_run_on_old_tables(tmp_path: Path) -> None:
    """Serving refuses a database that was not migrated, and says what to do."""
    house = build(settings_for(f"sqlite+aiosqlite:///{tmp_path}/old.db"))
    with pytest.raises(Unavailable, match="run `latchkey migrate` first"):
        async with running(house):
            pass


async def test_clients_of_before_may_run_any_document(empty: Database) -> None:
    """Whoever was there before clients could be restricted is not, on the way up and down."""
    await upgrade(empty, "0002")
    async with empty.write() as connection:
        await connection.exec_driver_sql(
            "INSERT INTO clients (id, name, disabled, created_at) VALUES ('c', 'App', false, 0)"
        )
    await upgrade(empty)
    (row,) = await empty.rows(select(tables.clients))
    assert (row.id, row.registered_only) == ("c", False)
    await downgrade(empty, "0002")
    (row,) = await empty.rows(select(tables.clients.c.id))
    assert row.id == "c"


async def test_the_version_before_reads_what_more_flows_wrote(empty: Database) -> None:
    """On the way down clients and grants keep what it knows, and what it cannot hold to ends."""
    await upgrade(empty)
    client = {
        "scopes": ["devices:read", "usage:read"],
        "auth": "private_key_jwt",
        "jwks": {"keys": []},
        "flows": ["client_credentials"],
        "bound": True,
    }
    grant = {"user_id": "u", "client_id": "c", "shares": [], "since": EPOCH, "revoked": False}
    async with empty.write() as connection:
        await connection.execute(
            insert(tables.users).values(id="u", name="Ada", disabled=False, created_at=EPOCH)
        )
        await connection.execute(
            insert(tables.clients).values(
                id="c", name="App", disabled=False, created_at=EPOCH, oauth=client
            )
        )
        for name, scopes, key in [
            ("app", ["devices:read", "usage:read"], None),
            ("token", ["devices:read"], {"name": "k"}),
        ]:
            values = {**grant, "id": name, "scopes": scopes, "key": key}
            await connection.execute(insert(tables.grants).values(values))
    await downgrade(empty, "0008")
    (row,) = await empty.rows(select(tables.clients.c.oauth))
    assert row.oauth == {"scopes": ["devices:read"], "auth": "client_secret_basic"}
    shape = tables.grants.c
    found = await empty.rows(select(shape.id, shape.scopes, shape.revoked).order_by(shape.id))
    assert [(row.id, row.scopes, row.revoked) for row in found] == [
        ("app", ["devices:read"], False),
        ("token", ["devices:read"], True),
    ]


async def test_deliveries_that_waited_before_are_in_the_same_lanes(
    database_url: str, run_house: Run
) -> None:
    """Behind each other as planned, whatever had ended amid them; and more comes after."""
    async with run_house(database_url, webhook_allow="127.0.0.0/8") as house:
        estate = await settle(house, [lamp("lamp")])
        held, made = await waiting(estate, 6)
        ours, client_id = repairs(estate), estate.client.id
        await ours.deliveries.redeliver(client_id, made[2].id)
        await end(house, [made[0], made[4]], DeliveryStatus.DEAD)
        await ours.replays.begin(client_id, held.endpoint.id, Chosen(only_failed=True))
        assert await ours.replayer.step()
        await downgrade(house.database, "0012")
        await upgrade(house.database)
        assert await wrong_lanes(house) == []
        await told(estate, 2, start=7)
        await plan(house, {held.endpoint.id: 10})
        assert await wrong_lanes(house) == []
        found = Counter(one.status.value for one in await of(house, held.endpoint.id))
        assert found == {"PENDING": 8, "DEAD": 2}


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_a_large_database_is_waited_for(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A migration may take longer than any statement of who serves."""
    monkeypatch.setattr(database, "STATEMENT_SECONDS", 0.05)
    long = "SELECT count(*) FROM generate_series(1, 3000000)"

    async def asked(here: Database) -> None:
        async with here.write() as connection:
            await connection.exec_driver_sql(long)

    await on(database_url, asked)
    hasty = Database(database_url)
    with pytest.raises(Unavailable):
        await asked(hasty)
    await hasty.close()
