"""Whether a value is awaited: the same answer as graphql-core's, the first time and later."""

import asyncio
from collections.abc import Iterator
from enum import Enum
from typing import Any

import pytest
from graphql.pyutils import Undefined, is_awaitable
from hypothesis import given, strategies as st

from engine import awaiting
from engine.awaiting import PLAIN, awaits


class Plain:
    """Nothing special."""


class Proxy:
    """What pretends to be something else."""

    def __init__(self, of: Any) -> None:
        """Stand for it."""
        self._of = of

    def __getattr__(self, name: str) -> Any:
        """Have what it has."""
        return getattr(self._of, name)


class Called:
    """What can be called."""

    def __call__(self) -> None:
        """Do nothing."""


class Awaited:
    """What can be awaited."""

    def __await__(self) -> Iterator[None]:
        """Be done."""
        yield


class Child(Awaited):
    """What can be awaited because of its parent."""


class Word(Enum):
    """An enum."""

    A = "a"


VALUES: dict[str, Any] = {
    "none": None,
    "undefined": Undefined,
    "plain": Plain(),
    "proxy": Proxy(Plain()),
    "proxy of awaited": Proxy(Awaited()),
    "called": Called(),
    "awaited": Awaited(),
    "child": Child(),
    "error": ValueError("x"),
    "class": Awaited,
    "word": Word.A,
    "items": iter([1]),
}


@given(st.lists(st.sampled_from(sorted(VALUES)), max_size=8))
def test_awaits_says_what_graphql_core_says(names: list[str]) -> None:
    """In whatever order values come, what is remembered of classes changes no answer."""
    assert [awaits(VALUES[name]) for name in names] == [
        is_awaitable(VALUES[name]) for name in names
    ]


async def test_coroutines_and_futures_are_awaited() -> None:
    """What asyncio makes."""
    future = asyncio.get_running_loop().create_future()
    coroutine = asyncio.sleep(0)
    assert awaits(future)
    assert awaits(coroutine)
    await coroutine


def test_only_plain_classes_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Generated code takes their instances for values that need no question."""
    monkeypatch.setattr(awaiting, "PLAIN", kept := set(PLAIN) - {Plain})
    for value in VALUES.values():
        awaits(value)
    assert Plain in kept
    special = {Proxy, Called, Awaited, Child, ValueError, type(None), type(Undefined), type}
    assert special.isdisjoint(kept)


def test_classes_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that makes classes without end is answered, and costs no memory."""
    monkeypatch.setattr(awaiting, "PLAIN", kept := set(PLAIN))
    monkeypatch.setattr(awaiting, "_MOST", len(kept) + 2)
    assert not any(awaits(type(f"Made{number}", (), {})()) for number in range(9))
    assert len(kept) <= len(PLAIN) + 2
