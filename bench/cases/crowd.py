"""Our server and its peers, made ready for many sockets and held to the same messages."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import orjson

from bench.cases.house import CHANGES, house
from bench.cases.peers import possible
from bench.cases.stand import Stand
from bench.contest import ROOT, Failed, Options
from bench.figures import OURS
from bench.machine import many_files
from bench.peers import node
from bench.processes import serving

DEVICES: Final = 100
PYTHON: Final = {"bare": "bare", "strawberry": "strawberry_live"}
NODE: Final = {"graphql_ws": "graphql_ws.mjs", "mercurius": "mercurius_live.mjs"}
PEERS: Final = (*PYTHON, *NODE)
ALL_ALIKE: Final = frozenset({"bare"})
"""Peers that send one text to everybody."""


@contextmanager
def crowd(name: str, options: Options) -> Iterator[list[Stand]]:
    """Run our server and all peers that can run here while the block runs; ours is the first.

    Raises:
        Failed: one did not start, or sends other messages than we do.
    """
    with ours(name, options) as (stand, message), ExitStack() as stack:
        there = possible(PEERS, NODE)
        yield [stand, *(stack.enter_context(beside(one, message, options)) for one in there)]


@contextmanager
def ours(name: str, options: Options) -> Iterator[tuple[Stand, str]]:
    """Run our server while the block runs; gives a message of it, too, on which peers are modelled.

    Raises:
        Failed: it did not start, or sends nothing.
    """
    many_files()
    arguments = ("switches", "--devices", str(DEVICES), "--listen", f"{{folder}}/{CHANGES}")
    with house(options, name, *arguments) as served:
        changes = served.folder / CHANGES
        stand = Stand(
            OURS, served.port, served.pid, changes, served.token, served.home_id, cursor=True
        )
        yield stand, stand.messages()[0]


@contextmanager
def beside(peer: str, message: str, options: Options) -> Iterator[Stand]:
    """Run a peer while the block runs, which sends events like our message.

    Raises:
        Failed: it did not start, or sends other messages than we do.
    """
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as path:
        folder = Path(path)
        told, changes = folder / "message.json", folder / CHANGES
        told.write_text(message, encoding="utf-8")
        words, variables = command(peer, told, changes), {"NODE_ENV": "production"}
        with serving(words, variables, folder, options.cores.server) as said:
            own_id = peer not in ALL_ALIKE
            stand = Stand(peer, said["port"], said["pid"], changes, "", "home", own_id=own_id)
            check(peer, message, stand.messages())
            yield stand


def command(peer: str, message: Path, listen: Path) -> list[str]:
    """What starts a peer on a file with a message of ours."""
    words = ["--message", str(message), "--listen", str(listen)]
    if peer in NODE:
        graph = ["--graph", str(ROOT / "schema.graphql")]
        return ["node", str(node.HERE / NODE[peer]), *words, *graph]
    return [sys.executable, "-m", f"bench.peers.{PYTHON[peer]}", *words]


def check(peer: str, ours: str, theirs: Sequence[str]) -> None:
    """Refuse to measure a peer that does other work.

    Raises:
        Failed: its messages differ from ours in more than which event they show.
    """
    first, second = (_event(text) for text in theirs)
    if _like(first) != _like(_event(ours)):
        sentence = f"{peer} sends {theirs[0]}, and we send {ours}"
        raise Failed(sentence)
    if second["id"] == first["id"] or second["sequence"] != first["sequence"] + 1:
        sentence = f"{peer} sends {theirs[0]}, and then {theirs[1]}"
        raise Failed(sentence)
    if peer in ALL_ALIKE and len(theirs[0]) != len(ours):
        sentence = f"{peer} sends {len(theirs[0])} characters, and we send {len(ours)}."
        raise Failed(sentence)


def _event(text: str) -> dict[str, Any]:
    message = orjson.loads(text)
    if message["type"] != "next" or "errors" in message["payload"]:
        raise Failed(text)
    event: dict[str, Any] = message["payload"]["data"]["deviceStatusChanged"]
    return event


def _like(event: dict[str, Any]) -> dict[str, Any]:
    """An event without what differs from one of a device to the next."""
    kinds = {name: type(event[name]) for name in ("id", "sequence", "occurredAt")}
    return {**event, **kinds, "state": {**event["state"], "on": type(event["state"]["on"])}}
