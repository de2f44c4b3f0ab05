"""`POST /graphql`, and `GET` for what changes nothing: GraphQL over HTTP, and over SSE.

The body is read here, to a bound, and only as JSON: a form, a text or an upload, which a page of
another site could send without asking (CSRF), is refused before anything runs.
"""

from collections.abc import Callable, Mapping
from functools import lru_cache
from hashlib import blake2b
from time import monotonic
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import orjson
from starlette.types import Receive, Scope, Send

from app import errors
from app.accept import ranked
from app.authentication import Authenticator, note_refusal
from app.exchange import READING, Exchange, Gone, Turned
from app.streams import HEADERS as STREAMED, Streams
from core.domain.accounts import Viewer
from core.domain.errors import Invalid, LatchkeyError
from core.domain.ports import Notes
from engine import Rejected
from schema.errors import internal, refusal
from schema.graph import AFTER, DEBUG, RESUME, Answered, Call, Graph, new_trace, traced
from schema.parameters import Malformed, Parameters, parameters
from subscriptions import sse
from subscriptions.stream import Unbegun

RESPONSE: Final = "application/graphql-response+json"
LEGACY: Final = "application/json"
STREAM: Final = sse.MEDIA
METHODS: Final = ("GET", "POST", "OPTIONS")
HEARD: Final = ("Authorization", "Content-Type", "DPoP", "If-None-Match", AFTER, DEBUG, RESUME)
"""The headers of a request that a page of another origin has to ask for first (CORS)."""

STATUS_OF_CODE: Final[Mapping[str, int]] = {"GRAPHQL_PARSE_FAILED": 400}
UNPROCESSABLE: Final = 422
PARTIAL: Final = 294
"""Data with errors, for who knows the media type (GraphQL over HTTP, "Partial success")."""
BODY_SECONDS: Final = 10.0
PROMPT_SECONDS: Final = 0.25
LONGEST: Final = 200
T = TypeVar("T")
_AFTER: Final = AFTER.lower().encode()
_DEBUG: Final = DEBUG.lower().encode()


