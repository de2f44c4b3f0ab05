"""The kinds of work that a plan can name, each with its connections open while the block runs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson

from bench.load import http
from bench.load.crowd import crowd_of
from bench.load.fan import Fan
from bench.load.pace import Work
from bench.load.plan import Plan
from bench.load.wrong import Wrong

OK = 200
TOKEN = b'{"access_token":"'
BEGINNINGS = (b'{"data":{', b'{"data": {')
STATES = """query States($ids: [ID!]!) { nodes(ids: $ids) { ... on Device { id state { on } } } }"""
IDS_AT_ONCE = 50


@asynccontextmanager
async def opened(plan: Plan) -> AsyncIterator[Work]:
    """The work of a plan, ready to be done."""
    kinds = {"query": _query, "control": _control, "fan": _fan, "issue": _issue, "crowd": _crowd}
    async with kinds[plan.work](plan) as work:
        yield work


class Query:
    """The same question, over and over; the answers may differ, their size only a little."""

    def __init__(self, lines: list[http.Connection], raw: bytes, least: int) -> None:
        """`raw` is the request; answers shorter than `least` bytes are wrong."""
        self._lines = lines
        self._raw = raw
        self._least = least

    async def one(self, worker: int) -> bool:
        """Ask once."""
        status, body = await self._lines[worker].ask(self._raw)
        if status != OK or len(body) < self._least or not body.startswith(BEGINNINGS):
            raise Wrong(_shown(status, body))
        return True


class Issue:
    """Tokens for one client, each another; one that comes twice is wrong."""

    def __init__(self, lines: list[http.Connection], raw: bytes) -> None:
        """`raw` is the request."""
        self._lines = lines
        self._raw = raw
        self._last = [b""] * len(lines)

    async def one(self, worker: int) -> bool:
        """Ask for one."""
        status, body = await self._lines[worker].ask(self._raw)
        if status != OK or not body.startswith(TOKEN) or body == self._last[worker]:
            raise Wrong(_shown(status, body))
        self._last[worker] = body
        return True


class Control:
    """Devices switched on and off in turn; each worker has devices of its own."""

    def __init__(self, lines: list[http.Connection], plan: Plan, states: dict[str, bool]) -> None:
        """`states` tells which devices there are, and whether each is on."""
        self._lines = lines
        self._plan = plan
        self._states = states
        every = list(states)
        self._devices = [every[worker :: len(lines)] for worker in range(len(lines))]
        self._turns = [0] * len(lines)

    async def one(self, worker: int) -> bool:
        """Switch one device; whether that was CONFIRMED."""
        devices = self._devices[worker]
        device_id = devices[self._turns[worker] % len(devices)]
        self._turns[worker] += 1
        on = not self._states[device_id]
        variables = {"input": {"deviceId": device_id, "state": {"on": on}}}
        raw = http.request(self._plan.token, self._plan.document, variables)
        status, body = await self._lines[worker].ask(raw)
        answer = orjson.loads(body)
        if status != OK or "errors" in answer:
            raise Wrong(_shown(status, body))
        if answer["data"]["controlDevice"]["status"] != "CONFIRMED":
            return False
        self._states[device_id] = on
        return True


@asynccontextmanager
async def _query(plan: Plan) -> AsyncIterator[Work]:
    lines = await http.connect(plan.port, plan.workers)
    raw = http.request(plan.token, plan.document, plan.variables)
    async with _changes(plan.more.get("changes"), plan.more.get("per_second", 0.0)):
        yield Query(lines, raw, plan.more["least_bytes"])
    _hang_up(lines)


@asynccontextmanager
async def _changes(path: str | None, rate: float) -> AsyncIterator[None]:
    """Ask for changes at a rate, on the server's socket at `path`, while the block runs."""
    if path is None:
        yield
        return
    _, writer = await asyncio.open_unix_connection(path)

    async def work() -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            writer.write(b"\n")
            due += 1 / rate
            await asyncio.sleep(due - loop.time())

    task = asyncio.create_task(work())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        writer.close()


@asynccontextmanager
async def _issue(plan: Plan) -> AsyncIterator[Work]:
    lines, app = await http.connect(plan.port, plan.workers), plan.more["app"]
    yield Issue(lines, http.form(plan.document, app["id"], app["secret"], plan.more["form"]))
    _hang_up(lines)


@asynccontextmanager
async def _control(plan: Plan) -> AsyncIterator[Work]:
    lines = await http.connect(plan.port, plan.workers)
    devices: list[str] = plan.more["devices"]
    states: dict[str, bool] = {}
    for start in range(0, len(devices), IDS_AT_ONCE):
        some = devices[start : start + IDS_AT_ONCE]
        raw = http.request(plan.token, STATES, {"ids": some})
        status, body = await lines[0].ask(raw)
        answer: dict[str, Any] = orjson.loads(body)
        if status != OK or "errors" in answer:
            raise Wrong(_shown(status, body))
        states |= {one["id"]: one["state"]["on"] for one in answer["data"]["nodes"]}
    yield Control(lines, plan, states)
    _hang_up(lines)


@asynccontextmanager
async def _fan(plan: Plan) -> AsyncIterator[Work]:
    fan = Fan(plan.more["changes"])
    await fan.open(plan.port, plan.token, plan.document, plan.variables, plan.more["sockets"])
    yield fan
    fan.close()


@asynccontextmanager
async def _crowd(plan: Plan) -> AsyncIterator[Work]:
    crowd, seats = crowd_of(plan)
    await crowd.enter(plan.port, plan.document, seats)
    await crowd.begin()
    yield crowd
    crowd.close()


def _hang_up(lines: list[http.Connection]) -> None:
    for line in lines:
        line.close()


def _shown(status: int, body: bytes) -> str:
    return f"{status} {body[:500].decode(errors='replace')}"
