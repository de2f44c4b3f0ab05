"""Registration by program (RFC 7591), and what a client does about its own (RFC 7592).

Authlib's two endpoints would save within their one transaction. A client is a fact of the access
log, which the committer writes, and all else that they do is to be overridden: reading the metadata
(`app.oauth.profiles` says why), 401 where they answer `access_denied`, secrets for public clients.
So what is used of them is their errors.

No page of another origin has a part in this: it is between servers, and there is no CORS for it.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from authlib.oauth2.rfc6749 import OAuth2Error
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.compose import House
from app.oauth.logbook import Logbook
from app.oauth.metadata import REGISTER
from app.oauth.profiles import members_of, profile_of, refused, replaced_of, told_of
from app.oauth.replies import received, replied, source_of, unavailable
from core.domain.audit import ANONYMOUS, Actor, Kind
from core.domain.clients import INITIAL, REGISTRATION, Registered
from core.domain.errors import Invalid, LatchkeyError, Unauthenticated

MOST_BYTES: Final = 100_000
"""Of a body: a logo, keys and redirect URIs at their longest, and some room."""
HEADERS: Final = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]


@dataclass(slots=True)
class Caller:
    """Who asks: from where, by which token, and once that is known, as which client."""

    request: Request
    source: str
    who: Actor = ANONYMOUS

    @property
    def shown(self) -> str:
        """What they show in the Authorization header; nothing else counts (RFC 6750 §2.1)."""
        scheme, _, token = self.request.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def token(self, prefix: str) -> str:
        """The token that they show.

        Raises:
            Unauthenticated: it is none of this kind.
        """
        shown = self.shown
        if not re.fullmatch(f"{prefix}[A-Za-z0-9_-]{{43}}", shown, re.ASCII):
            sentence = f"Show a token that begins with {prefix} as Authorization: Bearer."
            raise Unauthenticated(sentence)
        return shown


Act = Callable[[Caller], Awaitable[Response]]


class Registrar:
    """`/oauth/register` and what is below it."""

    def __init__(self, house: House) -> None:
        """Register clients in this house."""
        self._registrations = house.services.registrations
        self._seconds = house.settings.request_seconds
        self._url = house.settings.public_url + REGISTER
        self._house = house

    def routes(self) -> list[Route]:
        """The routes."""
        return [
            self._route(REGISTER, POST=(Kind.CLIENT_CREATE, self.register)),
            self._route(
                f"{REGISTER}/{{client_id}}",
                GET=(None, self.read),
                PUT=(Kind.CLIENT_CHANGE, self.change),
                DELETE=(Kind.CLIENT_DISABLE, self.remove),
            ),
        ]

    async def register(self, caller: Caller) -> Response:
        """A new client (RFC 7591 §3). Who was not invited is not even read."""
        token = caller.token(INITIAL)
        await self._registrations.check(token)
        profile = profile_of(await self._members(caller))
        return self._told(201, await self._registrations.register(token, profile))

    async def read(self, caller: Caller) -> Response:
        """The client as it is (RFC 7592 §2.1)."""
        return self._told(200, await self._known(caller))

    async def change(self, caller: Caller) -> Response:
        """The client as it says that it is now (RFC 7592 §2.2)."""
        found = await self._known(caller)
        profile, secret = replaced_of(await self._members(caller), found)
        return self._told(200, await self._registrations.change(found, profile, secret))

    async def remove(self, caller: Caller) -> Response:
        """No client any more (RFC 7592 §2.3)."""
        await self._registrations.remove(await self._known(caller))
        return Response(status_code=204, headers={"Cache-Control": "no-store"})

    async def _known(self, caller: Caller) -> Registered:
        """The client whose registration the token is for."""
        client_id = caller.request.path_params["client_id"]
        found = await self._registrations.find(client_id, caller.token(REGISTRATION))
        caller.who = Actor(found.client.id)
        return found

    async def _members(self, caller: Caller) -> dict[str, Any]:
        kind = caller.request.headers.get("content-type")
        return members_of(kind, await received(caller.request, self._seconds, MOST_BYTES))

    def _told(self, status: int, found: Registered) -> Response:
        return replied((status, told_of(found, self._url), HEADERS))

    def _route(self, path: str, **acts: tuple[Kind | None, Act]) -> Route:
        """A route by method: what an error refuses, and what is to be done."""
        notes, throttle = self._house.services.audit, self._house.throttle
        logs = {method: Logbook(notes, throttle, kind) for method, (kind, _) in acts.items()}

        async def answer(request: Request) -> Response:
            method = "GET" if request.method == "HEAD" else request.method
            caller = Caller(request, source_of(request))
            return await _answered(caller, logs[method], acts[method][1])

        return Route(path, answer, methods=list(acts))


async def _answered(caller: Caller, log: Logbook, act: Act) -> Response:
    try:
        log.check(caller.source)
        return await act(caller)
    except Unauthenticated as error:
        log.refuse("invalid_token", caller.who, caller.source)
        return _unproven(error, shown=bool(caller.shown))
    except Invalid as error:
        return _wrong(log, caller, refused(error))
    except OAuth2Error as error:
        return _wrong(log, caller, error)
    except LatchkeyError as error:
        return unavailable(error)


def _wrong(log: Logbook, caller: Caller, error: Any) -> Response:
    log.refuse(error.error, caller.who, caller.source)
    return replied(error())


def _unproven(error: Unauthenticated, *, shown: bool) -> Response:
    """RFC 6750 §3: who showed nothing is told no error in the challenge."""
    challenge = 'Bearer realm="latchkey"' + (', error="invalid_token"' if shown else "")
    body = {"error": "invalid_token", "error_description": str(error)}
    return replied((401, body, [*HEADERS, ("WWW-Authenticate", challenge)]))
