"""The page of a house: tiles that live through the public API, and the GraphQL behind each.

It is a partner's frontend in miniature. The server fills in where the API is and a token; all else
the page asks for itself, as a partner's page would.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.pages.opening import Opening
from app.pages.press import page

GRAPHQL = "/graphql"
"""Of the page's own host, by whichever name the browser knows it: the policy allows no other."""


def house_page(path: str, opening: Opening) -> Route:
    """The page at a path. It holds a token, so no other origin may ever read it."""

    async def answer(request: Request) -> Response:
        del request
        facts = {
            "graphqlUrl": GRAPHQL,
            "explorerUrl": GRAPHQL,
            "token": opening.token(),
            "homeId": opening.home_id,
        }
        return page("house.html", facts=facts)

    return Route(path, answer, methods=["GET"])
