"""An address to listen on."""

import sys
from socket import IPPROTO_TCP, TCP_NODELAY, create_server, socket as Listener  # noqa: N812 - "socket" is a WebSocket here
from typing import Final

from core.domain.errors import Unavailable

BACKLOG: Final = 2_048


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
    return without_delay(listener)


def handed(number: int) -> Listener:
    """The listening socket that a parent has handed to this process."""
    return without_delay(Listener(fileno=number))


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


def without_delay(listener: Listener) -> Listener:
    """The socket, with answers that do not wait for more to send.

    asyncio sees to it only on sockets that name their protocol; without it, they wait 40 ms.
    """
    listener.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
    return listener
