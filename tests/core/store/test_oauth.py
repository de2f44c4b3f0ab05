"""OAuth's rows: what is over is forgotten by whoever writes next, and nobody waits for that."""

import asyncio
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select

from core.domain.authorizations import AuthorizationRequest
from core.domain.grants import Scope
from core.store.oauth import OAuth, Rows
from core.store.tables import authorization_requests
from tests.core.services.estate import Estate
from tests.fakes import START

MANY = 40


async def put(store: OAuth, client_id: str, name: str, now: datetime) -> None:
    """Keep a request for ten minutes."""
    request = AuthorizationRequest(
        client_id=client_id,
        redirect_uri="https://app.example/cb",
        uri_given=True,
        scopes=frozenset({Scope.DEVICES_READ}),
        state=None,
        code_challenge="challenge",
        resource=None,
        expires_at=now + timedelta(minutes=10),
    )
    await store.do(lambda rows: rows.put_request(name, request, now))


async def test_many_forget_the_same_at_once(estate: Estate) -> None:
    """All of what is over goes, none of the rest, and none who writes meets another's lock."""
    store, client = OAuth(estate.house.database), estate.client.id
    for number in range(MANY):
        await put(store, client, f"old {number}", START)
    later = START + timedelta(minutes=10)
    await asyncio.gather(*(put(store, client, f"new {number}", later) for number in range(MANY)))
    await put(store, client, "last", later)
    names = select(authorization_requests.c.digest)
    found = {row.digest for row in await estate.house.database.rows(names)}
    assert found == {"last", *(f"new {number}" for number in range(MANY))}


async def good_secrets(store: OAuth, client_id: str, now: datetime) -> list[int]:
    """Which of the secrets prove the client now."""

    def work(rows: Rows) -> list[int]:
        return [n for n in range(3) if rows.knows_secret(f"secret {n}", client_id, now)]

    return await store.look(work)


async def test_a_secret_is_over_a_day_after_the_next(estate: Estate) -> None:
    """A rotation gives the ones before a day at most, and no later one gives them more."""
    store, client, day = OAuth(estate.house.database), estate.client.id, timedelta(days=1)
    for number, hours in enumerate((0, 12, 18)):
        now = START + timedelta(hours=hours)
        put_secret = partial(Rows.put_secret, digest=f"secret {number}", client_id=client)
        await store.do(partial(put_secret, now=now, overlap=day))
    times = {hours: START + timedelta(hours=hours) for hours in (18, 36, 42)}
    good = {hours: await good_secrets(store, client, now) for hours, now in times.items()}
    assert good == {18: [0, 1, 2], 36: [1, 2], 42: [2]}
