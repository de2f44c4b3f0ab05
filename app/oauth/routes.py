"""The routes of the authorization server, and the bridge from Starlette to Authlib and back."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.compose import House
from app.oauth import metadata
from app.oauth.asked import MOST_BYTES, Asked, form_pairs
from app.oauth.asking import PUSHED, authorize, checked
from app.oauth.codes import CodeGrant, Pkce
from app.oauth.devices import DeviceEndpoint, DeviceGrant
from app.oauth.keys import take_proof
from app.oauth.logbook import Logbook
from app.oauth.own import OwnGrant
from app.oauth.refresh import RefreshGrant
from app.oauth.registration import Registrar
from app.oauth.replies import received, replied, source_of, unavailable
from app.oauth.server import Answer, Case, Server, WritesError
from app.oauth.tokens import Introspection, Revocation
from core.domain.accounts import Flow
from core.domain.audit import Kind
from core.domain.authorizations import REQUEST_SECONDS
from core.domain.errors import LatchkeyError
from core.domain.sources import network
from core.store.oauth import Rows
from core.tokens import digest, new_secret

JSON: Final = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
Work = Callable[[Asked, Case], Answer]
KINDS: Final = {metadata.TOKEN: Kind.TOKEN_ISSUE, metadata.REVOKE: Kind.TOKEN_REVOKE}
"""What a refusal at an endpoint refused, besides knowing the client."""
KEEPING: Final = {metadata.PAR, metadata.DEVICE}
"""Endpoints that keep what anybody may send in a public client's name: not too much of it."""

shared: Final = partial(
    CORSMiddleware,
    # An app in a browser is a public client like any other; no cookie counts here.
    allow_origins=["*"],
    allow_methods=["GET", "POST"],
    allow_headers=["Authorization", "Content-Type", "DPoP"],
    max_age=86_400,
)


def routes(house: House) -> list[Route]:
    """Every route of the authorization server of this house."""
    issuer, tokens = house.settings.public_url, house.tokens
    within = urlsplit(issuer).path  # which stands behind a well-known name (RFC 8414 §3.1)
    server = metadata.server_metadata(issuer)
    resource = metadata.resource_metadata(issuer, tokens.audience)
    posts: dict[str, Work] = {
        metadata.PAR: _pushed,
        metadata.TOKEN: _token,
        metadata.DEVICE: partial(_endpoint, DeviceEndpoint),
        metadata.REVOKE: partial(_endpoint, Revocation),
        metadata.INTROSPECT: partial(_endpoint, Introspection),
    }
    gets: dict[str, Callable[[], Any]] = {
        metadata.SERVER: lambda: server,
        f"{metadata.SERVER}{within}": lambda: server,
        metadata.RESOURCE: lambda: resource,
        # Where a client looks that makes the place from the API's own URL (RFC 9728 §3.1).
        f"{metadata.RESOURCE}{within}/graphql": lambda: resource,
        metadata.JWKS: lambda: {"keys": house.ring.published()},
    }
    return [
        Route(metadata.AUTHORIZE, partial(authorize, house), methods=["GET"]),
        *(opened(path, "POST", _posted(house, path, work)) for path, work in posts.items()),
        *(opened(path, "GET", _told(tell)) for path, tell in gets.items()),
        *Registrar(house).routes(),
    ]


def opened(path: str, method: str, answer: Callable[[Request], Awaitable[Response]]) -> Route:
    """A route for pages of any origin: what browsers ask first, they ask by another method."""
    route = Route(path, answer, methods=[method])
    return Route(path, shared(route.handle))


def _token(asked: Asked, case: Case) -> Answer:
    server = Server(case)
    server.register_grant(CodeGrant, [Pkce()])
    server.register_grant(RefreshGrant)
    server.register_grant(OwnGrant)
    server.register_grant(DeviceGrant)
    return server.create_token_response(asked)


