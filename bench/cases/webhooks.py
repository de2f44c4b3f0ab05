"""`webhook_…`: deliveries by one worker, beside a client that keeps no books."""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import mean
from typing import Any, Final

from bench.cases.postgres import postgres
from bench.cases.posting import Receivers, Site, checked, file, receivers
from bench.contest import Benchmark, Failed, Options, Subject
from bench.figures import MICRO, MILLI, OURS, Sample

ENDPOINTS: Final = 20
DEVICES: Final = 50
EVENTS_PER_SECOND: Final = 1_000
"""Of a run: 2,000 events, which are 40,000 deliveries, by default."""
BODY_BYTES: Final = 500
ABOUT: Final = (
    f"deliveries of about {BODY_BYTES} bytes, of {DEVICES} devices to {ENDPOINTS} endpoints of one "
    "partner, by one worker, from the first request until the last is recorded as DELIVERED "
    "(with_start: from when the worker began). The events are in the log before it begins; what is "
    "planned, rendered, signed, sent and recorded meanwhile is all in the figure. bare: the same "
    "HTTP client posts signed bytes from the same core to the same receiver, which is on the "
    "other, and nothing is noted of it. Must reach 4,000/s, and 0.4 of bare"
)


@dataclass(frozen=True, slots=True)
class _Work:
    name: str
    url: Callable[[], str]
    there: Receivers
    options: Options

    @property
    def deliveries(self) -> int:
        return max(DEVICES, int(self.options.seconds * EVENTS_PER_SECOND)) * ENDPOINTS

    def ours(self) -> Sample:
        """One run, on a database of its own.

        Raises:
            Failed: not everything arrived once, or not as it should be.
        """
        site = Site.at(self.url(), self.options)
        urls = [f"{self.there.url()}/{number}" for number in range(ENDPOINTS)]
        events = "--devices", DEVICES, "--events", self.deliveries // ENDPOINTS
        made = site.run("partners", *urls, *events)
        self.there.asked()  # what came before does not count
        profile = self.options.profile(self.name)
        more = ("--profile", profile) if profile else ()
        done = site.run("worker", "--until", self.deliveries, *more)
        got = self.there.asked()
        if got.count != self.deliveries or done["attempts"] != {"taken": self.deliveries}:
            sentence = f"{self.deliveries} were due, and {got.count} came: {done}"
            raise Failed(sentence)
        checked(got.got[0], made["secrets"])
        with_start = self.deliveries / (done["ended"] - done["began"])
        first_ms = (got.first - done["began"]) * MILLI
        return _sample(
            done, self.deliveries, got.first, with_start=with_start, first_ms=first_ms,
            body_bytes=mean(len(one.body) for one in got.got),
        )  # fmt: skip

    def bare(self) -> Sample:
        """One run of the client that keeps no books."""
        site = Site.at("", self.options)
        words = "--paths", ENDPOINTS, "--count", self.deliveries, "--bytes", BODY_BYTES
        self.there.asked()
        done = site.run("bare", self.there.url(), *words)
        got = self.there.asked()
        if got.count != self.deliveries:
            sentence = f"{self.deliveries} were posted, and {got.count} came."
            raise Failed(sentence)
        return _sample(done, self.deliveries, got.first)


def _sample(done: Mapping[str, Any], count: int, first: float, **detail: float) -> Sample:
    seconds, cpu = done["ended"] - first, done["cpu_seconds"]
    return Sample(
        value=count / seconds,
        cpu_us=cpu / count * MICRO,
        rss_mb=done["rss_mb"],
        server_share=cpu / (done["ended"] - done["began"]),
        detail={"count": count, **detail},
    )


@contextmanager
def _subjects(
    name: str, url: Callable[[], str], options: Options
) -> Iterator[Mapping[str, Subject]]:
    with receivers(options) as there:
        work = _Work(name, url, there, options)
        yield {OURS: work.ours, "bare": work.bare}


@contextmanager
def _sqlite(options: Options) -> Iterator[Mapping[str, Subject]]:
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as folder:
        url = partial(file, folder)
        with _subjects("webhook_sqlite", url, options) as subjects:
            yield subjects


@contextmanager
def _postgres(options: Options) -> Iterator[Mapping[str, Subject]]:
    with postgres(options) as url, _subjects("webhook_postgres", url, options) as subjects:
        yield subjects


SQLITE = Benchmark("webhook_sqlite", "deliveries/s", f"{ABOUT}. WAL, synchronous=NORMAL.", _sqlite)
POSTGRES = Benchmark(
    "webhook_postgres",
    "deliveries/s",
    f"{ABOUT}. PostgreSQL as it comes, fsync on, on the receiver's core (not counted).",
    _postgres,
)
