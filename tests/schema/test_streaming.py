"""A subscription that is being opened while its socket gets a new token."""

import asyncio
from typing import cast

from core.domain.accounts import Viewer
from core.domain.ports import Live, Wanted, Watching
from schema.streaming import Held


class Slow:
    """A watch that takes its time to open, and says with whose token it goes on."""

    def __init__(self) -> None:
        """Not open yet."""
        self.opens = asyncio.Event()
        self.goes_on: list[object] = []

    async def watch(self, viewer: Viewer, wanted: Wanted, after: str | None) -> Watching:
        """Open, when told to."""
        del viewer, wanted, after
        await self.opens.wait()
        return cast("Watching", self)

    def renew(self, viewer: Viewer) -> None:
        """Go on with it."""
        self.goes_on.append(viewer)


async def test_a_token_that_comes_while_it_opens_is_not_lost() -> None:
    """The watch would otherwise end with the token that it was asked for with."""
    live, before, after = Slow(), cast("Viewer", object()), cast("Viewer", object())
    held = Held(cast("Live", live))
    opening = asyncio.create_task(held.watch(before, cast("Wanted", None), None))
    await asyncio.sleep(0)
    held.renew(after)
    live.opens.set()
    await opening
    assert live.goes_on == [after]
