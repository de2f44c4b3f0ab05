"""Prebuilt bytes: what a server in Python would reach if an answer cost it nothing at all.

`prebuilt` is a Starlette route that reads the same body and returns one file's bytes; with
`--bare` the same as an ASGI application without Starlette.
"""

import argparse
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from bench.peers import asgi


def prebuilt(answer: bytes) -> Starlette:
    """One route."""

    async def route(request: Request) -> Response:
        await request.body()
        return Response(answer, media_type="application/json")

    return Starlette(routes=[Route("/graphql", route, methods=["POST"])])


def bare(answer: bytes) -> ASGIApp:
    """No route."""
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(answer))]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    rest = {"type": "http.response.body", "body": answer}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            more = message["more_body"]
        await send(start)
        await send(rest)

    return app


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answer", type=Path, required=True)
    parser.add_argument("--bare", action="store_true")
    given = parser.parse_args()
    answer = given.answer.read_bytes()
    asgi.serve(bare(answer) if given.bare else prebuilt(answer))


if __name__ == "__main__":
    main()
