"""Answers that are there, and answers that are not yet."""

import asyncio

from resolvers.answers import Answer, settled, then


def test_what_is_there_needs_no_waiting() -> None:
    """A plain value stays a plain value."""
    assert then(2, lambda value: value + 1) == 3


async def test_what_is_not_there_is_waited_for() -> None:
    """An awaitable stays one, and gives what is made of it."""

    def two(now: bool) -> Answer[int]:  # noqa: FBT001
        return 2 if now else asyncio.sleep(0, 2)

    for now in (False, True):
        assert await settled(then(two(now), lambda value: value + 1)) == 3
