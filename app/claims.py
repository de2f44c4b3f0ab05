"""`/webhooks/deliveries/{id}/data`: what was left out of a delivery, since it was too large.

The claim that was delivered in its place names this address. What it answers is rendered now, for
a token of the client that opens its deliveries, and only while somebody shows it the event.
"""

from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.authentication import Authenticator, note_refusal
from app.compose import House
from app.errors import headers, status
from app.oauth import RESOURCE
from core.domain.accounts import Viewer
from core.domain.errors import LatchkeyError, Refused, Unauthenticated
from core.domain.grants import Scope

PATH: Final = "/webhooks/deliveries/{delivery_id}/data"
JSON: Final = "application/json"
PRIVATE: Final = {"Cache-Control": "no-store"}


class _Head:
    """The head of a request, as a proof is held against it."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self.method = request.method

    def header(self, name: bytes) -> str | None:
        """A header by its name; several are one list."""
        return ", ".join(self._request.headers.getlist(name.decode())) or None


def claims(house: House) -> Route:
    """The route."""

    async def answer(request: Request) -> Response:
        shown = _Head(request).header(b"authorization")
        try:
            viewer = await _viewer(house, request, shown)
            client_id, delivery_id = viewer.client.id, request.path_params["delivery_id"]
            data = await house.services.repairs.deliveries.data(client_id, delivery_id)
            return Response(data, 200, PRIVATE, JSON)
        except LatchkeyError as error:
            source = request.client.host if request.client else None
            if shown is not None:
                note_refusal(house.services.audit, error, source)
            metadata = house.settings.public_url + RESOURCE
            more = {**PRIVATE, **headers(error, shown=shown, metadata=metadata)}
            return Response(orjson.dumps({"error": str(error)}), status(error), more, JSON)

    return Route(PATH, answer, methods=["GET"])


async def _viewer(house: House, request: Request, shown: str | None) -> Viewer:
    """Who asks, if they may.

    Raises:
        Unauthenticated: nobody we know.
        Refused: the token does not open deliveries.
    """
    uri = house.settings.public_url + request.url.path
    authenticate = Authenticator(
        house.tokens, house.access, house.services.proofs, house.clock, (uri,)
    )
    found = authenticate(shown, _Head(request))
    viewer = found if found is None or isinstance(found, Viewer) else await found
    if viewer is None:
        raise Unauthenticated("This needs an access token: send it as `Authorization: Bearer …`.")
    if Scope.WEBHOOKS_MANAGE not in viewer.scopes:
        scope = Scope.WEBHOOKS_MANAGE.value
        raise Refused(f"The token does not open deliveries: ask for {scope}.", (scope,))
    return viewer
