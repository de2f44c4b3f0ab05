"""`delivery: LATEST` over a socket: of states only the newest of each device, of all else all."""

import asyncio
from typing import Any

import pytest

from core.domain.devices import State
from core.domain.ports import Report
from tests.app.conftest import Api
from tests.app.test_socket import Socket, opened

NEWEST = """
subscription($after: String, $ms: Int = 0) {
  events(delivery: LATEST, minIntervalMs: $ms, after: $after) {
    __typename sequence
    ... on DeviceStatusChanged { device { id } state { brightness } }
  }
}
"""


async def report(api: Api, *values: int) -> None:
    """Have the lamp report these, one after the other and faster than anybody reads."""
    order = (await api.house.device(api.light.id)).order
    await asyncio.gather(
        *(
            api.house.services.reports.take(
                api.home_id,
                Report(api.light.id, order + number, State(brightness=value)),
                frozenset(),
            )
            for number, value in enumerate(values, start=1)
        )
    )


async def shown(socket: Socket) -> tuple[dict[str, Any], dict[str, Any]]:
    """The next event and its extensions."""
    while (message := await socket.next())["type"] == "ping":
        await socket.send({"type": "pong"})
    assert message["type"] == "next", message
    event: dict[str, Any] = message["payload"]["data"]["events"]
    return event, message["payload"]["extensions"]


async def test_what_is_overtaken_in_a_round_is_left_out_and_counted(api: Api) -> None:
    """The first begins a round at once; in the next one only the newest state is left."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(NEWEST, ms=400)
        await report(api, 11)
        first, extensions = await shown(socket)
        assert first["state"]["brightness"] == 11
        assert "coalesced" not in extensions
        begun = asyncio.get_running_loop().time()
        await report(api, 21, 22, 23, 24)
        await api.house.services.homes.rename(api.home_id, "Elsewhere")
        await report(api, 31)
        told = [await shown(socket) for _ in range(2)]
        assert asyncio.get_running_loop().time() - begun > 0.2
    kinds = [event["__typename"] for event, _ in told]
    assert kinds == ["HomeUpdated", "DeviceStatusChanged"]
    assert told[1][0]["state"]["brightness"] == 31
    assert told[1][1]["coalesced"] == 4
    assert "coalesced" not in told[0][1]


async def test_a_cursor_of_it_goes_on_with_the_newest(api: Api) -> None:
    """Of what happened meanwhile."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(NEWEST)
        await report(api, 11)
        _, extensions = await shown(socket)
    await report(api, *range(40, 60))
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(NEWEST, after=extensions["cursor"])
        event, extensions = await shown(socket)
        assert (event["state"]["brightness"], extensions["coalesced"]) == (59, 19)
        await report(api, 77)
        event, extensions = await shown(socket)
        assert (event["state"]["brightness"], "coalesced" in extensions) == (77, False)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("minIntervalMs: 5", "goes with delivery: LATEST"),
        ("delivery: ALL, minIntervalMs: 5", "goes with delivery: LATEST"),
        ("delivery: LATEST, minIntervalMs: -1", "give 0 to 3600000 milliseconds"),
        ("delivery: LATEST, minIntervalMs: 3600001", "give 0 to 3600000 milliseconds"),
    ],
)
async def test_an_interval_that_means_nothing_is_refused(
    api: Api, arguments: str, sentence: str
) -> None:
    """With what would be right; nothing is begun."""
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(f"subscription {{ events({arguments}) {{ id }} }}")
        message = await socket.next()
    assert message["type"] == "error"
    (error,) = message["payload"]
    assert error["extensions"]["code"] == "BAD_USER_INPUT"
    assert sentence in error["message"]


@pytest.mark.parametrize("arguments", ["delivery: null, minIntervalMs: null", "delivery: ALL"])
async def test_nothing_is_left_out_unless_it_is_asked_for(api: Api, arguments: str) -> None:
    """An explicit null is not given."""
    text = f"subscription {{ deviceStatusChanged({arguments}) {{ state {{ brightness }} }} }}"
    async with opened(api) as socket:
        await socket.init(api.token())
        await socket.subscribe(text)
        await report(api, *range(1, 31))
        seen = [(await socket.next())["payload"]["data"]["deviceStatusChanged"] for _ in range(30)]
    assert [one["state"]["brightness"] for one in seen] == list(range(1, 31))
