"""A crash between any two statements: afterwards all of a fact is there, or nothing of it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import event

from app.compose import build
from core import feed
from core.domain.grants import Scope, Share
from core.domain.homes import Role
from core.store.database import Database
from core.store.ledger import ACCESS
from tests.conftest import settings_for
from tests.core.services.estate import MOST, Estate, gaps, lamp, settle
from tests.core.store.work import stored

LEAST: Final = 3
"""Steps that any fact takes: a lock, a change, a commit."""

Fact = Callable[[], Awaitable[object]]
Scene = Callable[[Estate], Awaitable[Fact]]
"""Sets something up, and says how one fact after that comes to be."""


class Crash(Exception):
    """The process is gone."""


async def confirmation(estate: Estate) -> Fact:
    """A report that confirms a command."""
    command = await estate.sent(on=True)
    return partial(estate.hear, 1, command, on=True)


async def order(estate: Estate) -> Fact:
    """A command that supersedes another, under an idempotency key."""
    await estate.ask(brightness=10)
    return partial(estate.ask, brightness=20, key="key")


async def discovery(estate: Estate) -> Fact:
    """New devices in a new room."""
    found = [lamp("lamp"), lamp("desk", "Study"), lamp("shelf", "Study")]
    return partial(estate.house.services.devices.reconcile, estate.home, found)


async def farewell(estate: Estate) -> Fact:
    """A member who leaves, and with them what they had shared."""
    services = estate.house.services
    bob = await services.accounts.create_user("Bob")
    await services.homes.set_member(estate.home.id, bob.id, Role.OWNER)
    return partial(services.homes.remove_member, estate.home.id, estate.user.id)


async def amendment(estate: Estate) -> Fact:
    """A grant that is narrowed to one device."""
    target = Share(estate.home.id, device_id=estate.lamp.id)
    amend = estate.house.services.grants.amend
    return partial(amend, estate.grant, {Scope.DEVICES_READ}, [target])


async def rotation(estate: Estate) -> Fact:
    """A new signing key, and the old one retired."""
    await estate.house.services.accounts.rotate_keys()
    return estate.house.services.accounts.rotate_keys


async def clearance(estate: Estate) -> Fact:
    """A room that is removed while a device is in it."""
    room = estate.lamp.room
    assert room is not None
    return partial(estate.house.services.homes.remove_room, room)


SCENES: Final = (confirmation, order, discovery, farewell, amendment, rotation, clearance)


@pytest.fixture
async def quiet(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Estate]:
    """An estate in a house where only the committer runs, so that nobody else writes."""
    monkeypatch.setattr(feed, "STALE_SECONDS", float("inf"))
    house = build(settings_for(database_url))
    task = asyncio.create_task(house.committer.run())
    await house.access.start()
    yield await settle(house)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await house.database.close()


@contextmanager
def at_each_step(database: Database, do: Callable[[str], None]) -> Iterator[None]:
    """Call `do` before each statement that writes or locks, and before the commit."""
    engine = database._writer.sync_engine  # noqa: SLF001 - there is no public way to crash

    def statement(*arguments: Any) -> None:
        do(arguments[2])

    def commit(_: Any) -> None:
        do("COMMIT")

    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", statement)
        event.remove(engine, "commit", commit)


class Fuse:
    """Crashes at the step with this number."""

    def __init__(self, at: int) -> None:
        self._at = at
        self.steps: list[str] = []

    def __call__(self, step: str) -> None:
        """Count a step, and crash if it is the one."""
        self.steps.append(step)
        if len(self.steps) == self._at:
            raise Crash


async def crashes(estate: Estate, fact: Fact, fuse: Fuse) -> bool:
    """Whether the crash came before the fact was done."""
    with at_each_step(estate.house.database, fuse):
        try:
            await fact()
        except Crash:
            return True
    return False


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
async def test_a_crash_leaves_nothing_half_written(quiet: Estate, scene: Scene) -> None:
    """Whichever statement comes to nothing, the whole fact does; without a crash, it is there."""
    fact, fuse = await scene(quiet), Fuse(1)
    before = await stored(quiet.house.database)
    while await crashes(quiet, fact, fuse):
        assert await stored(quiet.house.database) == before, fuse.steps[-1]
        fuse = Fuse(len(fuse.steps) + 1)
    assert fuse.steps[-1] == "COMMIT"
    assert len(fuse.steps) > LEAST
    assert await stored(quiet.house.database) != before
    assert await broken_logs(quiet) == []


async def broken_logs(estate: Estate) -> list[str]:
    """What is wrong with the places of the home's log and of the access log."""
    events = await estate.events()
    entries = await estate.house.logs.read(ACCESS, 0, MOST)
    heads = {estate.home.id: len(events), ACCESS: len(entries)}
    wrong = [] if [one.place for one in entries] == list(range(1, len(entries) + 1)) else ["access"]
    right = await estate.house.logs.heads(list(heads)) == heads
    return [*gaps(events), *wrong, *([] if right else ["heads"])]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_killed_process_leaves_nothing_half_written(
    quiet: Estate, scene: Scene, tmp_path: Path
) -> None:
    """The files on disk, as they are at any step, hold all that was committed and nothing else."""
    path, images = Path(tmp_path / "latchkey.db"), list[Path]()

    def take_image(_: str) -> None:
        image = tmp_path / f"image_{len(images)}"
        image.mkdir()
        for file in tmp_path.glob("latchkey.db*"):
            shutil.copy(file, image)
        images.append(image / path.name)

    fact = await scene(quiet)
    before = await stored(quiet.house.database)
    with at_each_step(quiet.house.database, take_image):
        await fact()
    assert [await reopened(image) == before for image in images] == [True] * len(images)
    take_image("killed after the commit")
    assert await reopened(images[-1]) == await stored(quiet.house.database) != before


async def reopened(image: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Everything in a copy of the database's files, as the next process finds it."""
    database = Database(f"sqlite+aiosqlite:///{image}")
    try:
        return await stored(database)
    finally:
        await database.close()
