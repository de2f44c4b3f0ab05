"""Exchange: a request read straight off ASGI."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from app.exchange import Exchange, Gone, Turned


def exchange(messages: Iterable[Any], headers: Iterable[tuple[bytes, bytes]] = ()) -> Exchange:
    """A request whose body comes in these messages; a number is a pause in seconds."""
    rest = iter(messages)

    async def receive() -> Any:
        message = next(rest)
        if isinstance(message, float):
            await asyncio.sleep(message)
            message = next(rest)
        return message

    async def send(message: Any) -> None:
        raise AssertionError(message)

    return Exchange({"method": "POST", "headers": list(headers)}, receive, send)


def part(body: bytes, *, more: bool) -> dict[str, Any]:
    """A message with a part of the body."""
    return {"type": "http.request", "body": body, "more_body": more}


async def test_a_body_that_is_there_is_not_waited_for() -> None:
    """It came with its head."""
    assert await exchange([part(b"ab", more=False)]).body(2, 1) == (b"ab", False)


async def test_a_body_in_parts_is_put_together() -> None:
    """With a wait before the first and between two of them."""
    parts = [0.01, part(b"a", more=True), part(b"b", more=True), 0.01, part(b"c", more=False)]
    assert await exchange(parts).body(3, 1) == (b"abc", True)


@pytest.mark.parametrize("parts", [[b"abc"], [b"ab", b"c"], [b"", b"abc"]], ids=len)
async def test_a_body_beyond_its_bound(parts: list[bytes]) -> None:
    """However it comes; nothing after the bound is read."""
    messages = [part(one, more=True) for one in parts]
    with pytest.raises(Turned, match="larger than 2 bytes") as caught:
        await exchange(messages).body(2, 1)
    assert caught.value.status == 413


@pytest.mark.parametrize("before", [[], [0.01], [part(b"a", more=True)]], ids=["0", "later", "mid"])
async def test_a_client_that_hangs_up(before: list[Any]) -> None:
    """Nobody is left to answer."""
    with pytest.raises(Gone):
        await exchange([*before, {"type": "http.disconnect"}]).body(9, 1)


async def test_a_header_that_comes_twice() -> None:
    """It is one list; two credentials are none."""
    asked = exchange([], [(b"accept", b"text/html"), (b"accept", b"*/*")])
    assert asked.header(b"accept") == "text/html, */*"
    assert asked.header(b"cookie") is None


async def test_a_head_is_read_in_one_go() -> None:
    """However often a header comes: a value for each, and no copy of all before it."""
    many = exchange([], [(b"x", b"%d" % n) for n in range(100_000)])
    assert str(many.header(b"x")).endswith(", 99998, 99999")
    with pytest.raises(Turned, match="100000 headers") as caught:
        many.check()
    assert caught.value.status == 431


async def test_a_length_that_no_number_is_long_enough_for() -> None:
    """It is too long, and not a failure to read it."""
    with pytest.raises(Turned, match="larger than"):
        await exchange([], [(b"content-length", b"9" * 5_000)]).body(2, 1)


async def _awaited(one: Any) -> Any:
    return await one