class Endpoint:
    """The endpoint for operations by HTTP: an ASGI application."""

    def __init__(
        self,
        graph: Graph,
        streams: Streams,
        authenticate: Authenticator,
        notes: Notes,
        body_bytes: int,
        seconds: float,
        metadata: str,
    ) -> None:
        """Bodies over `body_bytes` and operations over `seconds` are refused.

        Tokens that are refused are noted. `metadata` is the URL at which a client reads where to
        get one.
        """
        self._graph = graph
        self._streams = streams
        self._authenticate = authenticate
        self._notes = notes
        self._body_bytes = body_bytes
        self._seconds = seconds
        self._metadata = metadata

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; whatever it holds, it costs its sender alone."""
        exchange = Exchange(scope, receive, send)
        trace_id, media = new_trace(), LEGACY
        try:
            if exchange.method == "OPTIONS":
                return await exchange.answer(204, [(b"allow", ", ".join(METHODS).encode())], b"")
            exchange.check()
            accepted = _of(exchange.header(b"accept") or "*/*", _media)
            media = RESPONSE if accepted == STREAM else accepted  # what is refused is no stream
            return await self._answer(exchange, accepted, trace_id)
        except Turned as turned:
            status, headers = turned.status, turned.headers
            found = [refusal(Invalid(str(turned)))]
        except Rejected as rejected:
            status, headers = _status(rejected, media), {}
            found = [dict(error.formatted) for error in rejected.errors]
        except Unbegun as unbegun:
            status, headers = errors.of_code(unbegun.code)
            found = [dict(error) for error in unbegun.errors]
        except LatchkeyError as error:
            shown = exchange.header(b"authorization")
            if shown is not None:
                note_refusal(self._notes, error, exchange.source)
            status = errors.status(error)
            headers = errors.headers(error, shown=shown, metadata=self._metadata)
            found = [refusal(error)]
        except Gone:
            return None
        except Exception as error:  # noqa: BLE001 - a bug of ours: masked, logged, and no more
            status, headers, found = 500, {}, [internal(error, trace_id)]
        body = orjson.dumps({"errors": traced(found, trace_id)})
        return await exchange.answer(status, [*HEADERS[media], *_lines(headers)], body)

    async def _answer(self, exchange: Exchange, media: str, trace_id: str) -> None:
        reading = exchange.method in READING
        if not reading:
            _check_method(exchange.method)
            _of(exchange.header(b"content-type") or "", _check_content_type)
        shown = exchange.header(b"authorization")
        found, begun = self._authenticate(shown, exchange), monotonic()
        viewer = found if found is None or isinstance(found, Viewer) else await found
        if reading:
            asked = _body(_parameters(dict(parse_qsl(exchange.query, keep_blank_values=True))))
        else:
            sent, waited = await exchange.body(self._body_bytes, BODY_SECONDS)
            asked = _body(_loaded(sent, "body"))
            # Access may have been taken back meanwhile.
            if waited and monotonic() - begun > PROMPT_SECONDS:
                viewer = self._authenticate.again(shown)
        prepared = self._graph.prepare(asked, viewer, trace_id)
        call = prepared if isinstance(prepared, Call) else self._again(await prepared, shown)
        watches = call.operation.kind == "subscription"
        if watches and _of(exchange.header(b"accept") or "", _streams):
            media = STREAM  # the only answer that it has, wherever it ranks
        if reading:
            _check_reading(call.operation.kind, media)
        if (after := exchange.header(_AFTER)) is not None:
            await self._graph.reach(call, after)
            call = self._again(call, shown)
        if media == STREAM and watches:
            return await self._stream(exchange, call, shown)
        priced = exchange.header(_DEBUG) == "cost"
        answer = self._graph.answer(call, self._seconds, priced=priced)
        answered = answer if isinstance(answer, Answered) else await answer
        if media == STREAM:
            return await exchange.answer(200, STREAMED, sse.whole(answered.body))
        if reading and not answered.errors:
            return await _validated(exchange, answered.body, media)
        partial = answered.errors and media == RESPONSE
        return await exchange.answer(PARTIAL if partial else 200, HEADERS[media], answered.body)

    async def _stream(self, exchange: Exchange, call: Call, shown: str | None) -> None:
        try:
            await self._streams.serve(exchange, call)
        except Unbegun:
            self._again(call, shown)  # where access was taken back meanwhile, that is the answer
            raise

    def _again(self, call: Call, shown: str | None) -> Call:
        """The call as of now: access may have been taken back while something was waited for."""
        call = call._replace(viewer=self._authenticate.again(shown))
        self._graph.allow(call, call.viewer)
        return call


_VARY: Final = (b"vary", b"Accept, Authorization")
_TYPE: Final = {
    media: (b"content-type", f"{media}; charset=utf-8".encode()) for media in (LEGACY, RESPONSE)
}
HEADERS: Final = {
    media: [kind, _VARY, (b"cache-control", b"no-store")] for media, kind in _TYPE.items()
}
"""The headers of an answer by its media type."""


def _lines(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]


async def _validated(exchange: Exchange, body: bytes, media: str) -> None:
    """An answer that its asker may keep, and has confirmed before each use (RFC 9110 §13.1.2)."""
    digest = blake2b(media.encode() + body, digest_size=16)
    tag = f'"{digest.hexdigest()}"'
    kept = [_VARY, (b"etag", tag.encode()), (b"cache-control", b"private, no-cache")]
    known = (exchange.header(b"if-none-match") or "").split(",")
    if any(one.strip().removeprefix("W/") in {tag, "*"} for one in known):
        await exchange.answer(304, kept, b"")
    else:
        await exchange.answer(200, [_TYPE[media], *kept], body)


def _status(rejected: Rejected, media: str) -> int:
    """A legacy client, who asks for application/json, takes any other status as no GraphQL."""
    return 200 if media == LEGACY else STATUS_OF_CODE.get(rejected.code, UNPROCESSABLE)


def _of(header: str, judge: Callable[[str], T]) -> T:
    """What a header comes to. Clients send few different ones; long ones are not remembered."""
    return judge(header) if len(header) <= LONGEST else judge.__wrapped__(header)  # type: ignore[attr-defined]


@lru_cache(256)
def _media(accepted: str) -> str:
    for one in ranked(accepted, first=RESPONSE):
        if one in {RESPONSE, STREAM}:
            return one
        if one in {LEGACY, "application/*", "*/*", ""}:
            return LEGACY
    sentence = f"This answers with {RESPONSE}, {LEGACY} or {STREAM}: accept one of them."
    raise Turned(406, sentence)


@lru_cache(256)
def _streams(accepted: str) -> bool:
    return STREAM in ranked(accepted)


def _check_method(method: str) -> None:
    if method != "POST":
        raise Turned(405, f"{method} is not for this address.", {"Allow": ", ".join(METHODS)})


def _check_reading(kind: str, media: str) -> None:
    """Nothing changes by a link; to watch changes nothing, but an answer in JSON has an end."""
    if kind == "query" or (kind == "subscription" and media == STREAM):
        return
    sentence = f"A {kind} does not run by GET: only queries do."
    if kind == "subscription":
        sentence = f"A subscription runs by GET as an event stream alone: send `Accept: {STREAM}`."
    raise Turned(405, sentence, {"Allow": "POST"})


@lru_cache(256)
def _check_content_type(sent: str) -> None:
    kind, *options = sent.lower().split(";")
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
    try:
        return parameters(sent)
    except Malformed as malformed:
        raise Turned(422, str(malformed)) from malformed
