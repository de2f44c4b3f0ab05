"""The leases against a model: processes come, hang, die and wake up, and clocks are set."""

import asyncio
import shutil
from collections.abc import Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Double, literal

from core.domain.shards import SHARDS, Fence
from core.domain.time import Uuid7
from core.runner.keeper import BEAT_SECONDS, Keeper
from core.store import leases as room
from core.store.database import Database
from core.store.leases import LEASE_SECONDS, Leases
from tests.fakes import FakeClock

pytestmark = pytest.mark.punctual

T = TypeVar("T")
MOST = 4
ROUNDS = 12
"""Beats after which everybody has what is fair, however things stood: a lease must end first."""

which = st.integers(0, MOST - 1)


class Ownership(RuleBasedStateMachine):
    """Some processes on one database, whose keepers beat when they are told to."""

    template: ClassVar[Path]
    """A migrated database to copy."""
    now: ClassVar[float] = 0.0
    """The database's clock."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.Runner()
        self.folder = TemporaryDirectory()
        shutil.copy(self.template, f"{self.folder.name}/leases.db")
        url = f"sqlite+aiosqlite:///{self.folder.name}/leases.db"
        self.database = Database(url)
        self.leases = Leases(self.database)
        self.clock = FakeClock()
        type(self).now = 1_000_000.0
        self.there: list[Keeper] = []
        self.tokens = dict.fromkeys(range(SHARDS), 0)
        self.given: dict[Fence, Keeper] = {}
        self.doubtful_until = 0.0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the machine's own loop."""
        return self.loop.run(work)

    @initialize()
    def first(self) -> None:
        """One process is there, and has begun."""
        self.appear()
        self.beat(0)

    @precondition(lambda self: len(self.there) < MOST)
    @rule()
    def appear(self) -> None:
        """A process starts."""
        self.there.append(Keeper(self.leases, self.clock, Uuid7()))

    @precondition(lambda self: self.there)
    @rule(one=which)
    def beat(self, one: int) -> None:
        """A process has its turn; those that hang are the ones that do not get it."""
        self.run(self.there[one % len(self.there)].beat())

    @precondition(lambda self: self.there)
    @rule(one=which)
    def stop(self, one: int) -> None:
        """A process ends in order, and what it had is free at once."""
        keeper = self.there.pop(one % len(self.there))
        life = keeper.life
        self.run(keeper.close())
        assert life not in self.run(self.leases.look())[1]

    @precondition(lambda self: self.there)
    @rule(one=which, seconds=st.sampled_from([0.0, -3_600.0]))
    def die(self, one: int, seconds: float) -> None:
        """A process is killed, perhaps with its machine, whose clock comes back an hour late."""
        self.there.pop(one % len(self.there))
        self.leap(seconds)

    @precondition(lambda self: self.there)
    @rule(one=which, halves=st.integers(5, 12))
    def hang(self, one: int, halves: int) -> None:
        """A process hangs while the others go on."""
        hung = self.there[one % len(self.there)]
        for _ in range(halves):
            self.wait(BEAT_SECONDS / 2)
            for keeper in self.there:
                if keeper is not hung:
                    self.run(keeper.beat())
                    self.nobody_else_has_it()

    @rule(seconds=st.sampled_from([0.3, 1.0, 3.0, 3.5, 4.1, 9.0]))
    def wait(self, seconds: float) -> None:
        """Time passes, for all clocks alike."""
        self.run(self.clock.advance(seconds))
        type(self).now += seconds

    @rule(seconds=st.sampled_from([-3_600.0, -5.0, 5.0, 3_600.0]))
    def leap(self, seconds: float) -> None:
        """The database's clock is set."""
        if seconds:
            type(self).now += seconds
            self.doubtful_until = self.clock.monotonic() + LEASE_SECONDS

    @rule()
    def settle(self) -> None:
        """Left alone, whoever is there ends up with a fair share, and all is run."""
        for _ in range(ROUNDS):
            for keeper in self.there:
                self.run(keeper.beat())
            self.wait(BEAT_SECONDS / 2)
        counts = [len(keeper.shards) for keeper in self.there]
        assert sum(counts) == (SHARDS if counts else 0)
        assert not counts or max(counts) - min(counts) <= 1

    @invariant()
    def tokens_only_grow(self) -> None:
        """And whoever has the newest is the one whom it was given to."""
        found, _ = self.run(self.leases.look())
        for lease in found:
            assert lease.token >= self.tokens[lease.shard]
            self.tokens[lease.shard] = lease.token
        for keeper in self.there:
            for fence in keeper.fences.values():
                assert fence.token <= self.tokens[fence.shard]
                assert self.given.setdefault(fence, keeper) is keeper

    @invariant()
    def nobody_else_has_it(self) -> None:
        """Of those who think that they run a shard, one can write; and it is one who thinks so.

        Unless the database's clock was set just now, when tokens alone tell them apart.
        """
        for shard in range(SHARDS):
            fence = Fence(shard, self.tokens[shard])
            assert sum(keeper.holds(fence) for keeper in self.there) <= 1
        if self.clock.monotonic() >= self.doubtful_until:
            held = [shard for keeper in self.there for shard in keeper.shards]
            assert len(held) == len(set(held))

    def teardown(self) -> None:
        """Close the database."""
        self.run(self.database.close())
        self.loop.close()
        self.folder.cleanup()


def test_a_shard_has_one_owner(sqlite_template: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens to processes and clocks, no two of them run one shard."""
    monkeypatch.setattr(Ownership, "template", sqlite_template, raising=False)
    monkeypatch.setattr(room, "database_time", lambda: literal(Ownership.now, Double()))
    run_state_machine_as_test(
        Ownership,
        settings=settings(max_examples=settings().max_examples // 4, stateful_step_count=15),
    )
