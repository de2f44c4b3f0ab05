"""Bodies in and answers out, the same at every endpoint for programs."""

import asyncio

import orjson
from authlib.oauth2.rfc6749 import InvalidRequestError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app import errors
from app.oauth.server import Answer
from core.domain.errors import LatchkeyError, Limited, Unavailable


async def received(request: Request, seconds: float, most: int) -> bytes:
    """The body, to a bound of bytes and of time.

    Raises:
        InvalidRequestError: it is larger, or did not arrive.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    sentence = f"The body is larger than {most} bytes."
                    raise InvalidRequestError(sentence, status_code=413)  # RFC 9126 §2.3
    except (TimeoutError, ClientDisconnect):
        raise InvalidRequestError("The body did not arrive.") from None
    return bytes(body)


def replied(answer: Answer) -> Response:
    """What was decided, as JSON."""
    status, body, headers = answer
    return Response(orjson.dumps(body), status, dict(headers))


def unavailable(error: LatchkeyError) -> Response:
    """What is no refusal of OAuth's: the world's fault, to be tried again (RFC 9110 §15.6.4)."""
    passing = isinstance(error, Unavailable | Limited)
    code = "temporarily_unavailable" if passing else "server_error"
    body = orjson.dumps({"error": code, "error_description": errors.plain(error)})
    wait = error.seconds if isinstance(error, Limited) and error.seconds else 1
    headers = {"Cache-Control": "no-store", "Retry-After": str(wait)}
    return Response(body, errors.status(error), headers, "application/json")


def source_of(request: Request) -> str:
    """The address that is asked from; empty where the server does not know it."""
    return request.client.host if request.client else ""
