"""GraphiQL, at the address of the API itself: files of its wheel, and a page and a script of ours.

Introspection is open to all; for data the explorer needs an access token. In the demo it has one.
Elsewhere one signs in, by the code flow as any app would (`static/signin/flow.js`), or pastes one.
"""

from collections.abc import Awaitable
from dataclasses import asdict
from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope as Asked, Send

from app.accept import ranked
from app.exchange import READING
from app.pages.examples import examples
from app.pages.opening import Opening
from app.pages.press import page
from core.domain.accounts import EXPLORER
from core.domain.grants import OWN, Scope

GRAPHQL: Final = "/graphql"
KINDS: Final = frozenset(
    {"text/html", "application/json", "application/graphql-response+json", "text/event-stream"}
)


def explorer(opening: Opening | None, issuer: str) -> Response:
    """The page. It may hold a token, so no other origin may ever read it.

    Its address holds a code when somebody comes back from signing in, so it is told to nobody.
    """
    tabs = [asdict(example) for example in examples(opening)]
    for tab in tabs:
        tab["variables"] = orjson.dumps(tab["variables"], option=orjson.OPT_INDENT_2).decode()
    facts = {
        "url": GRAPHQL,
        "client": {
            "id": EXPLORER,
            "issuer": issuer,
            "redirectUri": issuer + GRAPHQL,
            "scope": " ".join(scope for scope in Scope if scope not in OWN),
        },
        "token": opening.token() if opening else None,
        "kept": opening.home_id if opening else "",
        "tabs": tabs,
    }
    response = page("explorer.html", facts=facts, signed_in=opening is not None)
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


class Door:
    """`/graphql`: the page for people who come by GET, the API for everybody else.

    The API answers pages of any origin (CORS); the page may hold a token and answers none.
    """

    def __init__(self, api: ASGIApp, shared: ASGIApp, opening: Opening | None, issuer: str) -> None:
        """Stand before this API, and before the same as pages of other origins reach it."""
        self._api = api
        self._shared = shared
        self._opening = opening
        self._issuer = issuer

    def __call__(self, scope: Asked, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer one request."""
        answer = self._api
        for name, _ in scope["headers"]:
            if name == b"origin":
                answer = self._shared
        if scope["method"] in READING and _for_people(Request(scope)):
            answer = explorer(self._opening, self._issuer)
        return answer(scope, receive, send)


def _for_people(request: Request) -> bool:
    """Whether a page is wanted before JSON, as browsers want it when somebody goes there."""
    wanted = [kind for kind in ranked(request.headers.get("accept", "")) if kind in KINDS]
    return wanted[:1] == ["text/html"]
