"""Pace: work done by some workers as fast as it goes, or at a rate that does not wait for them.

At a rate, latency counts from the moment at which the work was due, not from when a worker was
free for it: a server that stalls is charged for everything that should have happened meanwhile.
"""

import asyncio
import os
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol

from bench.figures import MILLI, Round, percentile
from bench.load.plan import WARM_SECONDS
from bench.machine import cpu_seconds, queued_seconds, rss_mb

COARSE_SECONDS = 0.002
"""Timers of the loop are no finer than a millisecond; what is left is waited for by turns of it."""


class Work(Protocol):
    """Something that can be done over and over, by several workers at once."""

    async def one(self, worker: int) -> bool:
        """Do it once; whether it counts. Raises if the answer is wrong."""


@dataclass(slots=True)
class Tally:
    """What was done in a round."""

    count: int = 0
    missed: int = 0
    latencies: list[float] = field(default_factory=list)

    def add(self, seconds: float, *, counts: bool) -> None:
        """One more."""
        self.latencies.append(seconds)
        if counts:
            self.count += 1
        else:
            self.missed += 1


@dataclass(frozen=True, slots=True)
class Used:
    """CPU seconds up to a moment, of the server and of this process where that is another."""

    server: float | None
    queued: float | None
    load: float | None


@dataclass(frozen=True, slots=True)
class Meter:
    """Reads what the server, known by its pid, and this process have used."""

    pid: int

    def read(self) -> Used:
        """What was used so far."""
        ours = os.getpid()
        load = cpu_seconds(ours) if ours != self.pid else None
        return Used(cpu_seconds(self.pid), queued_seconds(self.pid), load)


async def both(
    work: Work, workers: int, pid: int, seconds: float, half_seconds: float
) -> tuple[Round, Round]:
    """Warm up, go as fast as it goes, then at half that rate."""
    meter = Meter(pid)
    await full(work, workers, meter, WARM_SECONDS)
    fast = await full(work, workers, meter, seconds)
    slow = await paced(work, workers, meter, half_seconds, fast.rate / 2)
    return fast, slow


async def full(work: Work, workers: int, meter: Meter, seconds: float) -> Round:
    """Let each worker begin anew as soon as it is done; what ends later does not count."""
    tally = Tally()
    before = meter.read()
    began = perf_counter()
    end = began + seconds

    async def go_on(worker: int) -> None:
        start = perf_counter()
        while start < end:
            counts = await work.one(worker)
            done = perf_counter()
            if done <= end:
                tally.add(done - start, counts=counts)
            start = done

    async def stop() -> Round:
        await asyncio.sleep(seconds)
        passed = perf_counter() - began
        return _round(tally, meter, before, passed)

    async with asyncio.TaskGroup() as group:
        for worker in range(workers):
            group.create_task(go_on(worker))
        stopped = group.create_task(stop())
    return stopped.result()


async def series(work: Work, meter: Meter, seconds: float) -> Round:
    """One after the other, until so many seconds have passed; the last one is not cut off."""
    tally = Tally()
    before = meter.read()
    start = began = perf_counter()
    while not tally.latencies or start < began + seconds:
        counts = await work.one(0)
        done = perf_counter()
        tally.add(done - start, counts=counts)
        start = done
    return _round(tally, meter, before, start - began)


async def paced(work: Work, workers: int, meter: Meter, seconds: float, rate: float) -> Round:
    """Begin one every 1/rate seconds, as soon as a worker is free."""
    tally = Tally()
    free: asyncio.Queue[int] = asyncio.Queue()
    for worker in range(workers):
        free.put_nowait(worker)
    before = meter.read()
    began = perf_counter()

    async def do(worker: int, due: float) -> None:
        counts = await work.one(worker)
        tally.add(perf_counter() - due, counts=counts)
        free.put_nowait(worker)

    async with asyncio.TaskGroup() as group:
        for number in range(max(1, int(rate * seconds))):
            due = began + number / rate if rate else began
            await _until(due)
            group.create_task(do(await free.get(), due))
    return _round(tally, meter, before, perf_counter() - began)


async def _until(due: float) -> None:
    while (left := due - perf_counter()) > 0:  # noqa: ASYNC110 - time itself sets no event
        await asyncio.sleep(left - COARSE_SECONDS if left > COARSE_SECONDS else 0)


def _round(tally: Tally, meter: Meter, before: Used, seconds: float) -> Round:
    now = meter.read()
    p50, p99 = percentile(tally.latencies, 0.5), percentile(tally.latencies, 0.99)
    return Round(
        count=tally.count,
        missed=tally.missed,
        seconds=seconds,
        p50_ms=None if p50 is None else p50 * MILLI,
        p99_ms=None if p99 is None else p99 * MILLI,
        server_cpu=_since(now.server, before.server),
        server_queued=_since(now.queued, before.queued),
        load_cpu=_since(now.load, before.load),
        rss_mb=rss_mb(meter.pid),
    )


def _since(now: float | None, before: float | None) -> float | None:
    return now - before if now is not None and before is not None else None
