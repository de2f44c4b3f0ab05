"""Audiences: each member is told of what happens while it is one, once and in order."""

import asyncio
from collections.abc import Hashable, Sequence
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given, strategies as st

from core.domain.accounts import Viewer
from core.domain.events import Event
from core.domain.ports import Wanted
from core.domain.seen import Seen
from core.feed import Feed
from core.snapshots.rosters import Roster
from core.tokens import Cursors
from subscriptions import audiences
from subscriptions.audiences import Audience
from subscriptions.pump import SLICE, Pump
from subscriptions.rooms import Room

STEPS = st.lists(
    st.sampled_from(["see", "see", "enter", "leave", "turn", "leave within", "return within"]),
    max_size=80,
)


class Someone:
    """Who watches, and keeps the places of what it was told of."""

    alike: Hashable = None
    wanted = Wanted()
    viewer = cast("Viewer", SimpleNamespace(grant=SimpleNamespace(id="grant")))

    def __init__(self, play: "Play") -> None:
        """In the room from now on."""
        self.told: list[int] = []
        self.expected: list[int] = []
        self.will = ""
        self.play = play
        self.audience: Audience | None = None
        self.enter()

    def enter(self) -> None:
        """Be told from now on."""
        self.audience = self.play.room.enter(self, self.play.homes)

    def leave(self) -> None:
        """Be told no more; what was not told yet is read from the log, by the place."""
        assert self.audience is not None
        reached = self.audience.reached(self)
        assert self.audience.knows(self) is (reached == self.play.room.place)
        self.play.room.leave(self, self.play.homes)
        self.audience = None
        self.told += [place for place in self.expected if place > reached]

    def push(self, news: Sequence[Seen]) -> None:
        """Be told; some leave over that, and some come back at once."""
        self.told += [seen.event.place for seen in news]
        will, self.will = self.will, ""
        if will:
            self.leave()
        if will == "return within":
            self.enter()

    def changed(self) -> None:
        """Nothing changes here."""


class Play:
    """A room in which things happen while people come and go."""

    def __init__(self, homes: Sequence[str] = ("home",)) -> None:
        """Nobody is there."""
        self.pump = Pump()
        self.homes = tuple(homes)
        self.room = Room(Roster("home"), cast("Feed", None), cast("Cursors", self), self.pump)
        self.room.place = 0
        self.everybody = list[Someone]()

    def of_grant(self, grant_id: str) -> str:
        """The cursors' seal, which nobody uses here."""
        return grant_id

    @property
    def there(self) -> list[Someone]:
        """Those who are in the room."""
        return [one for one in self.everybody if one.audience is not None]

    def see(self) -> None:
        """An event for all who are there."""
        self.room.place += 1
        event = cast("Event", SimpleNamespace(place=self.room.place))
        for one in self.there:
            one.expected.append(self.room.place)
        for audience in {id(one.audience): one.audience for one in self.there}.values():
            assert audience is not None
            audience.see(Seen(event, {}, lambda _: ""))

    def act(self, step: str, number: int) -> None:
        """Whatever comes next."""
        if step == "see":
            self.see()
        elif step == "enter":
            self.everybody.append(Someone(self))
        elif there := self.there:
            one = there[number % len(there)]
            if step == "leave":
                one.leave()
            else:
                one.will = step


@given(STEPS, st.integers(1, 3), st.sampled_from([["home"], ["home", "other"]]))
def test_members_are_told_what_they_are_there_for(
    steps: list[str], most: int, homes: list[str]
) -> None:
    """Whoever comes or goes meanwhile, and however far a round is."""

    async def work() -> None:
        play = Play(homes)
        for number, step in enumerate(steps):
            if step == "turn":
                await asyncio.sleep(0)
            else:
                play.act(step, number)
        for _ in range(len(steps)):
            await asyncio.sleep(0)
        assert all(one.told == one.expected for one in play.everybody)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audiences, "SLICE", most)
        patch.setattr(audiences, "MOST_NEWS", 4)
        asyncio.run(work())


async def test_who_watches_several_homes_is_told_at_once() -> None:
    """Else an event of another home could overtake this one, with a cursor that covers both."""
    play = Play(["home", "other"])
    one = Someone(play)
    play.everybody.append(one)
    play.see()
    assert one.told == [1]


async def test_a_crowd_that_leaves_over_an_event_leaves() -> None:
    """All of it, when its token is over: none of them waits for the others."""
    play = Play()
    play.everybody = [Someone(play) for _ in range(2_000)]
    for one in play.everybody:
        one.will = "leave within"
    play.see()
    for _ in range(2_000 // SLICE + 2):
        await asyncio.sleep(0)
    assert play.there == []
    assert all(one.told == [1] for one in play.everybody)


async def test_one_that_fails_costs_the_others_nothing() -> None:
    """The round goes on behind it."""
    play = Play()

    class Broken(Someone):
        def push(self, news: Sequence[Seen]) -> None:
            raise LookupError

    play.everybody = [Someone(play), Broken(play), Someone(play)]
    play.see()
    for _ in range(3):
        await asyncio.sleep(0)
    assert [one.told for one in play.everybody] == [[1], [], [1]]


async def test_a_crowd_is_told_in_many_turns() -> None:
    """Somebody of another home has theirs in between."""
    play = Play()
    crowd = play.everybody = [Someone(play) for _ in range(10 * SLICE)]
    play.see()
    before = list[int]()
    play.pump.add("other", lambda: before.append(sum(bool(one.told) for one in crowd)))
    for _ in range(20):
        await asyncio.sleep(0)
    assert before == [SLICE]
    assert all(one.told == [1] for one in crowd)
