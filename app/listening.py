"""`/webhooks/listen`: a socket over which deliveries go to who listens elsewhere."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.authentication import Authenticator, Caller
from app.compose import House
from core import observe
from core.domain import schedule
from core.domain.accounts import Viewer
from core.domain.errors import (
    Invalid,
    LatchkeyError,
    Limited,
    Refused,
    Unauthenticated,
    Unavailable,
)
from core.domain.grants import Scope as Access
from schema.errors import refusal
from subscriptions.protocol import Close, reason
from subscriptions.session import RESTARTS, SILENT, SILENT_BEATS
from subscriptions.sessions import Sessions
from webhooks import protocol
from webhooks.listener import Line, Listener
from webhooks.office import Office
from webhooks.recorder import Recorder

log = observe.logger(__name__)

LOOK_SECONDS: Final = 1.0
"""Between two looks at whether who listens still may."""
SLACK_SECONDS: Final = 1.0
"""So much longer than a receiver may take it takes at most until an answer is here."""
DONE: Final = 1000
BROKEN: Final = 1011


def listen_route(house: House, authenticate: Authenticator, sessions: Sessions) -> WebSocketRoute:
    """The route on a house; nobody new is taken in while `sessions` are drained."""

    async def serve(socket: WebSocket) -> None:
        await socket.accept()
        if sessions.draining:
            await socket.close(Close.RESTART, RESTARTS)
            return
        caller = Caller(socket.scope, authenticate, house.services.audit)
        await _Conversation(house, socket, caller).run()

    return WebSocketRoute(protocol.PATH, serve)


class _Conversation:
    """One connection, from when it was accepted."""

    def __init__(self, house: House, socket: WebSocket, caller: Caller) -> None:
        self._house = house
        self._socket = socket
        self._caller = caller
        self._heard_at = house.clock.monotonic()
        self._line = Line(
            self._say, house.settings.webhook_timeout_seconds + SLACK_SECONDS, house.clock
        )

    async def run(self) -> None:
        """Serve it to its end."""
        try:
            await self._serve()
        except (OSError, WebSocketDisconnect):
            return
        except LatchkeyError as error:
            told = {"type": "error", **_told(error)}
            await self._end(_code(error), str(error), told)
        except Exception:
            log.exception("listener_failed")
            await self._end(BROKEN, "Something went wrong here; it is not your fault.")

    async def _serve(self) -> None:
        self._viewer = await self._known(self._caller.header(b"authorization"))
        listener = await self._begun()
        works = [
            asyncio.create_task(work(), name=work.__qualname__)
            for work in (listener.run, self._hear, self._watch)
        ]
        try:
            done, _ = await asyncio.wait(works, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in works:
                task.cancel()
            await asyncio.gather(*works, return_exceptions=True)
        for task in done:
            task.result()

    async def _begun(self) -> Listener:
        """Make the endpoint that the first message asks for, and say which it is."""
        house, settings = self._house, self._house.settings
        try:
            async with asyncio.timeout(settings.init_timeout_seconds):
                message = protocol.read(await self._heard())
        except TimeoutError:
            sentence = f"Nothing came within {settings.init_timeout_seconds:g} s."
            raise Limited(sentence) from None
        definition, secret = protocol.wanted(message)
        services, clock = house.services, house.clock
        outbox = services.outbox.another()
        asked_at = clock.monotonic()
        issued = await services.endpoints.create(self._viewer, definition, outbox.life, secret)
        office = Office(
            outbox,
            self._line,
            Recorder(outbox, clock),
            schedule.parsed(settings.webhook_schedule),
            settings.webhook_timeout_seconds + SLACK_SECONDS,
            clock,
            house.ids,
        )
        parts = self._line, office, services.planner, services.endpoints
        listener = Listener(issued.held, self._viewer, *parts, asked_at)
        self._began = {
            "type": "listening",
            "endpoint": {"id": issued.held.endpoint.id, "url": issued.held.endpoint.url},
            "secret": issued.secret,
            "seconds": settings.webhook_timeout_seconds,
        }
        return listener

    async def _known(self, shown: str | None) -> Viewer:
        """Who shows this token, if they may listen.

        Raises:
            Unauthenticated: it does not hold, or there is none.
            Refused: it does not open endpoints.
        """
        viewer = await self._caller(shown)
        if viewer is None:
            sentence = "Show an access token: `Authorization: Bearer …`."
            raise Unauthenticated(sentence)
        return _allowed(viewer)

    async def _heard(self) -> str:
        message = await self._socket.receive()
        self._heard_at = self._house.clock.monotonic()
        if message["type"] != "websocket.receive":
            raise WebSocketDisconnect(message.get("code", DONE))
        text: str | None = message.get("text")
        if text is None:
            sentence = "Messages are text frames, not binary ones."
            raise Invalid(sentence)
        return text

    async def _hear(self) -> None:
        """Take in what is said, until the other side goes."""
        await self._say(self._began)
        while True:
            message = protocol.read(await self._heard())
            match message["type"]:
                case "answer":
                    self._line.answer(*protocol.answered(message))
                case "token":
                    await self._renew(message.get("authorization"))
                case "pong":
                    pass
                case strange:
                    sentence = f"There is no message type {strange[:40]!r} here."
                    raise Invalid(sentence)

    async def _renew(self, shown: object) -> None:
        """Go on under a new token of the same client."""
        viewer = await self._known(shown if isinstance(shown, str) else None)
        if viewer.client.id != self._viewer.client.id:
            sentence = "This is a token of another client: open another connection with it."
            raise Refused(sentence)
        self._viewer = viewer

    async def _watch(self) -> None:
        """End it for who may not listen any more, and for who is not there any more."""
        clock, beat = self._house.clock, self._house.settings.heartbeat_seconds
        pinged_at = clock.monotonic()
        while True:
            await clock.sleep(min(LOOK_SECONDS, beat))
            try:
                _allowed(self._house.access.again(self._viewer))
            except Unavailable:
                continue  # nobody can know now, and nothing is sent meanwhile
            now = clock.monotonic()
            if now - self._heard_at >= SILENT_BEATS * beat:
                raise Limited(SILENT)
            if now - pinged_at >= beat:
                pinged_at = now
                await self._say({"type": "ping"})

    async def _say(self, message: Mapping[str, Any]) -> None:
        """Send a message.

        Raises:
            OSError: the connection is over.
        """
        try:
            await self._socket.send_text(orjson.dumps(message).decode())
        except (RuntimeError, WebSocketDisconnect) as error:
            raise ConnectionResetError from error

    async def _end(self, code: int, sentence: str, told: Mapping[str, Any] | None = None) -> None:
        try:
            async with asyncio.timeout(LOOK_SECONDS):
                if told is not None:
                    await self._say(told)
                await self._socket.close(code, reason(sentence))
        except (OSError, RuntimeError, TimeoutError, WebSocketDisconnect):
            return


def _allowed(viewer: Viewer) -> Viewer:
    needed = Access.WEBHOOKS_MANAGE
    if needed not in viewer.scopes:
        sentence = f"Listening needs the scope {needed.value}, which this access token lacks."
        raise Refused(sentence, (needed.value,))
    return viewer


def _told(error: LatchkeyError) -> dict[str, Any]:
    shown = refusal(error)
    return {"message": shown["message"], **shown["extensions"]}


def _code(error: LatchkeyError) -> int:
    match error:
        case Unauthenticated():
            return Close.UNAUTHORIZED if error.taken_back else Close.FORBIDDEN
        case Refused():
            return Close.FORBIDDEN
        case Invalid():
            return Close.MALFORMED
        case Unavailable() | Limited():
            return Close.TRY_LATER
    return DONE
