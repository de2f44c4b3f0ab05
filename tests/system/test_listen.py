"""`latchkey listen` as a developer runs it: the real program, against a demo that is killed."""

import re
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from standardwebhooks import Webhook

from app.forward import listen
from core.domain.errors import Invalid
from tests.core.services.estate import eventually
from tests.processes import Process, Starter, partner_of
from tests.system.test_demo import CONTROL
from tests.webhooks.receivers import answering

NOWHERE = "http://127.0.0.1:1"
LIST = "{ webhookEndpoints { nodes { id } } }"


async def test_a_developer_listens_while_the_server_dies(starter: Starter) -> None:
    """Verified deliveries before and after, by one secret; Ctrl-C is its usual end."""
    demo = starter.demo()
    base = demo.ready["base_url"]
    async with answering() as local:
        env = {"ACCESS_TOKEN": demo.ready["access_token"]}
        words = ("--api", base, "--event-type", "COMMAND_UPDATED")
        listener = starter.listen("--forward-to", f"{local.url}", *words, env=env)
        await eventually(lambda: "secret: " in listener.said)
        secret = re.findall("^secret: (.*)$", listener.said, re.MULTILINE)[0]
        await _dim(demo, 20)
        await eventually(lambda: len(local.got) > 0)
        _check(secret, local.got)
        demo.end(signal.SIGKILL)
        await eventually(lambda: "Broken off" in listener.said)
        again = starter.demo(port=base.rpartition(":")[2])
        ids = _ids(listener)
        await eventually(lambda: len(_ids(listener)) > len(ids))
        seen = len(local.got)
        await _dim(again, 30)
        await eventually(lambda: len(local.got) > seen)
        _check(secret, local.got)
        assert listener.end(signal.SIGINT) == 0
        await eventually(lambda: _lacks(again, _ids(listener)[-1]))
    assert secret not in demo.said + again.said


def test_what_is_wrong_is_said(starter: Starter) -> None:
    """Nobody there: one sentence, without the token. What is given wrongly, before it is asked."""
    to = "http://localhost:3000/hooks"
    said = starter.refused("listen", "--forward-to", to, "--api", NOWHERE, "--token", "my-token")
    assert said.startswith(f"latchkey: Nothing answers at {NOWHERE}")
    assert "my-token" not in said
    with pytest.raises(Invalid, match="ACCESS_TOKEN"):
        listen(forward_to=to)
    with pytest.raises(Invalid, match="cannot be read"):
        listen(forward_to=to, token="t", document=Path("nowhere.graphql"))
    with pytest.raises(Invalid, match="not JSON"):
        listen(forward_to=to, token="t", variables="{")


async def _dim(demo: Process, level: int) -> None:
    light = demo.ready["light_id"]
    await partner_of(demo).ask(CONTROL, id=light, brightness=level)


async def _lacks(demo: Process, endpoint_id: str) -> bool:
    nodes = (await partner_of(demo).ask(LIST))["webhookEndpoints"]["nodes"]
    return endpoint_id not in [one["id"] for one in nodes]


def _ids(listener: Process) -> list[str]:
    return re.findall("^endpoint: (.*)$", listener.said, re.MULTILINE)


def _check(secret: str, requests: Sequence[bytes]) -> None:
    for raw in requests:
        head, _, body = raw.partition(b"\r\n\r\n")
        lines = (line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        headers = {name.lower(): value for name, value in lines}
        assert Webhook(secret).verify(body, headers)["type"] == "command.updated"
