"""`POST /graphql`, and `GET` for queries: GraphQL over HTTP, on our graph.

The body is read here, to a bound, and only as JSON: a form, a text or an upload, which a page of
another site could send without asking (CSRF), is refused before anything runs.
"""

import asyncio
from collections.abc import Mapping
from hashlib import blake2b
from time import monotonic
from typing import Any, Final

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from app import errors
from app.authentication import Authenticator
from core.domain.errors import Invalid, LatchkeyError
from engine import Rejected
from schema.errors import internal, refusal
from schema.graph import AFTER, Graph, new_trace, traced
from schema.parameters import Parameters, fault, parameters

RESPONSE: Final = "application/graphql-response+json"
LEGACY: Final = "application/json"
STATUS_OF_CODE: Final[Mapping[str, int]] = {"GRAPHQL_PARSE_FAILED": 400}
UNPROCESSABLE: Final = 422
BODY_SECONDS: Final = 10.0
PROMPT_SECONDS: Final = 0.25
READING: Final = frozenset({"GET", "HEAD"})
"""Methods that a link or a cache may use: their parameters are in the URL, and nothing changes."""


class Turned(Exception):
    """The request itself is not one: its status and one sentence."""

    def __init__(self, status: int, sentence: str, headers: dict[str, str] | None = None) -> None:
        """Answer with `status`."""
        super().__init__(sentence)
        self.status = status
        self.headers = headers or {}


class Endpoint:
    """The endpoint for queries and mutations."""

    def __init__(
        self, graph: Graph, authenticate: Authenticator, body_bytes: int, seconds: float
    ) -> None:
        """Bodies over `body_bytes` and operations over `seconds` are refused."""
        self._graph = graph
        self._authenticate = authenticate
        self._body_bytes = body_bytes
        self._seconds = seconds

    async def __call__(self, request: Request) -> Response:
        """Answer one request; whatever it holds, it costs its sender alone."""
        trace_id, media = new_trace(), LEGACY
        try:
            media = _media(request)
            return await self._answer(request, media, trace_id)
        except Turned as turned:
            status, headers = turned.status, turned.headers
            found = [refusal(Invalid(str(turned)))]
        except Rejected as rejected:
            status, headers = _status(rejected, media), {}
            found = [dict(error.formatted) for error in rejected.errors]
        except LatchkeyError as error:
            shown = "authorization" in request.headers
            status, headers = errors.status(error), errors.headers(error, shown=shown)
            found = [refusal(error)]
        except ClientDisconnect:
            return Response(status_code=499)
        except Exception as error:  # noqa: BLE001 - a bug of ours: masked, logged, and no more
            return _json({"errors": [internal(error, trace_id)]}, media, 500)
        return _json({"errors": traced(found, trace_id)}, media, status, headers)

    async def _answer(self, request: Request, media: str, trace_id: str) -> Response:
        if request.method not in READING:
            _check_content_type(request)
        shown = request.headers.get("authorization")
        viewer, begun = self._authenticate(shown), monotonic()
        asked = _body(await self._sent(request))
        if monotonic() - begun > PROMPT_SECONDS:  # access may have been taken back meanwhile
            viewer = self._authenticate(shown)
        call = await self._graph.prepare(asked, viewer, trace_id)
        if request.method in READING and call.operation.kind != "query":
            sentence = f"A {call.operation.kind} does not run by GET: only queries do."
            raise Turned(405, sentence, {"Allow": "POST"})
        if (after := request.headers.get(AFTER)) is not None:
            await self._graph.reach(call, after)
        answered = await self._graph.answer(call, self._seconds)
        if request.method in READING and not answered.errors:
            return _validated(request, answered.body, media)
        return _response(answered.body, media)

    async def _sent(self, request: Request) -> Any:
        if request.method in READING:
            return _parameters(request.query_params)
        return _loaded(await self._read(request), "body")

    async def _read(self, request: Request) -> bytes:
        declared = request.headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > self._body_bytes:
            raise self._too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > self._body_bytes:
                        raise self._too_large()
        except TimeoutError:
            sentence = f"The body did not arrive within {BODY_SECONDS:g} s."
            raise Turned(408, sentence, {"Connection": "close"}) from None
        return bytes(body)

    def _too_large(self) -> Turned:
        sentence = f"The body is larger than {self._body_bytes} bytes; send a smaller document."
        return Turned(413, sentence, {"Connection": "close"})


VARY: Final = {"Vary": "Accept, Authorization", "Cache-Control": "no-store"}


def _json(
    body: object, media: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return _response(orjson.dumps(body), media, status, headers)


def _response(
    body: bytes, media: str, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    return Response(body, status, {**VARY, **(headers or {})}, f"{media}; charset=utf-8")


def _validated(request: Request, body: bytes, media: str) -> Response:
    """An answer that its asker may keep, and has confirmed before each use (RFC 9110 §13.1.2)."""
    digest = blake2b(media.encode() + body, digest_size=16)
    headers = {"ETag": f'"{digest.hexdigest()}"', "Cache-Control": "private, no-cache"}
    known = request.headers.get("if-none-match", "").split(",")
    if any(tag.strip().removeprefix("W/") in {headers["ETag"], "*"} for tag in known):
        return Response(status_code=304, headers={**VARY, **headers})
    return _response(body, media, headers=headers)


def _status(rejected: Rejected, media: str) -> int:
    """A legacy client, who asks for application/json, takes any other status as no GraphQL."""
    return 200 if media == LEGACY else STATUS_OF_CODE.get(rejected.code, UNPROCESSABLE)


def _media(request: Request) -> str:
    accepted = request.headers.get("accept", "*/*").lower()
    ranges = [part.split(";")[0].strip() for part in accepted.split(",")]
    if RESPONSE in ranges:
        return RESPONSE
    if any(one in {LEGACY, "application/*", "*/*", ""} for one in ranges):
        return LEGACY
    sentence = f"This answers with {RESPONSE} or {LEGACY}: accept one of them."
    raise Turned(406, sentence)


def _check_content_type(request: Request) -> None:
    kind, *options = request.headers.get("content-type", "").lower().split(";")
    if kind.strip() != LEGACY:
        raise Turned(415, f"Send the request as {LEGACY}.")
    for option in options:
        name, _, value = option.strip().partition("=")
        if name == "charset" and value.strip('"') not in {"utf-8", "utf8"}:
            raise Turned(415, "Send the request in UTF-8.")


def _loaded(raw: bytes | str, name: str) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Turned(400, f"The {name} is not JSON in UTF-8: {error}.") from error


def _parameters(given: Mapping[str, str]) -> dict[str, Any]:
    """What a GET request says in its URL, in which maps are JSON (GraphQL over HTTP, "GET")."""
    return {
        name: _loaded(value, name) if name in {"variables", "extensions"} else value
        for name, value in given.items()
        if value or name == "query"
    }


def _body(sent: Any) -> Parameters:
    if not isinstance(sent, dict):
        raise Turned(422, 'The body is a JSON object: {"query": "…", "variables": {…}}.')
    if (wrong := fault(sent)) is not None:
        raise Turned(422, wrong)
    return parameters(sent)
