"""Stepping: what need not wait is done at once, and the rest goes on in a task."""

import asyncio
from collections.abc import Awaitable

import pytest

from app.stepping import Rest, begun


async def several(happened: list[str], *waits: Awaitable[object]) -> int:
    """Wait for each of these in turn; how many they were."""
    try:
        for number, one in enumerate(waits):
            happened.append(f"{await one} {number}")
        happened.append("done")
        return len(waits)
    except BaseException as error:
        happened.append(type(error).__name__)
        raise


async def given(value: str) -> str:
    """What is there already."""
    return value


async def test_what_need_not_wait_is_done_at_once() -> None:
    """There is nothing left to wait for."""
    happened: list[str] = []
    assert begun(several(happened, given("a"), given("b"))) == 2
    assert happened == ["a 0", "b 1", "done"]


async def test_what_fails_at_once_raises() -> None:
    """As a call would."""

    async def fails() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        begun(fails())


async def test_what_has_to_wait_goes_on_in_a_task() -> None:
    """As often as it has to, whether the wait is over by then or not."""
    loop = asyncio.get_running_loop()
    happened, futures = list[str](), [loop.create_future() for _ in range(3)]
    rest = begun(several(happened, given("a"), *futures))
    assert isinstance(rest, Rest)
    futures[0].set_result("b")  # before anybody waits for it
    task = asyncio.ensure_future(rest)
    await asyncio.sleep(0.01)
    assert happened == ["a 0", "b 1"]
    futures[1].set_result("c")
    futures[2].set_result("d")
    assert await task == 4
    assert happened[-3:] == ["c 2", "d 3", "done"]


async def test_a_wait_that_fails_fails_the_work() -> None:
    """The work is told, and whoever awaits the rest."""
    future = asyncio.get_running_loop().create_future()
    happened: list[str] = []
    rest = begun(several(happened, future))
    assert isinstance(rest, Rest)
    future.set_exception(OSError())
    with pytest.raises(OSError):  # noqa: PT011 - which it is is the point
        await rest
    assert happened == ["OSError"]


async def test_who_is_cancelled_cancels_the_work() -> None:
    """It can clean up after itself."""
    happened: list[str] = []
    rest = begun(several(happened, asyncio.sleep(60)))
    assert isinstance(rest, Rest)
    task = asyncio.ensure_future(rest)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert happened == ["CancelledError"]
