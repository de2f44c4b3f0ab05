"""The post: what a courier hands requests to, whoever gets them out."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from webhooks.replies import Reply

Still = Callable[[], Awaitable[bool]]
"""Whether a request may go even now."""


class Post(Protocol):
    """Gets one request out, and says what the receiver did with it (`webhooks.sender.Sender`)."""

    def place(self, url: str) -> AbstractAsyncContextManager[None]:
        """A place for one request to this URL's host, each time that it is entered."""

    async def send(
        self, url: str, headers: Mapping[str, str], body: bytes, still: Still
    ) -> Reply | None:
        """Send it, from who has a place.

        Where that begins with waiting for a connection, `still` is asked once there is one; None
        tells that nothing was sent, as it may no longer.
        """
