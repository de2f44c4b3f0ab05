"""A profile by sampling: where the main thread is each time the process has used some CPU.

cProfile, which follows calls and returns, loses its way where SQLAlchemy switches greenlets, and
makes small functions look expensive. Time in C counts for what called it, time of other threads for
where the main thread then was (mostly Runner.run, in uvloop), and what runs in a greenlet has no
callers beyond its greenlet.
"""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from bench.contest import ROOT

EVERY_SECONDS = 0.004
SHOWN = 60
Place = tuple[str, str]
"""A file and a function's qualified name in it."""


class Samples:
    """How often each place was seen: running, and anywhere on the stack."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.count = 0
        self.own: Counter[Place] = Counter()
        self.under: Counter[Place] = Counter()

    def take(self, number: int, frame: FrameType | None) -> None:
        """Note the stack of one moment; a signal handler."""
        del number
        self.count += 1
        seen: set[Place] = set()
        while frame is not None:
            place = (frame.f_code.co_filename, frame.f_code.co_qualname)
            if not seen:
                self.own[place] += 1
            seen.add(place)
            frame = frame.f_back
        self.under.update(seen)

    def text(self) -> str:
        """Both lists, most first, in percent of all samples."""
        heads = f"{self.count} samples, about {EVERY_SECONDS * 1000:g} ms of CPU each\n"
        return "\n".join(
            [heads, *self._list("running", self.own), *self._list("under", self.under)]
        )

    def _list(self, title: str, counts: Counter[Place]) -> list[str]:
        shares = [
            f"{count / self.count:7.1%}  {_short(path)} {name}"
            for (path, name), count in counts.most_common(SHOWN)
        ]
        return [title, *shares, ""]


@contextmanager
def profiled(path: Path | None) -> Iterator[None]:
    """Leave a profile of the block at `path`; None: just run it."""
    if path is None:
        yield
        return
    samples = Samples()
    signal.signal(signal.SIGPROF, samples.take)
    signal.setitimer(signal.ITIMER_PROF, EVERY_SECONDS, EVERY_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        path.write_text(samples.text(), encoding="utf-8")


def _short(path: str) -> str:
    return path.removeprefix(f"{ROOT}/").rpartition("site-packages/")[2].rpartition("lib/")[2]
