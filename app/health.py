"""Probes: alive, and ready to serve. Each check is declared beside what it asks."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import orjson
from starlette.requests import Request
from starlette.responses import Response

from core import observe
from core.domain.errors import LatchkeyError
from core.domain.ports import Clock

log = observe.logger(__name__)
Checks = Mapping[str, Callable[[], Awaitable[None]]]
SECONDS = 2.0


async def alive(request: Request) -> Response:
    """The process answers; nothing else is asked."""
    del request
    return _json(200, {"status": "ok"})


class Ready:
    """Every declared check with its duration; 503 where one fails."""

    def __init__(self, checks: Checks, clock: Clock) -> None:
        """Checks by name, each of which raises what is wrong."""
        self._checks = checks
        self._clock = clock

    async def __call__(self, request: Request) -> Response:
        """Run all checks."""
        del request
        found = {name: await self._check(check) for name, check in self._checks.items()}
        ready = all(one["ok"] for one in found.values())
        body = {"status": "ok" if ready else "unavailable", "checks": found}
        return _json(200 if ready else 503, body)

    async def _check(self, check: Callable[[], Awaitable[None]]) -> dict[str, object]:
        started = self._clock.monotonic()
        problem = None
        try:
            async with asyncio.timeout(SECONDS):
                await check()
        except (LatchkeyError, TimeoutError) as error:
            problem = str(error) or f"no answer within {SECONDS:g} s"
            log.warning("check_failed", problem=problem)
        milliseconds = round((self._clock.monotonic() - started) * 1000, 1)
        return {"ok": problem is None, "problem": problem, "ms": milliseconds}


def _json(status: int, body: object) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(body), status, headers, "application/json")
