"""The keeper: which shards this process runs, kept by leases that it renews.

Leases are judged by the database's clock. Here they are judged by this process's own, which began
earlier and ends earlier, so whoever could not renew lets go before anybody can take over. A process
whose clock stood still as well is stopped by its tokens.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Final

from core import observe
from core.domain.errors import Unavailable
from core.domain.ports import Clock, Ids
from core.domain.shards import Fence, Fenced, Lease, fair, move, shard_of
from core.store.leases import LEASE_SECONDS, Leases

log = observe.logger(__name__)

BEAT_SECONDS: Final = 1.0
HASTE_SECONDS: Final = 0.25
"""Between two beats while something is owed to us, or the database does not answer."""
TRUST_SECONDS: Final = LEASE_SECONDS - 0.75
"""So long after we asked for it we rely on a lease; what is under way has the rest to end."""
PATIENCE_SECONDS: Final = 2 * LEASE_SECONDS
"""So long whoever wants a home run here waits for its shard: somebody may have died with it."""
LATE_SECONDS: Final = 0.02
"""Others' leases are over a little later than they say, so that one look is enough."""


class Keeper:
    """Which shards are this process's. `run` is its one task.

    `let_go` is called with those that are not any more; it must stop at once whatever is done there
    and not wait.
    """

    def __init__(self, leases: Leases, clock: Clock, ids: Ids) -> None:
        """None yet."""
        self._leases = leases
        self._clock = clock
        self._ids = ids
        self._until = 0.0
        self._held: dict[int, int] = {}
        self.life: str | None = None
        """As what the leases know this process: another one after all were lost."""
        self._former: str | None = None
        self.let_go: Callable[[Collection[int]], None] = lambda _: None
        self.changed = asyncio.Event()
        """Set when shards come; it is another one after that."""
        self.lost = 0
        """How many shards were taken away so far, and not given."""

    @property
    def shards(self) -> list[int]:
        """Those that are run here now."""
        return sorted(self._held) if self._clock.monotonic() < self._until else []

    @property
    def fences(self) -> dict[int, Fence]:
        """The same, with what they are run under."""
        return {shard: Fence(shard, self._held[shard]) for shard in self.shards}

    def holds(self, fence: Fence) -> bool:
        """Whether this still is our lease: to be asked before each touch of a device."""
        ours = self._held.get(fence.shard) == fence.token
        return ours and self._clock.monotonic() < self._until

    def check(self, fence: Fence) -> None:
        """Go on only while this still is our lease.

        Raises:
            Fenced: it is not.
        """
        if not self.holds(fence):
            raise Fenced

    async def claim(self, home_id: str) -> Fence:
        """The fence of a home that is run here, or is about to be.

        Raises:
            Fenced: another process runs it.
        """
        shard, until = shard_of(home_id), self._clock.monotonic() + PATIENCE_SECONDS
        while shard not in self.shards:
            changed, left = self.changed, until - self._clock.monotonic()
            if left <= 0:
                raise Fenced
            await self.news(changed, left)
        return Fence(shard, self._held[shard])

    async def news(self, changed: asyncio.Event, seconds: float) -> None:
        """Return once this one of our events is set, or after so many seconds."""
        tasks = {
            asyncio.ensure_future(changed.wait()),
            asyncio.ensure_future(self._clock.sleep(seconds)),
        }
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    def lose(self, fence: Fence) -> None:
        """The store says that this lease has moved on."""
        if self._held.get(fence.shard) == fence.token:
            self._lose([fence.shard])

    async def alone(self) -> None:
        """Wait for nobody: whoever runs this process knows that there is no other.

        Raises:
            Unavailable: the database does not answer.
        """
        await self._leases.end_all()

    async def run(self) -> None:
        """Renew, take and give, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            while True:
                try:
                    pause = await self.beat()
                except Unavailable:
                    log.warning("leases_unreadable")
                    pause = HASTE_SECONDS
                await self._clock.sleep(pause)

    async def close(self) -> None:
        """Give everything up, so that others need not wait: nothing is touched any more."""
        life = self.life or self._former
        self.life, self._held = None, {}
        if life is not None:
            try:
                await self._leases.end(life)
            except Unavailable:
                log.warning("leases_not_given_up")

    async def beat(self) -> float:
        """One round; the seconds until the next.

        Raises:
            Unavailable: the database does not answer.
        """
        life = await self._live()
        if life is None:
            return 0.0
        leases, lives = await self._leases.look()
        if life not in lives or self.life != life:  # it ended while we looked
            return 0.0
        self._compare(leases)
        due = move(leases, lives, life)
        if due.give:
            self._give(due.give)
            await self._leases.give(life, due.give)
        elif due.take:
            self._gain(life, await self._leases.take(life, due.take))
        if len(self._held) < fair(lives, life):
            return HASTE_SECONDS
        ends = [left for one, left in lives.items() if one != life]
        return max(0.0, min([BEAT_SECONDS, *(left + LATE_SECONDS for left in ends)]))

    async def _live(self) -> str | None:
        """Be there for another while; None where that came too late, and all is lost."""
        asked = self._clock.monotonic()
        if self.life is not None and asked >= self._until:
            self._lose_all()
        if self.life is None:
            self.life = await self._begun()
        elif not await self._renewed(self.life):
            return None
        self._until = asked + TRUST_SECONDS
        return self.life

    async def _begun(self) -> str:
        """Be there anew, with nothing."""
        if self._former is not None:  # nobody has to wait for it, ourselves included
            await self._leases.end(self._former)
            self._former = None
        life = self._ids.new("owner")
        await self._leases.begin(life)
        return life

    async def _renewed(self, life: str) -> bool:
        if not await self._leases.renew(life):
            self._lose_all()
        return self.life == life  # or our own time was over before the answer came

    async def _watch(self) -> None:
        """Let go of all when our own time is over, whatever the database is doing meanwhile."""
        while True:
            left = self._until - self._clock.monotonic()
            if self.life is not None and left <= 0:
                self._lose_all()
            await self._clock.sleep(left if left > 0 else HASTE_SECONDS)

    def _compare(self, leases: Collection[Lease]) -> None:
        """Hold what the leases say is ours, and nothing else; an answer may have been lost."""
        ours = {one.shard: one.token for one in leases if one.owner == self.life}
        gone = [shard for shard, token in self._held.items() if ours.get(shard) != token]
        if gone:
            self._lose(gone)
        self._hold({shard: token for shard, token in ours.items() if shard not in self._held})

    def _gain(self, life: str, fences: Collection[Fence]) -> None:
        if self.life == life:
            self._hold({fence.shard: fence.token for fence in fences})

    def _hold(self, tokens: dict[int, int]) -> None:
        if tokens:
            self._held |= tokens
            log.info("shards_taken", shards=len(tokens), held=len(self._held))
            changed, self.changed = self.changed, asyncio.Event()
            changed.set()

    def _give(self, shards: Collection[int]) -> None:
        for shard in shards:
            self._held.pop(shard, None)
        log.info("shards_given", shards=len(shards), held=len(self._held))
        self.let_go(shards)

    def _lose(self, shards: Collection[int]) -> None:
        for shard in shards:
            del self._held[shard]
        self.lost += len(shards)
        log.warning("shards_lost", shards=len(shards), held=len(self._held))
        self.let_go(shards)

    def _lose_all(self) -> None:
        self._former = self.life or self._former
        self.life = None
        if self._held:
            self._lose(list(self._held))
