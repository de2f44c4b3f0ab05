"""Listening: a temporary endpoint, its deliveries posted on a machine without a public URL."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

import aiohttp
import pytest
from sqlalchemy import select
from standardwebhooks import Webhook

from app.address import bound
from app.server import begin, listening
from app.working import working
from core.domain.accounts import EXPLORER, ClientAuth
from core.domain.errors import Invalid, LatchkeyError, Refused, Unavailable
from core.domain.grants import Scope, Share
from core.signing import Secret
from core.store import endpoints as stored
from core.store.tables import deliveries, endpoints
from tests.app.conftest import SOON, Api
from tests.conftest import Run
from tests.core.services.estate import eventually, lamp, settle, viewer_of
from tests.webhooks.receivers import OK, Receiver, answering
from webhooks.forwarding import Credentials, Forwarder, Token

BAD: Final = b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno"
HASTY: Final = {"webhook_schedule": "0.2,0.2,0.2,0.2"}
ONLY: Final = {"eventTypes": ["DEVICE_STATUS_CHANGED"]}
SWITCH: Final = """
mutation($id: ID!, $level: Int!) {
  controlDevice(input: {deviceId: $id, state: {on: true, brightness: $level}}) { status }
}
"""
LIST: Final = "{ webhookEndpoints { nodes { id url status health { error } } } }"
LEVELS: Final = count(1)


@dataclass
class Ear:
    """Who listens: what the client said, and how it ended."""

    forwarder: Forwarder
    task: asyncio.Task[None]
    said: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The endpoint's."""
        assert self.forwarder.endpoint_id is not None
        return self.forwarder.endpoint_id

    @property
    def secret(self) -> str:
        """What it verifies with."""
        (told,) = [line for line in self.said if line.startswith("secret: ")]
        return told.removeprefix("secret: ")

    async def ends(self) -> LatchkeyError:
        """What it is refused with, soon."""
        with pytest.raises(LatchkeyError) as refused:
            async with asyncio.timeout(10):
                await self.task
        return refused.value


@asynccontextmanager
async def ear(
    api: str, who: Token | Credentials, url: str, *, ready: bool = True, **more: Any
) -> AsyncIterator[Ear]:
    """Someone who listens while the block runs, and then presses Ctrl-C."""
    said: list[str] = []
    secret = more.pop("secret", None)
    forwarder = Forwarder(api, who, url, {**ONLY, **more}, said.append, secret)
    task = asyncio.create_task(forwarder.run())
    here = Ear(forwarder, task, said)
    try:
        if ready:
            await eventually(lambda: forwarder.endpoint_id is not None or task.done())
        yield here
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, LatchkeyError):
            await task


def at(api: Api, url: str, **more: Any) -> Any:
    """Someone with a token of the one grant."""
    return ear(api.base_url, Token(more.pop("token", None) or api.token()), url, **more)


async def switch(api: Api) -> None:
    """Have one more event happen."""
    await api.ask(SWITCH, id=api.light.id, level=next(LEVELS) % 100 + 1)


