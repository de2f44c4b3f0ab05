"""GraphiQL, at the address of the API itself: files of its wheel, and a page and a script of ours.

Introspection is open to all; for data the explorer needs an access token. Where somebody is signed
in it has one, elsewhere it says how to get one.
"""

from dataclasses import asdict

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.pages.examples import examples
from app.pages.opening import Opening
from app.pages.press import page


def explorer(opening: Opening | None) -> Response:
    """The page. It may hold a token, so no other origin may ever read it."""
    tabs = [asdict(example) for example in examples(opening)]
    for tab in tabs:
        tab["variables"] = orjson.dumps(tab["variables"], option=orjson.OPT_INDENT_2).decode()
    facts = {
        "url": "/graphql",
        "token": opening.token() if opening else None,
        "kept": opening.home_id if opening else "",
        "tabs": tabs,
    }
    return page("explorer.html", facts=facts, signed_in=opening is not None)


class Door:
    """`/graphql`: the page for people who come by GET, the API for everybody else.

    The API answers pages of any origin (CORS); the page may hold a token and answers none.
    """

    def __init__(self, api: ASGIApp, opening: Opening | None) -> None:
        """Stand before this API."""
        self._api = api
        self._opening = opening

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = explorer(self._opening) if _for_people(Request(scope)) else self._api
        await answer(scope, receive, send)


def _for_people(request: Request) -> bool:
    """Whether a page is wanted before JSON, as browsers want it when somebody goes there."""
    ranges = [part.split(";")[0].strip() for part in request.headers.get("accept", "").split(",")]
    wanted = [one for one in ranges if one in {"text/html", "application/json"} or "graphql" in one]
    return request.method == "GET" and wanted[:1] == ["text/html"]
