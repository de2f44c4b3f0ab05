"""`/.well-known/webhook-keys/{endpoint id}`: what an endpoint's deliveries are verified with.

A JWK Set (RFC 7517 §5) that everybody may read; each key has its `whpk_…` text beside.
"""

from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.errors import headers, status
from core.domain.errors import LatchkeyError, Missing
from core.services import Endpoints
from core.services.endpoint_keys import Published

PATH: Final = "/.well-known/webhook-keys/{endpoint_id}"
KEPT: Final = {"Cache-Control": "public, max-age=300"}
"""Much shorter than the day for which a former key signs along."""


def webhook_keys(endpoints: Endpoints) -> Route:
    """The route."""

    async def answer(request: Request) -> Response:
        endpoint_id = request.path_params["endpoint_id"]
        try:
            found = await endpoints.published(endpoint_id)
            if not found:
                sentence = "There is no endpoint with this id whose deliveries a key pair signs."
                raise Missing(sentence)
        except LatchkeyError as error:
            more = {"Cache-Control": "no-store", **headers(error, shown=None, metadata="")}
            return _json({"error": str(error)}, status(error), more)
        return _json({"keys": [_told(one) for one in found]}, 200, KEPT)

    return Route(PATH, answer, methods=["GET"])


def _told(one: Published) -> dict[str, Any]:
    """A key as libraries read it; a former one with the time at which it stops to sign along."""
    ends = {"until": one.until.isoformat()} if one.until else {}
    return {**one.key.jwk, "key": one.key.text, **ends}


def _json(body: Any, code: int, more: dict[str, str]) -> Response:
    return Response(orjson.dumps(body), code, more, "application/json")