def verified(secret: str, raw: bytes) -> dict[str, Any]:
    """A request that came, verified by the official library."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
    headers = {name.lower(): value for name, value in lines}
    found: dict[str, Any] = Webhook(secret).verify(body, headers)
    return found


async def rows(api: Api, endpoint_id: str) -> Sequence[Any]:
    """The deliveries of an endpoint, as they are stored."""
    query = select(deliveries).where(deliveries.c.endpoint_id == endpoint_id)
    return await api.house.database.rows(query.order_by(deliveries.c.number))


async def there(api: Api) -> list[str]:
    """The ids of the endpoints that the client sees."""
    return [one["id"] for one in (await api.ask(LIST))["webhookEndpoints"]["nodes"]]


async def gone(api: Api, *left: str) -> bool:
    """Whether the client sees only these."""
    return await there(api) == list(left)


async def heard(here: Receiver, many: int = 1) -> None:
    """Return once so many requests came."""
    await eventually(lambda: len(here.got) >= many)


@pytest.mark.parametrize("unusual", [HASTY])
async def test_deliveries_come_signed_and_are_tried_again(api: Api) -> None:
    """Without a worker anywhere: verified by the library, recorded; gone with Ctrl-C."""
    async with answering(BAD, OK) as local:
        async with at(api, f"{local.url}?hidden=1") as here:
            await switch(api)
            await heard(local, 2)
            first, again = (verified(here.secret, raw) for raw in local.got[:2])
            assert first["data"] == again["data"]
            assert first["type"] == "device.status_changed"

            async def recorded() -> bool:
                first, *_ = await rows(api, here.id)
                return [one["status"] for one in first.attempts] == [500, 200]

            await eventually(recorded)
            (shown,) = (await api.ask(LIST))["webhookEndpoints"]["nodes"]
            assert (shown["id"], shown["url"]) == (here.id, f"listen:{local.url}")
            statuses = [line.split("  ")[1:3] for line in here.said if "  " in line]
            assert statuses[:2] == [[first["type"], "500"], [first["type"], "200"]]
        await eventually(lambda: gone(api))
    assert api.house.services.planner.taps == []
    assert api.house.dead == []


@pytest.mark.parametrize("unusual", [HASTY])
async def test_a_closed_port_is_a_failed_attempt(api: Api) -> None:
    """It is said in words, here and there, and tried again once something listens."""
    with bound("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
    async with at(api, f"http://127.0.0.1:{port}/") as here:
        await switch(api)
        await eventually(lambda: any("nothing listens there" in line for line in here.said))

        async def failed() -> bool:
            (shown,) = (await api.ask(LIST))["webhookEndpoints"]["nodes"]
            return "nothing listens there" in (shown["health"]["error"] or "")

        await eventually(failed)


async def test_two_listen_side_by_side_and_beside_a_worker(api: Api) -> None:
    """Each gets all, by its own secret; when the first goes, the second goes on."""
    given = Secret.make().text
    async with (
        answering() as one,
        answering() as two,
        working(api.house),
        at(api, two.url, secret=given) as second,
    ):
        async with at(api, one.url) as first:
            await switch(api)
            await heard(one)
            await heard(two)
            assert verified(first.secret, one.got[0]) != {}
            assert verified(given, two.got[0]) != {}
            assert not any(given in line for line in second.said)
        await eventually(lambda: gone(api, second.id))
        before = len(one.got), len(two.got)
        await switch(api)
        await heard(two, before[1] + 1)
        assert len(one.got) == before[0]


async def test_planning_goes_from_one_to_the_next(api: Api) -> None:
    """The first listener plans for both; when it goes, the other one does."""
    async with (
        answering() as local,
        at(api, local.url) as first,
        at(api, local.url) as second,
    ):
        first.task.cancel()
        await eventually(lambda: gone(api, second.id))
        await switch(api)
        await heard(local)
        assert verified(second.secret, local.got[0])


async def test_who_may_not_listen_is_told_why(api: Api) -> None:
    """A token that does not hold, one without the scope, nobody's client, a document, a URL."""
    narrow = api.token(scopes=[Scope.DEVICES_READ])
    grants = api.house.services.grants
    shared = await grants.give(api.user.id, EXPLORER, list(Scope), [Share(api.home_id)])
    query = "{ homes { totalCount } }"
    cases: list[tuple[dict[str, Any], str]] = [
        ({"token": "rubbish"}, "access token"),
        ({"token": api.token(seconds=-5)}, "expired"),
        ({"token": narrow}, "webhooks:manage"),
        ({"token": api.token(shared)}, "webhooks:manage"),
        ({"document": query}, "subscription"),
        ({"variables": [1]}, "variables"),
        ({"eventTypes": []}, "eventTypes"),
        ({"rateLimit": 0}, "rateLimit"),
        ({"ordering": "SIDEWAYS"}, "ORDERED or UNORDERED"),
        ({"signing": "ED25519"}, "signing"),
        ({"secret": "whsec_c2hvcnQ="}, "24 to 64 bytes"),
        ({"document": "#" * 300_000}, "too large"),
    ]
    for given, told in cases:
        async with at(api, "http://127.0.0.1:9/", ready=False, **given) as here:
            error = await here.ends()
        assert told in str(error), (given, error)
        assert isinstance(error, Refused | Invalid)
    assert await gone(api)
    assert api.house.services.planner.taps == []


