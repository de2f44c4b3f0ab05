"""`events`: state changes that reach every subscriber of deviceStatusChanged."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bench.cases.house import CHANGES, Served, house
from bench.contest import Benchmark, Options, Subject
from bench.figures import OURS
from bench.load.plan import Plan

DEVICES = 100
SOCKETS = 50
UNDER_WAY = 16
"""Changes asked for that have not reached everybody: enough to keep the server busy. Those of
one transaction arrive together, so many more would make the count of a short run coarse."""
DOCUMENT = """
subscription Watch($home: ID!) {
  deviceStatusChanged(homeId: $home) {
    id sequence occurredAt changed device { id name } state { on brightness }
  }
}
"""


@contextmanager
def _events(options: Options) -> Iterator[Mapping[str, Subject]]:
    arguments = ("switches", "--devices", str(DEVICES), "--listen", f"{{folder}}/{CHANGES}")
    with house(options, "events", *arguments) as served:

        def plan(served: Served) -> Plan:
            return Plan(
                work="fan",
                port=served.port,
                token=served.token,
                document=DOCUMENT,
                variables={"home": served.home_id},
                workers=UNDER_WAY,
                seconds=options.seconds,
                pid=served.pid,
                more={"sockets": SOCKETS, "changes": str(served.folder / CHANGES)},
            )

        yield {OURS: served.subject(options, plan)}


EVENTS = Benchmark(
    name="events",
    unit="events/s",
    about=(
        f"state changes reported by the devices of one home, each stored and delivered to "
        f"{SOCKETS} sockets (so {SOCKETS} messages an event); at most {UNDER_WAY} under way; "
        "latency is from the report to the last socket."
    ),
    prepare=_events,
)
