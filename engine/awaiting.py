"""Whether a value has to be awaited, asked so that the usual values cost almost nothing.

graphql-core asks every value three questions. Here a class that was once found to be plain is
remembered: its instances are no awaitables, no exceptions, cannot be called, and are something.
"""

from collections.abc import Awaitable
from datetime import date, datetime, time
from types import CoroutineType, GeneratorType
from typing import Any, Final, TypeGuard

from graphql.pyutils import Undefined, is_awaitable

PLAIN: Final[set[type]] = {bool, int, float, str, bytes, list, tuple, dict, date, datetime, time}
"""Classes whose instances need no question; grows by what `awaits` meets."""

_MOST: Final = 10_000
"""Classes that are remembered; a program that makes more of them pays the questions again."""

_SPECIAL: Final = (BaseException, CoroutineType, GeneratorType, type(None), type(Undefined), type)
_TELLING: Final = frozenset({"__await__", "__call__", "__getattr__", "__getattribute__"})


def awaits(value: object) -> TypeGuard[Awaitable[Any]]:
    """Whether a value has to be awaited, as graphql-core judges it."""
    if type(value) in PLAIN or value is None:
        return False
    if is_awaitable(value):
        return True
    _learn(value)
    return False


def _learn(value: object) -> None:
    kind = type(value)
    if kind is not value.__class__ or issubclass(kind, _SPECIAL) or len(PLAIN) >= _MOST:
        return
    if not any(_TELLING & vars(base).keys() for base in kind.__mro__ if base is not object):
        PLAIN.add(kind)
