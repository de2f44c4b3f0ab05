"""The group committer: everything appended goes through here, many pieces of work a transaction.

While one transaction is under way, further work waits and then shares the next; alone, it commits
at once. A piece of work that raises is undone alone and told so. What the database itself refuses
is tried again one by one, so that one bad piece costs nobody else anything.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from sqlalchemy.exc import DBAPIError

from core import observe
from core.domain.errors import Conflict, Unavailable
from core.domain.events import AccessEntry, Event
from core.domain.ports import Clock, Ids
from core.domain.shards import Fenced
from core.store import loading, writing
from core.store.database import Database
from core.store.ledger import Ledger, Needs

T = TypeVar("T")
log = observe.logger(__name__)

BATCH = 200
WAITING = 10_000


@dataclass(frozen=True, slots=True)
class Work(Generic[T]):
    """What is needed, and the plain function that decides the facts from it."""

    needs: Needs
    decide: Callable[[Ledger], T]


@dataclass(frozen=True, slots=True)
class Committed:
    """What one transaction appended: the new heads of logs, and the facts by log order."""

    places: dict[str, int]
    events: Sequence[Event]
    accesses: Sequence[AccessEntry]


@dataclass(slots=True)
class _Waiting:
    work: Work[Any]
    done: asyncio.Future[Any] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Committer:
    """Owns the writing of facts in this process; `run` is its one task."""

    def __init__(
        self, database: Database, clock: Clock, ids: Ids, on_commit: Callable[[Committed], None]
    ) -> None:
        """`on_commit` is called after each transaction that appended; it must not raise."""
        self._database = database
        self._clock = clock
        self._ids = ids
        self._on_commit = on_commit
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self.sizes: Counter[int] = Counter()
        """Transactions so far, by the pieces of work in each."""

    @property
    def waiting(self) -> int:
        """How many pieces of work wait for a transaction."""
        return len(self._queue)

    async def submit(self, work: Work[T]) -> T:
        """What `work.decide` returned, once it is durable.

        A caller that is cancelled gives up waiting, not the work.

        Raises:
            Unavailable: the database does not answer, or too much is waiting already.
            Conflict: the database refused a duplicate.
            Fenced: a fence of its needs does not stand any more.
            Exception: whatever `decide` raised; then nothing of this work was written.
        """
        if self._closing or len(self._queue) >= WAITING:
            sentence = "The service is too busy to take this now; try again in a moment."
            raise Unavailable(sentence)
        waiting = _Waiting(work)
        self._queue.append(waiting)
        self._idle.clear()
        self._wake.set()
        result: T = await waiting.done
        return result

    async def run(self) -> None:
        """Commit what is submitted until cancelled; see `close`."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._queue:
                    count = min(len(self._queue), BATCH)
                    await self._commit([self._queue.popleft() for _ in range(count)])
                self._idle.set()
        finally:  # whoever still waits is told, and `close` does not wait for ever
            self._closing = True
            _refuse(self._queue, _stopping())
            self._queue.clear()
            self._idle.set()

    async def close(self) -> None:
        """Take no more work and return once everything taken has been committed or refused."""
        self._closing = True
        await self._idle.wait()

    async def _commit(self, batch: Sequence[_Waiting]) -> None:
        try:
            await self._commit_all(batch)
        except asyncio.CancelledError:
            _refuse(batch, _stopping())
            raise

    async def _commit_all(self, batch: Sequence[_Waiting]) -> None:
        try:
            committed, results = await self._attempt([waiting.work for waiting in batch])
        except Exception as error:  # noqa: BLE001 - the process loop: whoever waits is told
            await self._refused(batch, error)
            return
        self.sizes[len(batch)] += 1
        for waiting, result in zip(batch, results, strict=True):
            if waiting.done.done():
                continue
            if isinstance(result, _Failure):
                waiting.done.set_exception(result.error)
            else:
                waiting.done.set_result(result)
        if committed.places:
            self._on_commit(committed)

    async def _refused(self, batch: Sequence[_Waiting], error: Exception) -> None:
        if len(batch) > 1 and not isinstance(error, Unavailable):
            for waiting in batch:
                await self._commit_all([waiting])
            return
        if isinstance(error, DBAPIError):
            log.warning("refused_by_database", error=str(error.orig))
            error = Conflict("This contradicts what is already stored.")
        _refuse(batch, error)

    async def _attempt(self, works: Sequence[Work[Any]]) -> tuple[Committed, list[Any]]:
        async with self._database.write() as connection:
            ledger = Ledger(self._clock.now(), self._ids)
            await loading.load(connection, ledger, Needs.union(work.needs for work in works))
            # Waiting for locks may have taken a while, and deadlines are judged by this.
            ledger.now = self._clock.now()
            results = [_decided(work, ledger) for work in works]
            await writing.flush(connection, ledger)
        return Committed(writing.heads(ledger), ledger.events, ledger.accesses), results


@dataclass(frozen=True, slots=True)
class _Failure:
    error: Exception


def _decided(work: Work[Any], ledger: Ledger) -> Any:
    if not work.needs.fences <= ledger.fences:
        return _Failure(Fenced())
    mark = ledger.mark()
    try:
        return work.decide(ledger)
    except Exception as error:  # noqa: BLE001 - handed to whoever submitted it, by `_commit`
        ledger.back_to(mark)
        return _Failure(error)


def _refuse(waiting: Iterable[_Waiting], error: Exception) -> None:
    for one in waiting:
        if not one.done.done():
            one.done.set_exception(error)


def _stopping() -> Unavailable:
    return Unavailable("The service is stopping; try again in a moment.")