async def test_addresses_that_cannot_be_right() -> None:
    """Said before anything is asked; and nobody is there, or somebody else."""
    token = Token("secret-token")
    for api, url, told in (
        ("ftp://127.0.0.1", "http://127.0.0.1:9/", "--api"),
        ("http://api.example.com", "http://127.0.0.1:9/", "in clear"),
        ("https://api.example.com", "localhost:3000", "--forward-to"),
    ):
        with pytest.raises(Invalid, match=told):
            Forwarder(api, token, url, {}, print)
    with bound("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
    async with ear(f"http://127.0.0.1:{port}", token, "http://127.0.0.1:9/", ready=False) as here:
        error = await here.ends()
        assert isinstance(error, Unavailable)
        assert "Nothing answers" in str(error)
        assert token.text not in str(error)
    async with answering(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n") as stranger:
        there = f"http://127.0.0.1:{stranger.port}/graphql"
        async with ear(there, token, "http://127.0.0.1:9/", ready=False) as here:
            assert "404 instead of listening" in str(await here.ends())


async def test_access_that_is_taken_back_ends_it(api: Api) -> None:
    """Within two seconds, and the endpoint goes too; so does it when the token is over."""
    async with answering() as local:
        async with at(api, local.url, token=api.token(seconds=SOON)) as brief:
            assert "expired" in str(await brief.ends())
        async with at(api, local.url) as here:
            await api.house.services.grants.revoke(api.grant)
            assert "took this access back" in str(await here.ends())
        left = select(endpoints.c.id).where(endpoints.c.status != "DELETED")
        assert await api.house.database.rows(left) == []


@pytest.mark.parametrize("unusual", [{"access_token_seconds": 5}])
async def test_a_client_goes_on_by_its_credentials(api: Api) -> None:
    """Its tokens are changed for new ones while it listens; wrong ones are refused."""
    accounts, grants = api.house.services.accounts, api.house.services.grants
    client = await accounts.create_client("Backend", auth=ClientAuth.BASIC)
    await grants.give(api.user.id, client.id, list(Scope), [Share(api.home_id)])
    secret = await api.house.services.client_secrets.rotate(client.id)
    async with answering() as local:
        async with ear(api.base_url, Credentials(client.id, secret), local.url) as here:
            await asyncio.sleep(6)
            await switch(api)
            await heard(local)
            assert verified(here.secret, local.got[0])
            assert not any("Broken" in line for line in here.said)
        wrong = Credentials(client.id, "wrong")
        async with ear(api.base_url, wrong, local.url, ready=False) as here:
            assert "got no token" in str(await here.ends())


async def test_what_its_client_does_to_the_endpoint_counts(api: Api) -> None:
    """Paused and resumed, its URL left alone, deleted; and 410 disables it."""
    update = "mutation($id: ID!, $u: String!) { updateWebhookEndpoint(input: {id: $id, url: $u}) { id } }"  # noqa: E501 - one line of a document
    async with answering(OK, OK, b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n") as local:
        async with at(api, local.url) as here:
            error = await api.refused(update, id=here.id, u="https://partner.example/hooks")
            assert error["extensions"]["field"] == "url"
            await api.ask("mutation($id: ID!) { pauseWebhookEndpoint(id: $id) { id } }", id=here.id)
            await asyncio.sleep(1.6)
            await switch(api)
            await asyncio.sleep(0.3)
            assert local.got == []
            await api.ask(
                "mutation($id: ID!) { resumeWebhookEndpoint(id: $id) { id } }", id=here.id
            )
            await heard(local)
            await api.ask("mutation($id: ID!) { deleteWebhookEndpoint(id: $id) }", id=here.id)
            assert "was deleted" in str(await here.ends())
        async with at(api, local.url) as here:
            await switch(api)
            await heard(local, 2)
            await switch(api)
            assert "is disabled" in str(await here.ends())
        await eventually(lambda: gone(api))


async def test_a_connection_that_breaks_is_made_again(sqlite_url: str, run_house: Run) -> None:
    """A server that restarts: another endpoint, the same secret, and what happened since comes."""
    async with run_house(sqlite_url) as house, answering() as local:
        estate = await settle(house, [lamp("lamp")])
        with bound("127.0.0.1", 0) as listener:
            port = listener.getsockname()[1]
            base = f"http://127.0.0.1:{port}"
            token = Token(house.tokens.issue(estate.grant, list(Scope), 600))
            serving = listening(house, listener)
            await serving.__aenter__()
            async with ear(base, token, local.url) as here:
                first = here.id
                await serving.__aexit__(None, None, None)
                await eventually(lambda: any("Broken off" in line for line in here.said))
                with bound("127.0.0.1", port) as again:
                    async with listening(house, again):
                        await eventually(lambda: here.id != first)
                        await estate.hear(1, brightness=7)
                        await heard(local)
                        assert verified(here.secret, local.got[0])


async def test_what_a_dead_server_left_a_worker_cleans_up(
    sqlite_url: str, run_house: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once its lease is over it is gone, although nothing ever happened for it; nothing is sent."""
    async with run_house(sqlite_url, webhook_allow="127.0.0.1") as house, answering() as local:
        estate = await settle(house, [lamp("lamp")])
        monkeypatch.setattr(stored, "LEASE_SECONDS", 3.0)
        begin(house)
        given: Any = {"url": local.url, "document": "subscription { events { id } }"}
        viewer = viewer_of(house, estate.grant)
        made = await house.services.endpoints.create(viewer, given, "worker_dead")
        query = select(endpoints.c.status).where(endpoints.c.id == made.held.endpoint.id)

        async def status() -> list[str]:
            return [row.status for row in await house.database.rows(query)]

        async with working(house):
            await estate.hear(1, brightness=7)
            await asyncio.sleep(0.7)
            assert await status() == ["ACTIVE"]
            await eventually(lambda: _gone(status))
        assert local.got == []


async def _gone(status: Any) -> bool:
    return await status() in ([], ["DELETED"])


RUDE: Final = [
    ("rubbish", "JSON"),
    ("[]", "object with a type"),
    ('{"type": "listen"}', "first message"),
    ('{"type": "listen", "input": {"url": 1}}', "text"),
    ('{"type": "pong"}', "first message"),
]


@pytest.mark.parametrize("unusual", [{"heartbeat_seconds": 0.5, "init_timeout_seconds": 0.5}])
async def test_rude_clients_cost_themselves_alone(api: Api) -> None:
    """What is no message, answers to nobody, silence: closed, each with a reason."""
    told = {"Authorization": f"Bearer {api.token()}"}
    url = f"{api.base_url}/webhooks/listen"

    async def ended(socket: aiohttp.ClientWebSocketResponse) -> tuple[str, int | None]:
        said = ""
        async for message in socket:
            said = message.json().get("message", said)
        return said, socket.close_code

    begin = '{"type": "listen", "input": {"url": "here"}}'
    cases: list[tuple[tuple[str, ...], str, int]]
    cases = [((text,), why, 4400) for text, why in RUDE]
    cases.append(
        ((begin, '{"type": "answer", "id": 7, "status": 200, "seconds": 0}'), "id 7", 4400)
    )
    cases.append(((begin, '{"type": "answer", "id": 7}'), "seconds", 4400))
    cases.append(((begin, '{"type": "dance"}'), "no message type", 4400))
    cases.append(((begin, '{"type": "token"}'), "Show an access token", 4403))
    cases.append(((begin,), "two heartbeats", 1013))
    cases.append(((), "Nothing came", 1013))
    for texts, why, code in cases:
        async with api.http.ws_connect(url, headers=told) as socket:
            for text in texts:
                await socket.send_str(text)
            said, closed = await ended(socket)
        assert why in said, (texts, said)
        assert closed == code
    async with api.http.ws_connect(url) as socket:
        assert (await ended(socket))[1] == 4403
    await eventually(lambda: gone(api))
    assert api.house.dead == []
