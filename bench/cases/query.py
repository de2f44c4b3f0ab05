"""`query_…`: reading devices through `POST /graphql`, with a real token."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from bench.cases.house import Served, house
from bench.contest import Benchmark, Failed, Options, Subject
from bench.figures import OURS
from bench.load.plan import Plan

DEVICES = 20
CHANGES = 20
"""A second, in the background of `query_fresh`."""
UNUSED = {"LATCHKEY_ANSWER_BYTES": "0"}
"""No answer is given twice, as if a device changed between any two requests."""
CONNECTIONS = 16
FRESH_SECONDS = 1.0
DOCUMENT = """
query Devices($first: Int!) {
  devices(first: $first) {
    nodes { id name kind online updatedAt room { name } state { on brightness } }
  }
}
"""


@contextmanager
def _fresh(options: Options) -> Iterator[Mapping[str, Subject]]:
    arguments = ("quiet", "--devices", str(DEVICES), "--changes", str(CHANGES))
    with house(options, "query_fresh", *arguments, variables=UNUSED) as served:
        _check_changes(served, _check(served))
        yield {OURS: served.subject(options, partial(_plan, options))}


@contextmanager
def _reused(options: Options) -> Iterator[Mapping[str, Subject]]:
    with house(options, "query_reused", "quiet", "--devices", str(DEVICES)) as served:
        _check(served)
        yield {OURS: served.subject(options, partial(_plan, options))}


def _plan(options: Options, served: Served) -> Plan:
    return Plan(
        work="query",
        port=served.port,
        token=served.token,
        document=DOCUMENT,
        variables={"first": DEVICES},
        workers=CONNECTIONS,
        seconds=options.seconds,
        pid=served.pid,
        more={"least_bytes": DEVICES * 150},
    )


def _check(served: Served) -> list[dict[str, Any]]:
    """The devices as they are shown; refuse to measure wrong answers.

    Raises:
        Failed: a device is wrong or missing.
    """
    first = _nodes(served)
    expected = {one["id"]: one for one in served.devices}
    if len(first) != DEVICES or {one["id"] for one in first} != expected.keys():
        sentence = f"Asked for {DEVICES} devices, got {len(first)} or others."
        raise Failed(sentence)
    for node in first:
        known = expected[node["id"]]
        said = {**node, "room": node["room"]["name"]}
        if any(said[name] != known[name] for name in ("name", "kind", "room", "online")):
            sentence = f"{node} is not {known}."
            raise Failed(sentence)
        if known["switchable"] != isinstance(node["state"]["on"], bool):
            sentence = f"{node} says nothing of being on."
            raise Failed(sentence)
    return first


def _check_changes(served: Served, first: list[dict[str, Any]]) -> None:
    """Refuse to measure old answers.

    Raises:
        Failed: a change is not seen within a second.
    """
    deadline = time.monotonic() + FRESH_SECONDS
    while _nodes(served) == first:
        if time.monotonic() > deadline:
            sentence = "Devices change all the time, and the answer does not."
            raise Failed(sentence)


def _nodes(served: Served) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = served.ask(DOCUMENT, {"first": DEVICES})["devices"]["nodes"]
    return nodes


FRESH = Benchmark(
    name="query_fresh",
    unit="requests/s",
    about=(
        f"{DEVICES} devices x 8 fields by POST /graphql over {CONNECTIONS} connections, with a "
        f"token; {CHANGES} state changes/s are stored by the same process meanwhile, "
        "and no answer is reused."
    ),
    prepare=_fresh,
)

REUSED = Benchmark(
    name="query_reused",
    unit="requests/s",
    about=(
        f"{DEVICES} devices x 8 fields by POST /graphql over {CONNECTIONS} connections, with a "
        "token, while nothing changes."
    ),
    prepare=_reused,
)
