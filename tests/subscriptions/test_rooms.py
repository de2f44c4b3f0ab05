"""Audiences: each member is told of what happens while it is one, once and in order."""

import asyncio
from collections.abc import Hashable, Sequence
from typing import Any, cast

import pytest
from hypothesis import given, strategies as st

from core.domain.accounts import Viewer
from core.domain.ports import Seen, Wanted
from core.feed import Feed
from core.snapshots.rosters import Roster
from core.tokens import Cursors
from subscriptions import rooms
from subscriptions.pump import SLICE, Pump
from subscriptions.rooms import Audience, Room

STEPS = st.lists(st.sampled_from(["see", "enter", "leave", "turn", "leave within"]), max_size=80)


class Someone:
    """Who watches, and keeps what it was told of."""

    alike: Hashable = None
    wanted = Wanted()
    viewer = cast("Viewer", type("Viewer", (), {"grant": None}))

    def __init__(self, audience: Audience | None = None) -> None:
        """Not there yet."""
        self.told: list[Any] = []
        self.expected: list[int] = []
        self.leaves: Audience | None = audience

    def push(self, news: Sequence[Seen]) -> None:
        """Be told; some leave over that, and have the others told first."""
        self.told += news
        if self.leaves is not None:
            audience, self.leaves = self.leaves, None
            audience.settle()
            audience.members.pop(self, None)

    def changed(self) -> None:
        """Nothing changes here."""


def audience_of(*homes: str) -> tuple[Audience, Pump]:
    """One of these homes, the first of which is the room's."""
    pump = Pump()
    room = Room(Roster(homes[0]), cast("Feed", None), cast("Cursors", None), pump)
    return Audience(room, pump, Someone(), homes, lambda _: ""), pump


class Play:
    """An audience while people come and go."""

    def __init__(self, homes: Sequence[str]) -> None:
        """Nobody is there."""
        self.audience, _ = audience_of(*homes)
        self.everybody = list[Someone]()

    @property
    def members(self) -> list[Someone]:
        """Those who are there."""
        return cast("list[Someone]", list(self.audience.members))

    def see(self, number: int) -> None:
        """An event for all who are there."""
        for one in self.members:
            one.expected.append(number)
        self.audience.see(cast("Seen", number))

    def enter(self) -> None:
        """One more, as `Room.enter` has it."""
        self.audience.settle()
        self.everybody.append(one := Someone())
        self.audience.members[one] = None

    def leave(self, number: int) -> None:
        """One less, as `Watch.changed` and `Room.leave` have it."""
        if members := self.members:
            self.audience.settle()
            self.audience.members.pop(members[number % len(members)], None)

    def leave_within(self, number: int) -> None:
        """One less, as soon as it is told of something."""
        if members := self.members:
            members[number % len(members)].leaves = self.audience


@given(STEPS, st.integers(1, 3), st.sampled_from([["home"], ["home", "other"]]))
def test_members_are_told_what_they_are_there_for(
    steps: list[str], most: int, homes: list[str]
) -> None:
    """Whoever comes or goes meanwhile, and however far a round is."""

    async def work() -> None:
        play = Play(homes)
        for number, step in enumerate(steps):
            match step:
                case "see":
                    play.see(number)
                case "turn":
                    await asyncio.sleep(0)
                case "enter":
                    play.enter()
                case "leave":
                    play.leave(number)
                case _:
                    play.leave_within(number)
        play.audience.settle()
        for one in play.everybody:
            assert one.told == one.expected[: len(one.told)]
            assert one.told == one.expected or one not in play.members

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rooms, "SLICE", most)
        asyncio.run(work())


async def test_one_that_fails_costs_the_others_nothing() -> None:
    """The round goes on behind it."""
    audience, _ = audience_of("home")

    class Broken(Someone):
        def push(self, news: Sequence[Seen]) -> None:
            raise LookupError

    one, other = Someone(), Someone()
    audience.members.update(dict.fromkeys([one, Broken(), other]))
    audience.see(cast("Seen", 1))
    for _ in range(3):
        await asyncio.sleep(0)
    assert one.told == other.told == [1]


async def test_a_crowd_is_told_in_many_turns() -> None:
    """Somebody of another home has theirs in between."""
    audience, pump = audience_of("home")
    crowd = [Someone() for _ in range(10 * SLICE)]
    audience.members.update(dict.fromkeys(crowd))
    audience.see(cast("Seen", 1))
    before = list[int]()
    pump.add("other", lambda: before.append(sum(bool(one.told) for one in crowd)))
    for _ in range(20):
        await asyncio.sleep(0)
    assert before == [SLICE]
    assert all(one.told == [1] for one in crowd)
