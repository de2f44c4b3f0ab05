"""The broadcast on a real PostgreSQL, whose connections are ended and which is lied to."""

import os
import re
import signal
import time
from urllib.parse import urlsplit

import pytest
from hypothesis import given, strategies as st

from core.broadcast import open_broadcast, postgres as module
from core.domain.errors import Invalid
from tests.conftest import Postgres
from tests.core.broadcast.listening import (
    PROMPT,
    heard,
    joined,
    nothing,
    process,
    reached,
    until,
)

pytestmark = pytest.mark.usefixtures("quick")

KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
PIDS = "SELECT pid FROM pg_stat_activity WHERE datname = '{name}'"
LONG = "latchkey:" + "home_0192" * 20


@pytest.fixture
def url(postgres: Postgres) -> str:
    """A database of its own, named as the store names it."""
    return postgres.empty()


def name_of(url: str) -> str:
    """The database's name."""
    return urlsplit(url).path[1:]


async def test_processes_hear_each_other(url: str) -> None:
    """On channels with names as long as they like, and those only that they are on."""
    async with process(url) as here, process(url.replace("+asyncpg", "")) as there:
        inbox = await joined(there, LONG, 'é"\\\0\n')
        for channel in (LONG, "other", 'é"\\\0\n'):
            await here.publish(channel, "7")
        assert {await heard(inbox), await heard(inbox)} == {(LONG, "7"), ('é"\\\0\n', "7")}
        await inbox.leave(LONG)
        await here.publish(LONG, "8")
        await nothing(inbox, LONG)


async def test_many_hints_go_out_in_few_statements(url: str, postgres: Postgres) -> None:
    """Thousands of channels are told at once, some dozens in a payload."""
    names = [f"latchkey:home_{number:036d}" for number in range(3_000)]
    count = f"SELECT xact_commit FROM pg_stat_database WHERE datname = '{name_of(url)}'"  # noqa: S608
    async with process(url) as here, process(url) as there:
        inbox = await joined(there, *names)
        for name in names:
            await here.publish(name, "1")
        assert {await heard(inbox) for _ in names} == {(name, "1") for name in names}
        await until(lambda: here.tally.published == 3_000)
        assert (here.tally.lost, there.tally.heard) == (0, 3_000)
    assert int(postgres.psql(count).split()[2]) < 100


async def test_it_hears_again_after_its_connection_was_ended(url: str, postgres: Postgres) -> None:
    """Old channels and new ones, and in both directions."""
    async with process(url) as here, process(url) as there:
        inbox = await joined(there, "left", "kept")
        for number in range(2):
            postgres.psql(KILL.format(name=name_of(url)))
            await inbox.leave("left")
            await inbox.join(f"new{number}")
            await reached(here, inbox, "kept", f"new{number}")
            await reached(there, inbox, "kept")
        await here.publish("left", "1")
        await nothing(inbox, "left")
        assert here.tally.reconnects == there.tally.reconnects == 2


async def test_what_a_frozen_connection_keeps_waiting(url: str, postgres: Postgres) -> None:
    """Nobody: joining and publishing return, and it is given up for a new connection."""
    async with process(url) as here:
        pids = [
            int(pid) for pid in re.findall(r"\d+", postgres.psql(PIDS.format(name=name_of(url))))
        ]
        os.kill(pids[0], signal.SIGSTOP)
        try:
            began = time.monotonic()
            inbox = await joined(here, "a")
            for number in range(100):
                await here.publish("a", str(number))
            assert time.monotonic() - began < PROMPT
            await until(lambda: here.tally.reconnects == 1)
            await reached(here, inbox, "a")
        finally:
            os.kill(pids[0], signal.SIGCONT)


async def test_a_database_that_is_not_there_at_the_start(
    url: str, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process starts, joins and says; the newest of what waits is said, and nothing grows."""
    monkeypatch.setattr(module, "MOST_WAITING", 100)
    name = name_of(url)
    postgres.psql(f"DROP DATABASE {name}")
    async with process(url, there=False) as here:
        began = time.monotonic()
        inbox = await joined(here, "a", "c999")
        for number in range(1_000):
            await here.publish(f"c{number}", str(number))
        assert time.monotonic() - began < PROMPT
        assert (here.tally.connected, here.tally.lost) == (False, 900)
        postgres.psql(f"CREATE DATABASE {name}")
        assert await heard(inbox) == ("c999", "999")
        await until(lambda: here.tally.published == 100)
        await reached(here, inbox, "a")


async def test_what_is_no_hint_of_ours_does_no_harm(url: str, postgres: Postgres) -> None:
    """Whoever else notifies on the channel may say what they like; so may we, if it is too long."""
    async with process(url) as here:
        inbox = await joined(here, "a")
        for poison in ("", "x", "[]", "{", '{"a":1}', '{"a":{"a":"1"}}', "[" * 7_000, '{"b":"1"}'):
            postgres.psql(f"\\c {name_of(url)}\nNOTIFY latchkey, '{poison}'")
        await here.publish("a", "x" * 8_000)
        await until(lambda: here.tally.lost == 1)
        await nothing(inbox, "a")
        await reached(here, inbox, "a")
        assert here.tally.reconnects == 0


TEXTS = st.text(st.characters(codec="utf-8"), max_size=100)


@given(st.dictionaries(TEXTS, TEXTS, max_size=80))
def test_payloads_hold_all_and_fit(messages: dict[str, str]) -> None:
    """Whatever channels are called, each payload is short enough, and all of it is read again."""
    payloads, fitting = module._packed(messages)  # noqa: SLF001 - what a server would refuse
    assert fitting == len(messages)
    assert all(len(payload.encode()) < 8_000 for payload in payloads)
    assert len(payloads) <= 1 + 2 * sum(len(payload.encode()) for payload in payloads) // 7_000
    found = [pair for payload in payloads for pair in module._unpacked(payload)]  # noqa: SLF001
    assert found == list(messages.items())


@pytest.mark.parametrize(
    ("url", "plain"),
    [
        ("postgresql://u:p@h/d?sslmode=require", "postgresql://u:p@h/d?sslmode=require"),
        (
            "postgresql+asyncpg://u:p%40@h:1/d?ssl=require",
            "postgresql://u:p%40@h:1/d?sslmode=require",
        ),
        (
            "postgresql+asyncpg://u@/d?host=/tmp/a&prepared_statement_cache_size=0",
            "postgresql://u@/d?host=%2Ftmp%2Fa",
        ),
        ("postgresql://h1:1,h2:2/d", "postgresql://h1:1,h2:2/d"),
    ],
)
def test_the_url_of_the_store_is_good_as_well(url: str, plain: str) -> None:
    """What is SQLAlchemy's in it is put as asyncpg has it, or left out where it is for a pool."""
    assert module._plain(url) == plain  # noqa: SLF001 - a server shows the rest


@pytest.mark.parametrize("url", ["postgresql://u:hunter2@[h/d", "postgresql://h/d?hunter2"])
def test_a_url_that_cannot_be_read_is_refused(url: str) -> None:
    """Before anything starts, in a sentence without what may be a password."""
    with pytest.raises(Invalid, match="LATCHKEY_BROADCAST_URL must name a database") as refused:
        open_broadcast(url)
    assert "hunter2" not in str(refused.value)


def test_a_broadcast_says_nothing_of_its_url() -> None:
    """However it is printed."""
    hints = open_broadcast("postgresql://u:hunter2@h/d")
    assert "hunter2" not in repr(hints) + repr(hints._backend)  # noqa: SLF001 - likewise
