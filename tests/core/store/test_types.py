"""Columns: what goes in comes out, on both databases, and sorts the same on both."""

import time
from datetime import datetime
from typing import Any

from hypothesis import given, settings, strategies as st
from sqlalchemy import delete, insert, literal, select

from core.domain.devices import Device
from core.store import rows, tables
from core.store.database import Database
from core.store.types import database_time
from tests.core.store import records

# Names that a column of text can hold: PostgreSQL has no U+0000.
names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


async def test_the_databases_clock_is_about_right(database: Database) -> None:
    """Seconds since 1970, with fractions, of this moment and not of the transaction's start."""
    async with database.read() as connection:
        first = (await connection.execute(select(database_time()))).scalar_one()
        time.sleep(0.02)  # noqa: ASYNC251 - nothing else runs
        second = (await connection.execute(select(database_time()))).scalar_one()
    assert abs(first - time.time()) < 2
    assert 0.01 < second - first < 2


@settings(max_examples=settings().max_examples // 5)
@given(moments=st.lists(records.moments, max_size=8))
async def test_moments_keep_their_microseconds(database: Database, moments: list[datetime]) -> None:
    """A moment comes back exactly, and moments sort as moments do."""
    values = [
        {"place": place, "kind": "user", "body": {"n": place}, "at": at}
        for place, at in enumerate(moments, start=1)
    ]
    async with database.write() as connection:
        await connection.execute(delete(tables.access))
        if values:
            await connection.execute(insert(tables.access), values)
    found = await database.rows(select(tables.access).order_by(tables.access.c.at))
    assert [row.at for row in found] == sorted(moments)


@settings(max_examples=settings().max_examples // 5)
@given(given_names=st.lists(names, max_size=8, unique=True))
async def test_names_sort_by_their_bytes(database: Database, given_names: list[str]) -> None:
    """The order of names is that of their UTF-8, on both databases."""
    values = [
        {
            "id": f"home_{number}",
            "name": name,
            "name_key": name,
            "time_zone": "UTC",
            "connector": "",
            "place": 0,
            "sequence": 0,
        }
        for number, name in enumerate(given_names)
    ]
    async with database.write() as connection:
        await connection.execute(delete(tables.homes))
        if values:
            await connection.execute(insert(tables.homes), values)
    found = await database.rows(select(tables.homes).order_by(tables.homes.c.name_key))
    assert [row.name for row in found] == sorted(given_names, key=str.encode)


async def test_json_comes_back(database: Database) -> None:
    """A JSON value comes back as it was; nothing is NULL."""
    values: list[Any] = [None, {}, [], 0, "text", {"a": [1.5, None, {"b": "\0ä"}]}]
    for value in values:
        held = literal(value, tables.access.c.body.type)
        ((found,),) = await database.rows(select(held))
        assert found == value


@given(records.devices())
def test_a_devices_row_has_every_column(device: Device) -> None:
    """What is written of a device fills its table, so that no column is forgotten."""
    assert rows.device_values(device).keys() == set(tables.devices.c.keys())


@given(records.commands("home_1"))
def test_other_rows_have_every_column(command: Any) -> None:
    """Likewise of a command."""
    assert rows.command_values(command).keys() == set(tables.commands.c.keys())


@given(records.grants, records.keys, records.events())
def test_rows_of_logs_have_every_column(grant: Any, key: Any, event: Any) -> None:
    """Likewise of a grant, a signing key and an event."""
    assert rows.grant_values(grant).keys() == set(tables.grants.c.keys())
    assert rows.key_values(key).keys() == set(tables.signing_keys.c.keys())
    assert rows.event_values(event).keys() == set(tables.events.c.keys())
