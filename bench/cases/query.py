"""`query_…`: reading devices through `POST /graphql`, with a real token."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from bench.cases.house import CHANGES, Served, house
from bench.cases.peers import Question, beside
from bench.contest import Benchmark, Failed, Options, Subject
from bench.figures import OURS

DEVICES, WIDE_DEVICES = 20, 100
CHANGES_PER_SECOND = 20
"""While we are under load."""
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
WIDE_DOCUMENT = """
query Wide($first: Int!) {
  devices(first: $first) {
    nodes {
      id name kind online updatedAt
      room { id name } home { id name timeZone } state { on brightness }
      pendingCommand { id status issuedAt deadline desired { on brightness } }
    }
  }
}
"""
CONTROL_DOCUMENT = """
mutation Control($input: ControlDevicesInput!) {
  controlDevices(input: $input) { command { status } error { message } }
}
"""
AT_ONCE = 50
COMMAND_MS = 60_000
"""The longest that a command may stay open: much longer than a run."""


@contextmanager
def _fresh(options: Options) -> Iterator[Mapping[str, Subject]]:
    peers = ("strawberry", "apollo", "yoga", "mercurius", "mercurius_jit")
    arguments = ("quiet", "--devices", str(DEVICES), "--listen", f"{{folder}}/{CHANGES}")
    with house(options, "query_fresh", *arguments, variables=UNUSED) as served:
        _check(served, DEVICES)
        _check_fresh(served)
        changes = {"changes": str(served.folder / CHANGES), "per_second": CHANGES_PER_SECOND}
        question = _question(DOCUMENT, DEVICES, changes)
        ours = served.subject(options, lambda served: question.of(served, options))
        with beside(peers, question, served, options, changing=True) as theirs:
            yield {OURS: ours, **theirs}


@contextmanager
def _reused(options: Options) -> Iterator[Mapping[str, Subject]]:
    peers = ("prebuilt", "mercurius_jit", "mercurius")
    with house(options, "query_reused", "quiet", "--devices", str(DEVICES)) as served:
        _check(served, DEVICES)
        question = _question(DOCUMENT, DEVICES)
        ours = served.subject(options, lambda served: question.of(served, options))
        with beside(peers, question, served, options) as theirs:
            yield {OURS: ours, **theirs}


@contextmanager
def _wide(options: Options) -> Iterator[Mapping[str, Subject]]:
    arguments = ("quiet", "--devices", str(WIDE_DEVICES))
    with house(options, "query_wide", *arguments, variables=UNUSED) as served:
        _check(served, WIDE_DEVICES)
        command = partial(_command, served)
        command()
        question = _question(WIDE_DOCUMENT, WIDE_DEVICES)
        ours = served.subject(options, lambda served: question.of(served, options), command)
        with beside(("strawberry",), question, served, options) as theirs:
            yield {OURS: ours, **theirs}


def _question(document: str, devices: int, more: Mapping[str, Any] | None = None) -> Question:
    return Question(document, {"first": devices}, CONNECTIONS, devices * 150, more or {})


def _check(served: Served, devices: int) -> None:
    """Refuse to measure wrong answers.

    Raises:
        Failed: a device is wrong or missing.
    """
    first = _nodes(served, devices)
    expected = {one["id"]: one for one in served.devices}
    if len(first) != devices or {one["id"] for one in first} != expected.keys():
        sentence = f"Asked for {devices} devices, got {len(first)} or others."
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


def _check_fresh(served: Served) -> None:
    """Refuse to measure old answers.

    Raises:
        Failed: a change is not seen within a second.
    """
    first = _nodes(served, DEVICES)
    served.change()
    deadline = time.monotonic() + FRESH_SECONDS
    while _nodes(served, DEVICES) == first:
        if time.monotonic() > deadline:
            sentence = "A device has changed, and the answer does not."
            raise Failed(sentence)


def _nodes(served: Served, devices: int) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = served.ask(DOCUMENT, {"first": devices})["devices"]["nodes"]
    return nodes


def _command(served: Served) -> None:
    """Have an open command at every device that can be on, for the next minute.

    Raises:
        Failed: a command was not taken.
    """
    devices = [one["id"] for one in served.devices if one["switchable"]]
    for start in range(0, len(devices), AT_ONCE):
        for result in _commanded(served, devices[start : start + AT_ONCE]):
            if result["error"] or result["command"]["status"] != "ACCEPTED":
                sentence = f"A command was not accepted: {result}."
                raise Failed(sentence)


def _commanded(served: Served, devices: Sequence[str]) -> list[dict[str, Any]]:
    wish = {"state": {"on": True}, "waitMs": 0, "timeoutMs": COMMAND_MS}
    commands = [{"deviceId": device_id, **wish} for device_id in devices]
    answer = served.ask(CONTROL_DOCUMENT, {"input": {"commands": commands}})
    results: list[dict[str, Any]] = answer["controlDevices"]
    return results


FRESH = Benchmark(
    name="query_fresh",
    unit="requests/s",
    about=(
        f"{DEVICES} devices x 8 fields by POST /graphql over {CONNECTIONS} connections, with a "
        f"token; {CHANGES_PER_SECOND} state changes/s are stored by the same process meanwhile, "
        "and no answer is reused; "
        "at the peers, which have no store, a device changes in memory before each request."
    ),
    prepare=_fresh,
)
REUSED = Benchmark(
    name="query_reused",
    unit="requests/s",
    about=f"the same {DEVICES} devices over {CONNECTIONS} connections, while nothing changes.",
    prepare=_reused,
)
WIDE = Benchmark(
    name="query_wide",
    unit="requests/s",
    about=(
        f"{WIDE_DEVICES} devices with room, home and pending command (at each that can be on) "
        f"over {CONNECTIONS} connections; no answer is reused."
    ),
    prepare=_wide,
)
