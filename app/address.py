"""An address to listen on."""

import socket
import sys
from socket import IPPROTO_TCP, TCP_NODELAY, create_server, socket as Listener  # noqa: N812 - "socket" is a WebSocket here
from typing import Final

from core.domain.errors import Unavailable

BACKLOG: Final = 2_048
TAKES_MS: Final = 60_000
"""How long a peer may take nothing of what was sent to it."""


def bound(host: str, port: int, *, shared: bool = False) -> Listener:
    """A listening socket; port 0 takes any free one. What is `shared` others may listen on too.

    Raises:
        Unavailable: the address is taken or not ours.
    """
    try:
        listener = create_server((host, port), backlog=BACKLOG, reuse_port=shared)
    except OSError as error:
        sentence = f"Cannot listen on {host}:{port}: {error.strerror}. Choose another with --port."
        raise Unavailable(sentence) from error
    return settled(listener)


def handed(number: int) -> Listener:
    """The listening socket that a parent has handed to this process."""
    return settled(Listener(fileno=number))


def spread(host: str, port: int, count: int) -> list[Listener]:
    """A listening socket for each of so many processes, all at one address.

    On Linux each is one of its own (SO_REUSEPORT), and the kernel spreads connections evenly over
    them. From one that all share, the idlest would take them by the hundred, and WebSockets last
    for weeks. Elsewhere SO_REUSEPORT spreads nothing, and all share one.

    Raises:
        Unavailable: the address is taken, be it by processes that share it, or not ours.
    """
    alone = bound(host, port)
    if sys.platform != "linux":
        return [alone] * count
    port = alone.getsockname()[1]
    alone.close()
    return [bound(host, port, shared=True) for _ in range(count)]


def settled(listener: Listener) -> Listener:
    """The socket, with what its connections are to have from it.

    Answers do not wait for more to send: asyncio sees to it only on sockets that name their
    protocol, and without it they wait 40 ms. A peer that takes nothing of what was sent to it is
    left (RFC 5482, where the system has it): otherwise it would keep its connection, which cannot
    be closed before all of that is gone.
    """
    listener.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    if sys.platform == "linux":
        listener.setsockopt(IPPROTO_TCP, socket.TCP_USER_TIMEOUT, TAKES_MS)
    return listener
