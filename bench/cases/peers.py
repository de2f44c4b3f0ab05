"""Peers as subjects: started on our own answers, held to the same JSON, loaded as we are."""

import sys
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import orjson

from bench.cases.house import Served, answered, asked
from bench.contest import ROOT, Failed, Options, Subject
from bench.figures import sample
from bench.load.plan import Plan
from bench.peers import node
from bench.processes import loaded, serving

NODE: Final[Mapping[str, Sequence[str]]] = {
    "apollo": ("apollo.mjs",),
    "yoga": ("yoga.mjs",),
    "mercurius": ("mercurius.mjs",),
    "mercurius_jit": ("mercurius.mjs", "--jit"),
}
WARM_SECONDS: Final = 1.0
"""V8 makes fast what has run some thousand times; so much comes before the first run on Node."""
RECORDS: Final = """
query Records($first: Int!) {
  devices(first: $first) {
    nodes {
      id name kind online updatedAt
      room { id name } home { id name timeZone } state { on brightness }
      pendingCommand { id status issuedAt deadline desired { on brightness } }
    }
  }
}
"""
"""Everything that a measured document may ask a peer for."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked over and over; a shorter answer than `least_bytes` is wrong."""

    document: str
    variables: dict[str, Any]
    workers: int
    least_bytes: int
    more: Mapping[str, Any] = field(default_factory=dict)

    def plan(self, port: int, pid: int, token: str, seconds: float) -> Plan:
        """The load that asks it."""
        return Plan(
            work="query",
            port=port,
            token=token,
            document=self.document,
            variables=self.variables,
            workers=self.workers,
            seconds=seconds,
            pid=pid,
            more={**self.more, "least_bytes": self.least_bytes},
        )

    def of(self, served: Served, options: Options) -> Plan:
        """The load on our own server."""
        return self.plan(served.port, served.pid, served.token, options.seconds)


@contextmanager
def beside(
    names: Sequence[str],
    question: Question,
    served: Served,
    options: Options,
    *,
    changing: bool = False,
) -> Iterator[dict[str, Subject]]:
    """Run these peers while the block runs, on what our own server answers now.

    Args:
        names: of peers, as the contract has them; those on Node are left out, with a line that
            says so, where it is missing.
        question: what all are asked.
        served: our server, which nobody else asks meanwhile.
        options: how to measure.
        changing: whether a device of the peers changes before each request.

    Raises:
        Failed: a peer did not start, or answers otherwise than we do.
    """
    said = asked(served.port, served.token, RECORDS, question.variables)
    house, answer = served.folder / "house.json", served.folder / "answer.json"
    house.write_bytes(orjson.dumps({"devices": said["devices"]["nodes"]}))
    answer.write_bytes(answered(served.port, served.token, question.document, question.variables))
    ours = orjson.loads(answer.read_bytes())["data"]
    quiet = replace(question, more={})
    with ExitStack() as stack:
        subjects: dict[str, Subject] = {}
        for name in possible(names, NODE):
            words = command(name, house, answer, changing=changing)
            folder = served.folder / name
            folder.mkdir()
            ready = serving(words, {"NODE_ENV": "production"}, folder, options.cores.server)
            peer = stack.enter_context(ready)
            _check(name, peer["port"], served.token, question, ours, changing=changing)
            plan = quiet.plan(peer["port"], peer["pid"], served.token, options.seconds)
            subjects[name] = _subject(plan, options)
            if name in NODE:
                loaded(replace(plan, seconds=min(WARM_SECONDS, options.seconds)), options)
        yield subjects


def _subject(plan: Plan, options: Options) -> Subject:
    return lambda: sample(*loaded(plan, options))


def possible(names: Sequence[str], of_node: Container[str]) -> list[str]:
    """Those that can run here; where Node is missing, a line says who is left out."""
    on_node = [name for name in names if name in of_node]
    if on_node and (reason := node.missing()):
        print(f"  LEFT OUT: {', '.join(on_node)}: {reason}", flush=True)
        return [name for name in names if name not in of_node]
    return list(names)


def command(name: str, house: Path, answer: Path, *, changing: bool) -> list[str]:
    """What starts a peer on the files of a house, or of the answer about it."""
    if name == "prebuilt":
        return [sys.executable, "-m", "bench.peers.prebuilt", "--answer", str(answer)]
    changes = ["--changing"] if changing else []
    if name in NODE:
        script, *words = NODE[name]
        graph = ["--graph", str(ROOT / "schema.graphql")]
        return ["node", str(node.HERE / script), *words, "--house", str(house), *graph, *changes]
    return [sys.executable, "-m", f"bench.peers.{name}", "--house", str(house), *changes]


def _check(
    name: str, port: int, token: str, question: Question, ours: object, *, changing: bool
) -> None:
    """Refuse to measure a peer that does other work.

    Raises:
        Failed: it answers otherwise than we do, or its devices (do not) change.
    """
    first, second = (asked(port, token, question.document, question.variables) for _ in range(2))
    if first != ours:
        sentence = f"{name} answers {_shown(first)}, and we answer {_shown(ours)}"
        raise Failed(sentence)
    if (second != first) is not changing:
        sentence = f"{name} was asked twice, and something changed meanwhile: {second != first}."
        raise Failed(sentence)


def _shown(answer: object) -> str:
    return orjson.dumps(answer).decode()[:1_000]
