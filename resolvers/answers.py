"""Answers: values that are there already, or have to be awaited.

The same resolver serves a query, where the store is asked, and an event, which carries what it
shows. So whether there is anything to wait for is not the resolver's to know.
"""

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TypeAlias, TypeVar

T = TypeVar("T")
U = TypeVar("U")

Answer: TypeAlias = T | Awaitable[T]


def then(answer: Answer[T], use: Callable[[T], U]) -> Answer[U]:
    """What `use` makes of the answer, now if it is there."""
    return _later(answer, use) if isawaitable(answer) else use(answer)


async def settled(answer: Answer[T]) -> T:
    """The answer, once it is there."""
    return await answer if isawaitable(answer) else answer


async def _later(answer: Awaitable[T], use: Callable[[T], U]) -> U:
    return use(await answer)