def _endpoint(kind: Any, asked: Asked, case: Case) -> Answer:
    server = Server(case)
    server.register_endpoint(kind)
    answer: Answer = server.create_endpoint_response(kind.ENDPOINT_NAME, asked)
    return answer


def _pushed(asked: Asked, case: Case) -> Answer:
    """Keep a request that its client sent ahead (RFC 9126 §2): the browser then only names it."""
    server = Server(case)
    try:
        server.authenticate_client(asked, (), "par")
        if "request_uri" in asked.payload.data:
            raise InvalidRequestError("A pushed request cannot name another.")
        if "client_id" not in asked.payload.data:  # besides the proof (RFC 9126 §2.1)
            raise InvalidRequestError("Missing 'client_id' in request.")
        request = checked(server, asked)
    except OAuth2Error as error:
        # Told to the client itself, and not by way of a browser (RFC 9126 §2.3).
        error.redirect_uri = error.state = None
        return server.handle_response(*error())
    request_id = new_secret()
    case.rows.put_request(digest(request_id), request, case.now)
    seconds = int(REQUEST_SECONDS.total_seconds())
    return 201, {"request_uri": f"{PUSHED}{request_id}", "expires_in": seconds}, JSON


def _told(tell: Callable[[], Any]) -> Callable[[Request], Awaitable[Response]]:
    """A document that anybody may read and keep for a while, but not longer than a key rests."""

    async def answer(request: Request) -> Response:
        del request
        kept = {"Cache-Control": "public, max-age=5"}
        return Response(orjson.dumps(tell()), 200, kept, "application/json")

    return answer


def _posted(house: House, path: str, work: Work) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint that takes a form and answers in JSON."""
    log = Logbook(house.services.audit, house.throttle, KINDS.get(path))

    async def answer(request: Request) -> Response:
        source = source_of(request)
        try:
            log.check(source)
            told, case = await _decided(house, path, work, request)
        except OAuth2Error as error:
            told, case = error(), None
        except LatchkeyError as error:
            return unavailable(error)
        log.note(told, case, source)
        return replied(told)

    return answer


async def _decided(house: House, path: str, work: Work, request: Request) -> tuple[Answer, Case]:
    """What `work` decides in one transaction; then what it found must end is ended."""
    body = await received(request, house.settings.request_seconds, MOST_BYTES)
    pairs = form_pairs(request.headers.get("content-type"), body)
    if len(request.headers.getlist("authorization")) > 1:
        raise InvalidRequestError("Prove who you are in one way: one Authorization header.")
    asked = Asked("POST", house.settings.public_url + path, request.headers, pairs)
    if asked.payload.repeated:
        raise InvalidRequestError("A parameter is sent more than once.")
    take_proof(path, asked, request.headers.getlist("dpop"), house.clock.now())
    if path in KEEPING and asked.proves_nothing:
        await house.throttle.take("authorize", network(source_of(request)))

    def decide(rows: Rows, *, looks: bool) -> tuple[Answer, Case]:
        case = Case(house, rows, house.clock.now(), looks=looks)
        return work(asked, case), case

    async def decided() -> tuple[Answer, Case]:
        if _only_looks(path, asked):
            with suppress(WritesError):
                return await house.oauth.look(partial(decide, looks=True))
        return await house.oauth.do(partial(decide, looks=False))

    answer, case = await decided()
    for end in case.ends:
        await house.services.grants.end_tokens(end.grant_id, end.id, end.until)
    return answer, case


def _only_looks(path: str, asked: Asked) -> bool:
    """Whether nothing will be written, or mostly: then it need not wait for who writes."""
    if "client_assertion" in asked.form or asked.proof is not None:
        return False  # which is remembered, so that it is shown once
    looking = asked.payload.grant_type in {Flow.CREDENTIALS, Flow.DEVICE}
    return path in {metadata.INTROSPECT, metadata.REVOKE} or (path == metadata.TOKEN and looking)
