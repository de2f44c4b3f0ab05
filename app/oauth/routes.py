"""The routes of the authorization server, and the bridge from Starlette to Authlib and back."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final

import orjson
from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from app import errors
from app.compose import House
from app.oauth import metadata
from app.oauth.asked import Asked, form_pairs
from app.oauth.codes import CodeGrant, Pkce
from app.oauth.keys import take_proof
from app.oauth.logbook import Logbook
from app.oauth.own import OwnGrant
from app.oauth.parties import scopes_of
from app.oauth.refresh import RefreshGrant
from app.oauth.server import Answer, Case, Server
from app.oauth.tokens import Introspection, Revocation
from app.pages.press import page
from core.domain.accounts import Flow
from core.domain.audit import Kind
from core.domain.authorizations import REQUEST_SECONDS, AuthorizationRequest, answered
from core.domain.errors import LatchkeyError, Limited, Missing, Unavailable
from core.domain.sources import network
from core.store.oauth import Rows
from core.tokens import digest, new_secret

CONSENT: Final = "/consent"
MOST_BYTES: Final = 32_000
JSON: Final = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
PUSHED: Final = "urn:ietf:params:oauth:request_uri:"
Work = Callable[[Asked, Case], Answer]
KINDS: Final = {metadata.TOKEN: Kind.TOKEN_ISSUE, metadata.REVOKE: Kind.TOKEN_REVOKE}
"""What a refusal at an endpoint refused, besides knowing the client."""

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
    server = metadata.server_metadata(issuer)
    resource = metadata.resource_metadata(issuer, tokens.audience)
    posts: dict[str, Work] = {
        metadata.PAR: _pushed,
        metadata.TOKEN: _token,
        metadata.REVOKE: partial(_endpoint, Revocation),
        metadata.INTROSPECT: partial(_endpoint, Introspection),
    }
    gets: dict[str, Callable[[], Any]] = {
        metadata.SERVER: lambda: server,
        metadata.RESOURCE: lambda: resource,
        # Where a client looks that makes the place from the API's own URL (RFC 9728 §3.1).
        f"{metadata.RESOURCE}/graphql": lambda: resource,
        metadata.JWKS: lambda: {"keys": house.ring.published()},
    }
    return [
        Route(metadata.AUTHORIZE, partial(_authorize, house), methods=["GET"]),
        *(opened(path, "POST", _posted(house, path, work)) for path, work in posts.items()),
        *(opened(path, "GET", _told(tell)) for path, tell in gets.items()),
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
        request = _checked(server, asked)
    except OAuth2Error as error:
        error.redirect_uri = None  # told to the client itself, and not by way of a browser
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
        source = request.client.host if request.client else ""
        try:
            log.check(source)
            told, case = await _decided(house, path, work, request)
        except OAuth2Error as error:
            told, case = error(), None
        except LatchkeyError as error:
            return _unavailable(error)
        log.note(told, case, source)
        return _json(told)

    return answer


async def _decided(house: House, path: str, work: Work, request: Request) -> tuple[Answer, Case]:
    """What `work` decides in one transaction; then what it found must end is ended."""
    body = await _body(request, house.settings.request_seconds)
    pairs = form_pairs(request.headers.get("content-type"), body)
    asked = Asked("POST", house.settings.public_url + path, request.headers, pairs)
    if asked.payload.repeated:
        raise InvalidRequestError("A parameter is sent more than once.")
    take_proof(path, asked, request.headers.getlist("dpop"), house.clock.now())

    def decide(rows: Rows) -> tuple[Answer, Case]:
        case = Case(house, rows, house.clock.now())
        return work(asked, case), case

    run = house.oauth.look if _only_looks(path, asked) else house.oauth.do
    answer, case = await run(decide)
    for end in case.ends:
        await house.services.grants.end_tokens(end.grant_id, end.id, end.until)
    return answer, case


def _only_looks(path: str, asked: Asked) -> bool:
    """Whether nothing will be written: then it need not wait for who writes."""
    if "client_assertion" in asked.form or asked.proof is not None:
        return False  # which is remembered, so that it is shown once
    own = asked.payload.grant_type == Flow.CREDENTIALS
    return path == metadata.INTROSPECT or (path == metadata.TOKEN and own)


async def _body(request: Request, seconds: float) -> bytes:
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise InvalidRequestError(f"The form is larger than {MOST_BYTES} bytes.")
    except (TimeoutError, ClientDisconnect):
        raise InvalidRequestError("The form did not arrive.") from None
    return bytes(body)


async def _authorize(house: House, request: Request) -> Response:
    """Keep a valid request and show it to its user (RFC 6749 §4.1.1); the page asks who that is.

    What is wrong before client and redirect URI are trusted is told to the person, and nobody is
    sent anywhere (RFC 6749 §4.1.2.1, RFC 9700 §4.11).
    """
    query = request.query_params
    source = request.client.host if request.client else ""
    try:
        await house.throttle.take("authorize", network(source))
        if (uri := query.get("request_uri")) is not None:
            request_id = await _sent_ahead(house, uri, query.get("client_id"))
        else:
            valid = await house.oauth.look(partial(_valid, house, request))
            request_id = await house.services.authorizations.ask(valid)
    except OAuth2Error as error:
        return _refused(house, error)
    except LatchkeyError as error:
        return _refused_page(errors.status(error), str(error))
    return _redirect(f"{CONSENT}?request={request_id}")


async def _sent_ahead(house: House, uri: str, client_id: str | None) -> str:
    """The id of a request that this very client pushed, and nobody has answered (RFC 9126 §4).

    Raises:
        InvalidRequestError: there is none. Nobody is sent anywhere: where to is not known.
    """
    request_id = uri.removeprefix(PUSHED)
    try:
        pending = await house.services.authorizations.pending(request_id)
    except Missing:
        pending = None
    if pending is None or pending.expired or pending.client.id != client_id:
        raise InvalidRequestError("The request_uri names no request of this app that waits.")
    return request_id


def _valid(house: House, request: Request, rows: Rows) -> AuthorizationRequest:
    uri = house.settings.public_url + metadata.AUTHORIZE
    asked = Asked("GET", uri, request.headers, request.query_params.multi_items())
    return _checked(Server(Case(house, rows, house.clock.now())), asked)


def _checked(server: Server, asked: Asked) -> AuthorizationRequest:
    """The request, if Authlib and we find it valid.

    Raises:
        OAuth2Error: it is not; the error has a redirect URI once that may be trusted.
    """
    server.register_grant(CodeGrant, [Pkce()])
    grant = server.get_consent_grant(asked)
    told = asked.payload.data
    return AuthorizationRequest(
        client_id=grant.client.client.id,
        redirect_uri=grant.redirect_uri,
        uri_given="redirect_uri" in told,
        scopes=scopes_of(asked.scope),
        state=told.get("state"),
        code_challenge=told["code_challenge"],
        resource=told.get("resource"),
        expires_at=server.case.now + REQUEST_SECONDS,
        jkt=told.get("dpop_jkt", server.case.jkt),
    )


def _refused(house: House, error: OAuth2Error) -> Response:
    if not error.redirect_uri:
        return _refused_page(400, error.get_error_description() or error.error)
    told = {**dict(error.get_body()), "iss": house.settings.public_url}
    return _redirect(answered(error.redirect_uri, told))


def _refused_page(status: int, sentence: str) -> Response:
    response = page("refused.html", sentence=sentence)
    response.status_code = status
    return response


def _redirect(url: str) -> Response:
    # 303 and no referrer: neither the form's fields nor the request's URL go along (RFC 9700 §4.2).
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(url, 303, headers)


def _json(answer: Answer) -> Response:
    status, body, headers = answer
    return Response(orjson.dumps(body), status, dict(headers))


def _unavailable(error: LatchkeyError) -> Response:
    """What is no refusal of OAuth's: the world's fault, to be tried again (RFC 9110 §15.6.4)."""
    passing = isinstance(error, Unavailable | Limited)
    code = "temporarily_unavailable" if passing else "server_error"
    body = orjson.dumps({"error": code, "error_description": str(error)})
    wait = error.seconds if isinstance(error, Limited) and error.seconds else 1
    headers = {"Cache-Control": "no-store", "Retry-After": str(wait)}
    return Response(body, errors.status(error), headers, "application/json")
