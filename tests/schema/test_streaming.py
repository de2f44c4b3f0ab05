"""A subscription that is being opened while its socket gets a new token, or ends."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.domain.accounts import Viewer
from core.domain.ports import Wanted
from schema.streaming import Streaming


class Slow:
    """A watch that takes its time to open, and says what becomes of it."""

    key = "key"
    take = passed = bool

    def __init__(self) -> None:
        """Not open yet."""
        self.opens = asyncio.Event()
        self.opened = asyncio.Event()
        self.goes = asyncio.Event()
        self.goes_on: list[object] = []
        self.happened: list[str] = []

    async def watch(self, *_: object) -> Any:
        """Open, when told to."""
        await self.opens.wait()
        return self

    async def source(self, ask: Any) -> Any:
        """The rendering's: ask whoever is live."""
        watching = await ask.live.watch(None, cast("Wanted", None), None)
        self.happened.append("opened")
        self.opened.set()
        await self.goes.wait()
        return watching

    def renew(self, viewer: Viewer) -> None:
        """Go on with it."""
        self.goes_on.append(viewer)

    def attach(self, alike: object, ready: object) -> None:
        """It was told whom to tell."""
        self.happened.append("attached")

    def close(self) -> None:
        """It is over."""
        self.happened.append("closed")


def streaming(live: Slow) -> Streaming:
    """One that opens there."""
    ask = SimpleNamespace(live=live, who=SimpleNamespace(grant=SimpleNamespace(id="grant")))
    stage = SimpleNamespace(renderer=SimpleNamespace(common=lambda one: one))
    return Streaming(cast("Any", live), cast("Any", ask), None, cast("Any", stage), "trace")


async def test_a_token_that_comes_while_it_opens_is_not_lost() -> None:
    """The watch would otherwise end with the token that it was asked for with."""
    live, after = Slow(), cast("Viewer", object())
    one = streaming(live)
    opening = asyncio.create_task(one.open(lambda _: None))
    await asyncio.sleep(0)
    one.renew(after)
    live.opens.set()
    live.goes.set()
    await opening
    assert live.goes_on == [after]
    assert live.happened == ["opened", "attached"]


async def test_one_that_is_given_up_while_it_opens_leaves_nothing() -> None:
    """Its watch may be open by then."""
    live = Slow()
    one = streaming(live)
    opening = asyncio.create_task(one.open(lambda _: None))
    live.opens.set()
    await live.opened.wait()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert live.happened == ["opened", "closed"]
