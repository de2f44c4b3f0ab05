"""The hub against a model, a list for each subscriber: whoever takes, lags, leaves and comes back.

All of them are in one process, take by `attach` and `take` as sockets do, and differ in what they
ask for. Events come from several homes, while grants change for others.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from app.compose import House
from core.domain.devices import Device, State
from core.domain.events import Event, EventType
from core.domain.grants import Grant, Share
from core.domain.homes import Home
from core.domain.ports import Delivery, Manner, Report, Wanted
from core.domain.seen import Seen
from core.feed import Feed
from core.services import events as paging
from subscriptions import hub as room, watch as one_watch
from subscriptions.hub import Watching
from tests.core.services.estate import (
    MOST,
    SCOPES,
    Estate,
    another_home,
    eventually,
    lamp,
    settle,
    viewer_of,
)

S = EventType.DEVICE_STATUS_CHANGED


@dataclass(slots=True)
class Land:
    """A house with three homes of one user, and the order of each device's last report."""

    house: House
    estate: Estate
    homes: Sequence[Home]
    devices: Sequence[Device]
    orders: dict[str, int] = field(default_factory=dict)

    async def log(self, begun: dict[str, int]) -> list[Event]:
        """What happened in each home after these places."""
        return [
            event
            for home_id, place in begun.items()
            for event in await self.house.logs.events(home_id, place, MOST)
        ]

    async def happen(self, random: Random) -> None:
        """A burst of reports and names, in one transaction or a few."""
        services = self.house.services
        works: list[Any] = []
        for _ in range(random.randint(1, 6)):
            device = random.choice(self.devices)
            if random.random() < 0.2:
                works.append(services.homes.rename(device.home.id, f"{random.random()}"))
            else:
                order = self.orders[device.id] = self.orders.get(device.id, 0) + 1
                report = Report(device.id, order, State(brightness=order % 100))
                works.append(services.reports.take(device.home.id, report, frozenset()))
        await asyncio.gather(*works)


@pytest.fixture
async def land(house: House) -> Land:
    """Three homes, five lamps."""
    estate = await settle(house, [lamp("1"), lamp("2"), lamp("3", "Study")])
    homes = [estate.home, *[await another_home(estate, name) for name in "ab"]]
    devices = [device for home in homes for device in await house.devices_of(home.id)]
    return Land(house, estate, homes, devices)


@dataclass(slots=True)
class Subscriber:
    """Who asks for some of it, and takes as a socket does."""

    land: Land
    grant: Grant
    wanted: Wanted
    manner: Manner
    cursor: str
    watching: Watching | None = None
    got: list[Event] = field(default_factory=list)
    coalesced: int = 0
    announced: int = 0
    whole: bool = True
    """Whether it has never left, nor read on from the log: then what was left out is counted."""

    async def open(self) -> None:
        """Come, or come back."""
        viewer = viewer_of(self.land.house, self.grant)
        self.watching = await self.land.house.hub.watch(
            viewer, self.wanted, self.cursor, self.manner
        )
        self.watching.attach(("doc", self.manner), self._ready)

    def _ready(self, home_id: str) -> None:
        self.announced += 1

    def take(self, most: int) -> bool:
        """Take so many; whether there was nothing left."""
        assert self.watching is not None
        for _ in range(most):
            seen: Seen | None = self.watching.take()
            if seen is None:
                if (quiet := self.watching.cursor) is not None:
                    self.cursor = quiet
                return True
            self.got.append(seen.event)
            self.cursor = seen.cursor
            skipped = seen.extras.get("coalesced", 0)
            assert isinstance(skipped, int)
            self.coalesced += skipped
        return False

    async def step(self, random: Random) -> None:
        """Take a few, stop reading, or leave and come back."""
        assert self.watching is not None
        what = random.random()
        if what < 0.7:
            self.take(random.randint(1, 5))
        elif what < 0.8:
            self.watching.lag()
        elif what < 0.83:
            self.whole = False
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Feed, "stale", lambda _: True)
                assert self.watching.take() is None
        elif what < 0.9:
            self.whole = False
            self.watching.close()
            await self.open()

    @property
    def live(self) -> bool:
        """Whether it has caught up, whatever it was told of."""
        return self.watching is not None and self.watching._watch.live  # noqa: SLF001 - not shown

    def check(self, happened: Sequence[Event]) -> None:
        """What was got is what the model says, home by home."""
        for home in self.land.homes:
            log = [e for e in happened if e.home.id == home.id and self.wanted.matches(e)]
            got = [event for event in self.got if event.home.id == home.id]
            if self.manner.delivery is Delivery.ALL:
                assert got == log
                continue
            places = [event.place for event in got]
            assert places == sorted(set(places))
            assert [e for e in got if e.type is not S] == [e for e in log if e.type is not S]
            newest = {e.device.id: e for e in log if e.type is S and e.device}
            last = {e.device.id: e for e in got if e.type is S and e.device}
            assert last == newest
        if self.manner.delivery is Delivery.LATEST and self.whole:
            wanted = [event for event in happened if self.wanted.matches(event)]
            assert len(self.got) + self.coalesced == len(wanted)


def wishes(land: Land, random: Random) -> Wanted:
    """Some of it, or all."""
    return Wanted(
        types=random.choice([None, frozenset({S}), frozenset({EventType.HOME_UPDATED, S})]),
        device_ids=random.choice(
            [None, None, frozenset(d.id for d in random.sample(list(land.devices), 2))]
        ),
        home_id=random.choice([None, None, None, land.homes[0].id]),
    )


@settings(max_examples=settings().max_examples // 10)
@example(seed=500, queue=256, page=1)
@given(seed=st.integers(0, 2**32), queue=st.sampled_from([2, 8, 256]), page=st.integers(1, 9))
async def test_each_gets_what_the_model_says(land: Land, seed: int, queue: int, page: int) -> None:
    """However they take, lag, leave and come back, while others' access changes."""
    random = Random(seed)
    give = land.house.services.grants.give
    client_id, user_id = land.estate.client.id, land.estate.user.id
    grants = [
        await give(user_id, client_id, SCOPES, [Share(home.id) for home in land.homes])
        for _ in range(2)
    ]
    begun = await land.house.logs.heads([home.id for home in land.homes])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(room, "RETRY_SECONDS", 0.01)
        patch.setattr(one_watch, "QUEUE", queue)
        patch.setattr(paging, "PAGE", page)
        subscribers = []
        for _ in range(6):
            grant = random.choice(grants)
            wanted = wishes(land, random)
            if wanted.home_id is not None and wanted.device_ids is not None:
                wanted = Wanted(wanted.types, wanted.device_ids)
            how = Manner(random.choice([Delivery.ALL, Delivery.LATEST]))
            cursor = land.house.cursors.places(grant.id, begun)
            subscribers.append(Subscriber(land, grant, wanted, how, cursor, whole=queue == 256))
            await subscribers[-1].open()
        for _ in range(25):
            await land.happen(random)
            for one in subscribers:
                await one.step(random)
            if random.random() < 0.1:  # looked at again, and found to be the same
                await land.house.services.grants.amend(
                    grants[0], SCOPES, [Share(home.id) for home in land.homes]
                )
                for one in subscribers:  # they read on from the log
                    one.whole = one.whole and one.grant is not grants[0]
        happened = await land.log(begun)

        def done(one: Subscriber) -> bool:
            return one.take(1_000) and one.live

        for one in subscribers:
            await eventually(partial(done, one), seconds=10)
            one.check(happened)
            assert one.watching is not None
            one.watching.close()
