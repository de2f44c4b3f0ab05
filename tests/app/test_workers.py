"""Workers and their parent, with programs in their place that end when and how the test says."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from socket import socket

import pytest

from app import workers
from app.address import bound, spread
from app.ending import Ending
from core.domain.errors import Unavailable
from tests.core.services.estate import eventually

STUBBORN = """
import signal, sys, time
def told(*_):
    with open(sys.argv[1], "a") as file: file.write("told ")
signal.signal(signal.SIGTERM, told)
with open(sys.argv[1], "a") as file: file.write("here ")
while True: time.sleep(0.05)
"""


@pytest.fixture
def listeners() -> Iterator[list[socket]]:
    """Sockets for two workers."""
    made = spread("127.0.0.1", 0, 2)
    yield made
    for one in made:
        one.close()


def program(monkeypatch: pytest.MonkeyPatch, text: str, *more: str) -> None:
    """Let workers run this instead of a server."""
    monkeypatch.setattr(workers, "COMMAND", (sys.executable, "-S", "-c", text, *more))


async def test_those_that_end_at_their_start_are_given_up(
    listeners: list[socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After so many times, with a sentence that says how they ended; nobody is left."""
    monkeypatch.setattr(workers, "PAUSE_SECONDS", 0.01)
    program(monkeypatch, "raise SystemExit(3)")
    sentence = r"^Gave up: a worker ended 5 times .* with exit code 3\."
    with pytest.raises(Unavailable, match=sentence):
        await workers.run(listeners, Ending())


async def test_those_that_do_not_listen_are_told_again_and_then_killed(
    listeners: list[socket], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is asked of the parent is passed on; the third time is the last."""
    path, ending = tmp_path / "said", Ending()
    program(monkeypatch, STUBBORN, str(path))
    running = asyncio.create_task(workers.run(listeners, ending))
    await until(path, ["here"] * 2)
    for times in (1, 2):
        ending.set()
        await until(path, ["here"] * 2 + ["told"] * 2 * times)
    assert not running.done()
    ending.set()
    await asyncio.wait_for(running, 10)
    assert all(one.fileno() == -1 for one in listeners)


async def until(path: Path, words: list[str]) -> None:
    """Return once the programs have said this together."""
    await eventually(lambda: path.exists() and sorted(path.read_text().split()) == words, 20)


def test_an_address_that_is_shared_is_taken() -> None:
    """For whoever does not belong there: alone, or with workers of their own."""
    ours = spread("127.0.0.1", 0, 2)
    try:
        port = ours[0].getsockname()[1]
        for take in (lambda: bound("127.0.0.1", port), lambda: spread("127.0.0.1", port, 2)):
            with pytest.raises(Unavailable, match="Choose another with --port"):
                take()
    finally:
        for one in ours:
            one.close()
