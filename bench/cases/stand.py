"""A server that many sockets will watch, ours or a peer: how it is asked, and a first look."""

import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from bench.contest import Failed, Options
from bench.load.http import HOST
from bench.load.plan import Plan

DOCUMENT: Final = """
subscription Watch($home: ID!) {
  deviceStatusChanged(homeId: $home) {
    id sequence occurredAt changed device { id name } state { on brightness }
  }
}
"""
PROTOCOL: Final = "graphql-transport-ws"
KEY: Final = "subscriber-00000"
"""An operation's id, as long as those of the load."""
ANSWER_SECONDS: Final = 0.5
TRIES: Final = 20


@dataclass(frozen=True, slots=True)
class Stand:
    """A server that is ready; each byte on the socket at `changes` asks it for an event."""

    name: str
    port: int
    pid: int
    changes: Path
    token: str
    home_id: str
    cursor: bool = False
    """Whether its messages have cursors."""
    own_id: bool = True
    """Whether its messages have the id of the operation that they are for."""

    def plan(self, options: Options, sockets: int, burst: int) -> Plan:
        """The load of so many sockets, at which events come in bursts."""
        return Plan(
            work="crowd",
            port=self.port,
            token=self.token,
            document=DOCUMENT,
            variables={"home": self.home_id},
            workers=1,
            seconds=options.seconds,
            pid=self.pid,
            pace="series",
            more={
                "sockets": sockets,
                "burst": burst,
                "changes": str(self.changes),
                "cursor": self.cursor,
                "own_id": self.own_id,
            },
        )

    def messages(self) -> list[str]:
        """Two messages in a row, as a subscriber gets them.

        Raises:
            Failed: none comes.
        """
        address = f"ws://{HOST}:{self.port}/graphql"
        found: list[str] = []
        try:
            with connect(address, subprotocols=[PROTOCOL]) as line:  # type: ignore[list-item]  # a NewType of str
                self._subscribe(line)
                for _ in range(TRIES):  # it says nothing when the subscription has begun
                    self.change()
                    if (message := _next(line)) is not None:
                        found.append(message)
                    if len(found) == 2:
                        return found
        except (OSError, WebSocketException) as error:
            sentence = f"{self.name} ended a subscription: {error}"
            raise Failed(sentence) from error
        sentence = f"{self.name} was asked for {TRIES} events, and sent {found}."
        raise Failed(sentence)

    def change(self) -> None:
        """Ask for an event."""
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(str(self.changes))
            line.sendall(b"\n")

    def _subscribe(self, line: ClientConnection) -> None:
        shown = {"authorization": f"Bearer {self.token}"}
        asked = {"query": DOCUMENT, "variables": {"home": self.home_id}}
        line.send(_text({"type": "connection_init", "payload": shown}))
        line.recv(ANSWER_SECONDS * TRIES)
        line.send(_text({"id": KEY, "type": "subscribe", "payload": asked}))


def _next(line: ClientConnection) -> str | None:
    try:
        return str(line.recv(ANSWER_SECONDS, decode=True))
    except TimeoutError:
        return None


def _text(message: dict[str, Any]) -> str:
    return orjson.dumps(message).decode()
