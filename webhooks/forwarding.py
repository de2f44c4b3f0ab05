"""Forwarding: the other end of a listener, on the machine of who listens.

It asks the API for a temporary endpoint, posts what comes to a URL of its own as a worker would,
and says what became of it. A connection that breaks is made again, with the same secret.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from random import random
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    ClientWebSocketResponse,
    WSMsgType,
    WSServerHandshakeError,
    encode_basic_auth,
)

from core.domain.addresses import networks
from core.domain.errors import Invalid, LatchkeyError, Limited, Refused, Unavailable
from core.domain.time import SystemClock
from webhooks import protocol
from webhooks.guard import Guard
from webhooks.replies import Reply
from webhooks.sender import Sender

SCOPE: Final = "webhooks:manage"
EVERYWHERE: Final = "0.0.0.0/0,::/0"
"""Who listens says themselves where it goes; nobody else has a say in it."""
CONNECT_SECONDS: Final = 10.0
HEARTBEAT_SECONDS: Final = 20.0
FIRST_WAIT, LONGEST_WAIT = 0.5, 30.0
RENEW_PART: Final = 0.5
"""Of a token's time, after which it is changed for a new one."""
_RETRIED: Final = frozenset({"UNAVAILABLE", "RATE_LIMITED", "INTERNAL"})
_TOO_LARGE: Final = 1009


@dataclass(frozen=True, slots=True)
class Token:
    """An access token, and for how many seconds it holds, where that is known."""

    text: str
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Credentials:
    """Those of a client, which get it tokens (RFC 6749 §4.4)."""

    client_id: str
    client_secret: str


