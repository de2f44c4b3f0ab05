"""A receiver of Latchkey's webhooks: it verifies, knows again what it has, and works afterwards.

    pip install standardwebhooks starlette uvicorn
    WEBHOOK_SECRET=whsec_… uvicorn receiver:app --port 8765

What waits and what was seen is in memory here, so a restart forgets it. Where that must not be, put
each message into your database before you answer, with its `webhook-id` as a unique key.
"""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

LARGEST = 64 * 1024  # bytes; nothing longer is sent
REMEMBERED = 10_000  # messages
MOST_WAITING = 1_000  # messages

log = logging.getLogger("receiver")
webhook = Webhook(os.environ["WEBHOOK_SECRET"])
seen: dict[str, None] = {}  # the ids of messages, the oldest first
waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue()


async def receive(request: Request) -> Response:
    """Verify the body as it came, take it once, and answer before anything is done with it."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST:
            return Response(status_code=413)
    try:
        message = webhook.verify(body, dict(request.headers))
    except (WebhookVerificationError, ValueError):  # the latter where headers or body are rubbish
        return Response(status_code=400)
    message_id = request.headers["webhook-id"]
    if message_id in seen:
        return Response(status_code=204)
    if waiting.qsize() >= MOST_WAITING:
        return Response(status_code=503, headers={"Retry-After": "5"})
    waiting.put_nowait(message)
    seen[message_id] = None
    if len(seen) > REMEMBERED:
        del seen[next(iter(seen))]
    return Response(status_code=204)


async def handle(message: dict[str, Any]) -> None:
    """Your work."""
    print(json.dumps(message), flush=True)


async def work() -> None:
    """Handle messages one after the other, in the order in which they came."""
    while True:
        message = await waiting.get()
        try:
            await handle(message)
        except Exception:
            log.exception("A message could not be handled.")


@asynccontextmanager
async def working(_: Starlette) -> AsyncIterator[None]:
    """Work while the app is served."""
    task = asyncio.create_task(work())
    yield
    task.cancel()


app = Starlette(routes=[Route("/hooks", receive, methods=["POST"])], lifespan=working)
