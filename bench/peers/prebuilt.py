"""Prebuilt bytes: what a server in Python would reach if an answer cost it nothing at all.

A Starlette route that reads the same body and returns one file's bytes.
"""

import argparse
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bench.peers import asgi


def application(answer: bytes) -> Starlette:
    """One route."""

    async def route(request: Request) -> Response:
        await request.body()
        return Response(answer, media_type="application/json")

    return Starlette(routes=[Route("/graphql", route, methods=["POST"])])


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answer", type=Path, required=True)
    asgi.serve(application(parser.parse_args().answer.read_bytes()))


if __name__ == "__main__":
    main()