class Forwarder:
    """`run` is its life: until cancelled, or refused for good."""

    def __init__(
        self,
        api: str,
        who: Token | Credentials,
        forward_to: str,
        wanted: Mapping[str, Any],
        tell: Callable[[str], None],
        secret: str | None = None,
    ) -> None:
        """`wanted` is what an endpoint is given but its URL. What happens is told, line by line.

        Raises:
            Invalid: one of the URLs is none.
        """
        self._api = _base(api)
        self._who = who
        self._forward_to = forward_to
        self._guard = Guard(networks(EVERYWHERE))
        try:
            self._guard.target(forward_to)
        except Invalid as error:
            sentence = f"--forward-to {forward_to}: {error}"
            raise Invalid(sentence) from None
        self._wanted = {"url": forward_to.partition("?")[0], **wanted}
        self._tell = tell
        self._secret = secret
        self._known = secret is not None
        self._broken = 0
        self.endpoint_id: str | None = None
        """Of the endpoint that there is now."""

    async def run(self) -> None:
        """Listen, again and again.

        Raises:
            LatchkeyError: the API refuses it, or was not there when this began.
        """
        async with ClientSession() as session:
            while True:
                try:
                    await self._listen(session)
                    why = "the API ended the connection"
                except Unavailable as error:
                    if self.endpoint_id is None:
                        raise
                    why = str(error)
                wait = min(LONGEST_WAIT, FIRST_WAIT * 2**self._broken) * (0.5 + random())  # noqa: S311 - spreads clients
                self._broken += 1
                self._tell(f"Broken off: {why.rstrip('.')}. Trying again in {wait:.1f} s.")
                await asyncio.sleep(wait)

    async def _listen(self, session: ClientSession) -> None:
        """One connection, until it breaks."""
        token = await self._token(session)
        url = self._api.replace("http", "ws", 1) + protocol.PATH
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                socket = await session.ws_connect(
                    url,
                    headers={"Authorization": f"Bearer {token.text}"},
                    heartbeat=HEARTBEAT_SECONDS,
                    max_msg_size=protocol.MOST_BYTES,
                )
        except WSServerHandshakeError as error:
            raise _refusal(self._api, error.status) from error
        except (ClientError, OSError) as error:
            sentence = f"Nothing answers at {self._api}: {_why(error)}."
            raise Unavailable(sentence) from error
        async with socket:
            with suppress(ConnectionError):
                await self._talk(session, socket, token)

    async def _talk(
        self, session: ClientSession, socket: ClientWebSocketResponse, token: Token
    ) -> None:
        await _say(socket, {"type": "listen", "input": self._wanted, "secret": self._secret})
        message = await self._heard(socket)
        if message is None:
            return
        self._begun(message)
        sender = Sender(self._guard, SystemClock(), seconds=message["seconds"])
        tasks = {asyncio.create_task(self._renew(session, socket, token))}
        try:
            while (message := await self._heard(socket)) is not None:
                if message["type"] == "ping":
                    await _say(socket, {"type": "pong"})
                elif message["type"] == "delivery":
                    task = asyncio.create_task(self._forward(socket, sender, message))
                    tasks.add(task)
                    task.add_done_callback(tasks.discard)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await sender.close()

    def _begun(self, message: Mapping[str, Any]) -> None:
        self._broken = 0
        self.endpoint_id = message["endpoint"]["id"]
        self._secret = message["secret"]
        self._tell(f"endpoint: {self.endpoint_id}")
        if not self._known:
            self._tell(f"secret: {self._secret}")
            self._tell(f"Deliveries are posted to {self._forward_to} until Ctrl-C.")
            self._known = True

    async def _heard(self, socket: ClientWebSocketResponse) -> dict[str, Any] | None:
        """The next message; None once the connection is over.

        Raises:
            LatchkeyError: the API refuses to go on.
        """
        found = await socket.receive()
        if found.type is not WSMsgType.TEXT:
            if socket.close_code == _TOO_LARGE:
                raise Invalid("The document and its variables are too large for one message.")
            return None
        message = protocol.read(found.data)
        if message["type"] == "error":
            kind = Unavailable if message.get("code") in _RETRIED else Refused
            raise kind(str(message.get("message")))
        return message

    async def _forward(
        self, socket: ClientWebSocketResponse, sender: Sender, message: Mapping[str, Any]
    ) -> None:
        """Make one request here, and say what became of it, there and here."""
        body = message["body"].encode()
        try:
            reply = await sender.post(self._forward_to, message["headers"], body)
        except Unavailable as error:
            reply = Reply(None, 0.0, error=str(error))
        with suppress(ConnectionError):
            await _say(socket, protocol.answer(message["id"], reply))
        said = str(reply.status) if reply.status else reply.error
        at = datetime.now().astimezone()
        self._tell(f"{at:%H:%M:%S}  {_type(body)}  {said}  {reply.seconds * 1_000:.0f} ms")

    async def _token(self, session: ClientSession) -> Token:
        """A token to show.

        Raises:
            Refused: the client's credentials are not good for one.
            Unavailable: the API does not answer.
        """
        if isinstance(self._who, Token):
            return self._who
        basic = encode_basic_auth(self._who.client_id, self._who.client_secret)
        form = {"grant_type": "client_credentials", "scope": SCOPE}
        try:
            async with session.post(
                f"{self._api}/oauth/token",
                data=form,
                headers={"Authorization": basic},
                timeout=ClientTimeout(CONNECT_SECONDS),
                allow_redirects=False,
            ) as response:
                answer = await response.json(content_type=None)
                status = response.status
        except (ClientError, OSError, ValueError) as error:
            sentence = f"No token could be had at {self._api}: {_why(error)}."
            raise Unavailable(sentence) from error
        if status >= 500:  # noqa: PLR2004 - the server's fault, by its class
            raise Unavailable(f"No token could be had at {self._api}: it answered {status}.")
        if status != 200 or not isinstance(answer, dict):  # noqa: PLR2004 - granted
            why = answer.get("error_description") or answer.get("error") if answer else status
            raise Refused(f"The client got no token: {why}")
        return Token(str(answer["access_token"]), float(answer["expires_in"]))

    async def _renew(
        self, session: ClientSession, socket: ClientWebSocketResponse, token: Token
    ) -> None:
        """Show a new token before the one before is over, where a client can have one."""
        while token.seconds is not None:
            await asyncio.sleep(token.seconds * RENEW_PART)
            try:
                token = await self._token(session)
            except LatchkeyError:  # then it ends, and the next connection says why
                return
            await _say(socket, {"type": "token", "authorization": f"Bearer {token.text}"})


async def _say(socket: ClientWebSocketResponse, message: Mapping[str, Any]) -> None:
    await socket.send_str(orjson.dumps(message).decode())


def _base(api: str) -> str:
    """The API's address, without what is put after it.

    Raises:
        Invalid: it is none, or a token would travel to it in clear.
    """
    parts = urlsplit(api)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        sentence = f"--api {api} is no address: it looks like https://api.example.com."
        raise Invalid(sentence)
    if parts.scheme == "http" and parts.hostname not in _HERE:
        sentence = f"--api {api}: begin it with https://, since tokens must not travel in clear."
        raise Invalid(sentence)
    return api.rstrip("/").removesuffix("/graphql")


def _refusal(api: str, status: int) -> LatchkeyError:
    if status >= 500:  # noqa: PLR2004 - the server's fault, by its class
        return Unavailable(f"{api} answered {status}.")
    if status == 429:  # noqa: PLR2004 - too many
        return Limited(f"{api} takes no more connections now.")
    return Refused(f"{api} answered {status} instead of listening: is it the address of this API?")


def _why(error: Exception) -> str:
    return "no answer in time" if isinstance(error, TimeoutError) else str(error)


def _type(body: bytes) -> str:
    try:
        return str(orjson.loads(body)["type"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "(no type)"


_HERE: Final = frozenset({"127.0.0.1", "localhost", "::1"})
