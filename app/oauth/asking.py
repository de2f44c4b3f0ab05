"""The authorization endpoint (RFC 6749 §3.1): a request is kept, or refused where it is safe to."""

from functools import partial
from typing import Final

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import errors
from app.compose import House
from app.oauth import metadata
from app.oauth.asked import MOST_BYTES, Asked
from app.oauth.codes import CodeGrant, Pkce
from app.oauth.parties import scopes_of
from app.oauth.replies import source_of
from app.oauth.server import Case, Server
from app.pages.press import page
from core.domain.authorizations import (
    REQUEST_SECONDS,
    AuthorizationRequest,
    answered,
    redirects_to,
)
from core.domain.errors import LatchkeyError, Missing
from core.domain.sources import network
from core.store.oauth import Rows

CONSENT: Final = "/consent"
PUSHED: Final = "urn:ietf:params:oauth:request_uri:"


async def authorize(house: House, request: Request) -> Response:
    """Keep a valid request and show it to its user (RFC 6749 §4.1.1); the page asks who that is.

    What is wrong before client and redirect URI are trusted is told to the person, and nobody is
    sent anywhere (RFC 6749 §4.1.2.1, RFC 9700 §4.11).
    """
    try:
        await house.throttle.take("authorize", network(source_of(request)))
        asked = _asked(house, request)
        if "request_uri" in asked.args:
            request_id = await _sent_ahead(house, asked)
        else:
            valid = await house.oauth.look(partial(_valid, house, asked))
            request_id = await house.services.authorizations.ask(valid)
    except OAuth2Error as error:
        return _refused(house, error, request.query_params.get("client_id", ""))
    except LatchkeyError as error:
        return _refused_page(errors.status(error), str(error))
    return _redirect(f"{CONSENT}?request={request_id}")


def _asked(house: House, request: Request) -> Asked:
    """The query of a request for authorization.

    Raises:
        InvalidRequestError: there is too much of it.
    """
    if len(request.url.query) > MOST_BYTES:
        raise InvalidRequestError(f"The request is larger than {MOST_BYTES} bytes.")
    uri = house.settings.public_url + metadata.AUTHORIZE
    return Asked("GET", uri, request.headers, request.query_params.multi_items())


async def _sent_ahead(house: House, asked: Asked) -> str:
    """The id of a request that this very client pushed, and nobody has answered (RFC 9126 §4).

    Raises:
        InvalidRequestError: there is none. Nobody is sent anywhere: where to is not known.
    """
    request_id = asked.args["request_uri"].removeprefix(PUSHED)
    try:
        pending = await house.services.authorizations.pending(request_id)
    except Missing:
        pending = None
    good = (
        pending is not None
        and not (asked.payload.repeated or pending.expired or pending.client.disabled)
        and pending.client.id == asked.args.get("client_id")
        and redirects_to(pending.client, pending.redirect_uri)
    )
    if not good:
        raise InvalidRequestError("The request_uri names no request of this app that waits.")
    return request_id


def _valid(house: House, asked: Asked, rows: Rows) -> AuthorizationRequest:
    return checked(Server(Case(house, rows, house.clock.now())), asked)


def checked(server: Server, asked: Asked) -> AuthorizationRequest:
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


def _refused(house: House, error: OAuth2Error, client_id: str) -> Response:
    sentence = error.get_error_description() or error.error
    if not error.redirect_uri:
        return _refused_page(400, sentence)
    told = {**dict(error.get_body()), "iss": house.settings.public_url}
    back, client = answered(error.redirect_uri, told), house.access.clients.get(client_id)
    if client is None or not client.vouched:
        return _refused_page(400, sentence, back)  # for them to decide (RFC 9700 §4.11.2)
    return _redirect(back)


def _refused_page(status: int, sentence: str, back: str | None = None) -> Response:
    return page("refused.html", status=status, sentence=sentence, back=back)


def _redirect(url: str) -> Response:
    # 303 and no referrer: neither the form's fields nor the request's URL go along (RFC 9700 §4.2).
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(url, 303, headers)
