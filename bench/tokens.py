"""The process in which checking a token is timed: no server, the parts of a house that do it.

Reads `{"tokens", "seconds", "profile"}` on stdin, says one sample on stdout. A check is a plain
function that awaits nothing, so it cannot ask a database or a network; each is timed by itself.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import cycle, repeat
from pathlib import Path
from random import Random
from statistics import median
from time import perf_counter, process_time
from typing import Any, Final

import orjson
import uvloop

from app.authentication import Authenticator
from app.compose import House, build, running
from bench.contest import Failed
from bench.figures import MICRO, MILLI, Sample, percentile
from bench.load.plan import WARM_SECONDS
from bench.machine import rss_mb
from bench.proving import URL, Head, proven
from bench.sampling import profiled
from core import observe
from core.domain.accounts import Viewer
from core.domain.errors import Unauthenticated
from core.domain.grants import Grant, Scope, Share
from core.settings import Settings

USERS: Final = 100
TOKEN_SECONDS: Final = 3_600
SEEN_SECONDS: Final = 5.0
LOT: Final = 200
PAUSE_SECONDS: Final = 0.002
LATE_SECONDS: Final = 1.0

Check = Callable[[str], Viewer | None]


async def run(plan: dict[str, Any]) -> Sample:
    """Make the tokens, then check them in every way that there is."""
    with tempfile.TemporaryDirectory(prefix="latchkey-bench-") as folder:
        url = f"sqlite+aiosqlite:///{folder}/latchkey.db"
        settings = Settings(database_url=url, secret_keys=(os.urandom(32),))
        async with running(build(settings), migrate=True) as house:
            grants = [await _grant(house, number) for number in range(USERS)]
            authenticate = Authenticator(
                house.tokens, house.access, house.services.proofs, house.clock, (URL,)
            )
            # A bearer's token is answered at once; only one that is bound is waited for.
            check: Check = partial(authenticate, head=Head())  # type: ignore[assignment]
            await _refused(house, check, grants[0])
            headers = []
            for number in range(plan["tokens"]):
                headers.append(header(house, grants[number % USERS]))
                await _breathe(house, number)
            sample = await _measured(house, check, headers, plan)
            detail = {**sample.detail, **await proven(house, authenticate, grants[1])}
            return replace(sample, detail=detail)


async def _measured(
    house: House, check: Check, headers: Sequence[str], plan: dict[str, Any]
) -> Sample:
    seconds = plan["seconds"]
    fresh = await timed(house, check, headers)
    order = list(headers)
    Random(1).shuffle(order)  # noqa: S311 - any order will do, and always the same
    await timed(house, check, cycle(order), min(WARM_SECONDS, seconds))
    with profiled(Path(plan["profile"]) if plan["profile"] else None):
        began, used = perf_counter(), process_time()
        found = await timed(house, check, cycle(order), seconds)
        used, passed = process_time() - used, perf_counter() - began
    hot = await timed(house, check, repeat(order[0]), seconds / 2)
    await _happen(house)
    changed = await timed(house, check, order)
    p50, p99 = percentile(found, 0.5), percentile(found, 0.99)
    assert p50 is not None
    assert p99 is not None
    return Sample(
        value=median(found) * MICRO,
        p50_ms=p50 * MILLI,
        p99_ms=p99 * MILLI,
        cpu_us=used / len(found) * MICRO,
        rss_mb=rss_mb(os.getpid()),
        server_share=used / passed,
        detail={
            "times": len(found),
            "hot_us": median(hot) * MICRO,
            "changed_us": median(changed) * MICRO,
            "fresh_us": median(fresh) * MICRO,
        },
    )


async def timed(
    house: House, check: Check, headers: Iterable[str], seconds: float | None = None
) -> list[float]:
    """How long each check took: of all headers, or of as many as go into so many seconds."""
    found: list[float] = []
    end = perf_counter() + seconds if seconds else None
    for header in headers:
        start = perf_counter()
        check(header)
        done = perf_counter()
        found.append(done - start)
        if end is not None and done > end:
            break
        await _breathe(house, len(found))
    return found


async def _breathe(house: House, number: int) -> None:
    """Now and then let the house follow its logs: one that cannot stops serving."""
    if number % LOT == 0:
        await asyncio.sleep(PAUSE_SECONDS)
        await _seen(lambda: house.feed.age < LATE_SECONDS)


def header(house: House, grant: Grant) -> str:
    """An Authorization header with a new token of this grant."""
    return f"Bearer {house.tokens.issue(grant, grant.scopes, TOKEN_SECONDS, family=_family(house))}"


def _family(house: House) -> str:
    return house.ids.new("family")


async def _grant(house: House, number: int) -> Grant:
    owner = await house.services.accounts.create_user(f"bench {number}")
    home = await house.services.homes.create(owner.id, "Bench", "UTC", "bench://")
    client = await house.services.accounts.create_client("Bench")
    scopes = frozenset(Scope)
    return await house.services.grants.give(owner.id, client.id, scopes, (Share(home.id),))


async def _refused(house: House, check: Check, grant: Grant) -> None:
    """Refuse to measure a check that lets through what was ended, or what was never ours.

    Raises:
        Failed: it does.
    """
    shown = header(house, grant)
    claims = house.tokens.verify(shown.removeprefix("Bearer "))
    if (viewer := check(shown)) is None or viewer.token_id != claims.token_id:
        sentence = f"The token's viewer is {viewer}."
        raise Failed(sentence)
    await house.services.grants.end_tokens(grant.id, claims.token_id, claims.expires_at)
    await _seen(lambda: not _good(check, shown))
    if _good(check, shown[:-4] + "AAAA"):
        sentence = "A forged token was let through."
        raise Failed(sentence)


def _good(check: Check, shown: str) -> bool:
    try:
        check(shown)
    except Unauthenticated:
        return False
    return True


async def _happen(house: House) -> None:
    """Let something happen in the access log, and wait until this process knows of it."""
    client = await house.services.accounts.create_client("Bench")
    await _seen(lambda: client.id in house.access.clients)


async def _seen(look: Callable[[], bool]) -> None:
    """Wait until it is so.

    Raises:
        Failed: it takes too long.
    """
    end = perf_counter() + SEEN_SECONDS
    while not look():
        if perf_counter() > end:
            sentence = "What happened in the access log was not seen."
            raise Failed(sentence)
        await asyncio.sleep(0.005)


def main() -> None:
    """Read, run, say."""
    observe.configure(pretty=False)  # stdout is for the figures alone
    plan = orjson.loads(sys.stdin.buffer.read())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            sample = runner.run(run(plan))
        except Failed as failed:
            sys.exit(str(failed))
    sys.stdout.buffer.write(orjson.dumps(asdict(sample)))


if __name__ == "__main__":
    main()
