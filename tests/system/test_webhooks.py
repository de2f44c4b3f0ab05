"""Webhooks as a partner meets them in the demo: registered, verified, broken, and repaired."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
import orjson
from aiohttp import web
from standardwebhooks import Webhook

from tests.core.services.estate import eventually
from tests.processes import Partner, Process, Starter, partner_of

HASTY: Final = {"LATCHKEY_WEBHOOK_SCHEDULE": "0.2,0.2,0.2,0.2,0.2,0.2"}
DOCUMENT: Final = """
subscription($device: ID!) {
  deviceStatusChanged(deviceIds: [$device]) { id sequence device { id name } state { on } changed }
}
"""
SWITCHES: Final = "{ devices(first: 1, filter: { kind: [SWITCH, OUTLET] }) { nodes { id } } }"
PRESS: Final = """
mutation($id: ID!, $on: Boolean!) {
  simulateDevice(input: { deviceId: $id, report: { on: $on } }) { id }
}
"""
CREATE: Final = """
mutation($url: String!, $document: String!, $variables: JSON) {
  createWebhookEndpoint(input: { url: $url, document: $document, variables: $variables }) {
    secret endpoint { id status }
  }
}
"""
LOST: Final = """
query($id: ID!) {
  webhookDeliveries(first: 10, filter: { endpointId: $id, status: FAILED }) {
    nodes { eventId webhookId reason attempts { status } }
  }
}
"""
EXPLAIN: Final = "query($id: ID!) { explainEvent(eventId: $id) { outcome reason } }"
REPLAY: Final = """
mutation($id: ID!) { replayWebhooks(input: { endpointId: $id, onlyFailed: true }) { id made } }
"""


@dataclass
class Receiver:
    """What came, verified by the official library, and what is answered."""

    secret: str = ""
    status: int = 204
    url: str = ""
    got: list[bytes] = field(default_factory=list)
    bad: int = 0

    async def take(self, request: web.Request) -> web.Response:
        """One request."""
        body = await request.read()
        if not self.secret:  # it comes with the answer that made the endpoint
            return web.Response(status=503)
        Webhook(self.secret).verify(body, dict(request.headers))
        if self.status == 204:
            self.got.append(body)
        else:
            self.bad += 1
        return web.Response(status=self.status)

    def bodies(self) -> list[dict[str, Any]]:
        """What was taken."""
        return [orjson.loads(body) for body in self.got]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """A receiver on loopback while the block runs."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/hooks", receiver.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    receiver.url = f"http://{host}:{port}/hooks"
    yield receiver
    await runner.cleanup()


@asynccontextmanager
async def seen_live(demo: Process, device: str) -> AsyncIterator[Callable[[], Any]]:
    """The same document over a WebSocket: the bytes of each message."""
    ready = demo.ready
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(ready["ws_url"], protocols=("graphql-transport-ws",)) as socket,
    ):
        payload: dict[str, Any] = {"authorization": f"Bearer {ready['access_token']}"}
        await socket.send_json({"type": "connection_init", "payload": payload})
        assert (await socket.receive_json())["type"] == "connection_ack"
        payload = {"query": DOCUMENT, "variables": {"device": device}}
        await socket.send_json({"id": "1", "type": "subscribe", "payload": payload})
        await socket.send_json({"type": "ping"})
        assert (await socket.receive_json())["type"] == "pong"

        async def next_one() -> bytes:
            while (text := await socket.receive_str()).find('"next"') < 0:
                pass
            return text.encode()

        yield next_one


def data(message: bytes, end: bytes) -> bytes:
    """The bytes of `data`, which stands before a member of that name."""
    return message.partition(b'"data":')[2].rpartition(end)[0]


async def test_a_loss_is_repaired_with_one_replay(starter: Starter) -> None:
    """The document from GraphiQL, a switch, a verified delivery; a broken receiver, one replay."""
    demo = starter.demo(env=HASTY)
    partner = partner_of(demo)
    (switch,) = (await partner.ask(SWITCHES))["devices"]["nodes"]
    device = switch["id"]
    async with receiving() as receiver, seen_live(demo, device) as live:
        made = await partner.ask(
            CREATE, url=receiver.url, document=DOCUMENT, variables={"device": device}
        )
        made = made["createWebhookEndpoint"]
        receiver.secret, endpoint_id = made["secret"], made["endpoint"]["id"]
        for on in (True, False, True):
            await partner.ask(PRESS, id=device, on=on)
        shown = [data(await live(), b',"extensions"') for _ in range(2)]
        await eventually(lambda: len(receiver.got) >= 2)
        assert [data(body, b',"meta"') for body in receiver.got[:2]] == shown
        await broken(partner, receiver, device, endpoint_id)
        before = len(receiver.got)
        assert (await partner.ask(REPLAY, id=endpoint_id))["replayWebhooks"]["id"]
        await eventually(lambda: len(receiver.got) > before)
        again = receiver.bodies()[-1]
        lost = (await partner.ask(LOST, id=endpoint_id))["webhookDeliveries"]["nodes"]
        assert again["meta"]["replayOf"] in {one["webhookId"] for one in lost}
        told = {body["data"]["deviceStatusChanged"]["id"] for body in receiver.bodies()}
        assert {one["eventId"] for one in lost} <= told


async def broken(partner: Partner, receiver: Receiver, device: str, endpoint_id: str) -> None:
    """The receiver refuses what comes until it is given up, which the graph explains."""
    receiver.status = 400
    await partner.ask(PRESS, id=device, on=False)

    async def lost() -> bool:
        return bool((await partner.ask(LOST, id=endpoint_id))["webhookDeliveries"]["nodes"])

    await eventually(lost)
    (one, *_) = (await partner.ask(LOST, id=endpoint_id))["webhookDeliveries"]["nodes"]
    assert [attempt["status"] for attempt in one["attempts"]] == [400, 400, 400]
    (why,) = (await partner.ask(EXPLAIN, id=one["eventId"]))["explainEvent"]
    assert why["outcome"] == "FAILED"
    assert "400" in why["reason"]
    await asyncio.sleep(0.3)
    receiver.status = 204
