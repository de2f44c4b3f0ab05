"""Work as fast as it goes, and work at a rate."""

import asyncio
import os

import pytest

from bench.load.pace import Meter, both, full, paced, series

METER = Meter(os.getpid())
PAUSE = 0.005


class Pausing:
    """Work that takes a moment; every third time does not count."""

    def __init__(self, pause: float = PAUSE) -> None:
        """Not begun."""
        self.pause = pause
        self.begun = 0
        self.under_way = 0
        self.most = 0

    async def one(self, worker: int) -> bool:
        """Take the moment."""
        del worker
        self.begun += 1
        number = self.begun
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(self.pause)
        self.under_way -= 1
        return number % 3 != 0


async def test_workers_go_on_until_the_end() -> None:
    """Each worker has one under way at any time, and what misses is not counted."""
    work = Pausing()
    done = await full(work, 4, METER, 0.1)
    assert work.most == 4
    assert 0 < done.missed < done.count <= work.begun
    assert done.count + done.missed <= 4 * 0.1 / PAUSE
    assert done.p50_ms is not None
    assert done.p50_ms >= PAUSE * 1000 * 0.9


async def test_a_series_is_one_after_the_other() -> None:
    """The last of them is waited for and counted, and there is always one."""
    work = Pausing()
    done = await series(work, METER, 0.05)
    assert work.most == 1
    assert done.count + done.missed == work.begun
    assert done.seconds >= max(0.05, work.begun * PAUSE * 0.9)
    alone = await series(Pausing(0.02), METER, 0)
    assert alone.count == 1


async def test_a_rate_is_kept() -> None:
    """So many begin as the rate and the time say."""
    work = Pausing()
    done = await paced(work, 4, METER, 0.1, rate=100)
    assert work.begun == done.count + done.missed == 10
    assert done.seconds >= 0.09


async def test_waiting_for_a_worker_is_latency() -> None:
    """A server that is too slow for the rate is charged from when the work was due."""
    done = await paced(Pausing(0.02), 1, METER, 0.1, rate=100)
    assert done.p99_ms is not None
    assert done.p99_ms > 80


async def test_half_the_rate_follows_the_full_one() -> None:
    """The second round has half the rate of the first."""
    fast, slow = await both(Pausing(), 2, os.getpid(), 0.2, 0.2)
    assert slow.count + slow.missed == pytest.approx(fast.rate / 2 * 0.2, abs=1)


async def test_a_wrong_answer_ends_the_round() -> None:
    """No figure is made of wrong answers."""

    class Wrong:
        async def one(self, worker: int) -> bool:
            raise ValueError(worker)

    with pytest.raises(ExceptionGroup):
        await full(Wrong(), 2, METER, 0.05)
