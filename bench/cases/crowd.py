"""Our server and its peers, made ready for many sockets and held to the same messages."""

import sys
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
ALL_ALIKE: Final = frozenset({"bare"})
"""Peers that send one text to everybody."""


@contextmanager
def crowd(name: str, peers: Sequence[str], options: Options) -> Iterator[list[Stand]]:
    """Run our server and these peers while the block runs; ours is the first.

    Raises:
        Failed: one did not start, or sends other messages than we do.
    """
    many_files()
    arguments = ("switches", "--devices", str(DEVICES), "--listen", f"{{folder}}/{CHANGES}")
    with house(options, name, *arguments) as served, ExitStack() as stack:
        changes = served.folder / CHANGES
        ours = Stand(
            OURS, served.port, served.pid, changes, served.token, served.home_id, cursor=True
        )
        messages = ours.messages()
        told = served.folder / "message.json"
        told.write_text(messages[0], encoding="utf-8")
        stands = [ours]
        for peer in possible(peers, NODE):
            folder = served.folder / peer
            folder.mkdir()
            line = folder / CHANGES
            words, production = command(peer, told, line), {"NODE_ENV": "production"}
            ready = stack.enter_context(serving(words, production, folder, options.cores.server))
            own_id = peer not in ALL_ALIKE
            stand = Stand(
                peer, ready["port"], ready["pid"], line, "", served.home_id, own_id=own_id
            )
            check(peer, messages[0], stand.messages())
            stands.append(stand)
        yield stands


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
    first, second = (_read(text) for text in theirs)
    if _shown(first) != _shown(_read(ours)):
        sentence = f"{peer} sends {theirs[0]}, and we send {ours}"
        raise Failed(sentence)
    if _shown(second) != _shown(first) or second["id"] == first["id"]:
        sentence = f"{peer} sends {theirs[0]}, and then {theirs[1]}."
        raise Failed(sentence)
    if peer in ALL_ALIKE and {len(text) for text in theirs} != {len(ours)}:
        sentence = f"{peer} sends {len(theirs[0])} characters, and we send {len(ours)}."
        raise Failed(sentence)


def _read(text: str) -> dict[str, Any]:
    message = orjson.loads(text)
    if message["type"] != "next" or "errors" in message["payload"]:
        raise Failed(text)
    event: dict[str, Any] = message["payload"]["data"]["deviceStatusChanged"]
    return event


def _shown(event: dict[str, Any]) -> dict[str, Any]:
    """An event without what is another in each: it is of the same device, in the same words."""
    device = {name: type(value) for name, value in event["device"].items()}
    state = {name: type(value) for name, value in event["state"].items()}
    kinds = {name: type(event[name]) for name in ("id", "sequence", "occurredAt")}
    return {**event, **kinds, "device": device, "state": state}
