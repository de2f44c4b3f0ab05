"""What the endpoints for programs note and whom they make wait."""

import asyncio
from typing import Any

import pytest

from core.domain.accounts import ClientAuth, Flow
from core.domain.audit import Kind, Sought
from core.services.attempts import RULES
from tests.app.oauth.site import SCOPE, App, Site
from tests.core.services.estate import LeapClock

OWN = {"grant_type": "client_credentials"}


async def noted(site: Site, *kinds: Kind) -> list[tuple[str, str, str, str]]:
    """Kind, outcome, actor and detail of each row of these kinds, the oldest first."""
    audit = site.estate.house.services.audit
    await audit.close()
    rows = [row.content or {} for row in await audit.listed(Sought(), 500)]
    found = [row for row in reversed(rows) if row["kind"] in kinds]
    return [(row["kind"], row["outcome"], row["actor"], row["detail"]) for row in found]


async def test_tokens_are_noted(site: Site) -> None:
    """Given out, refused and revoked; by the client, with the grant, without the token."""
    code, grant = await site.code()
    _, answer = await site.redeem(code)
    await site.refresh(answer["refresh_token"])
    await site.refresh("nothing.at-all")
    await site.post("revoke", {"token": answer["access_token"]})
    rows = await noted(site, Kind.TOKEN_ISSUE, Kind.TOKEN_REVOKE)
    me = site.app.client.id
    assert [row[:3] for row in rows] == [
        ("token.issue", "allowed", me),
        ("token.issue", "allowed", me),
        ("token.issue", "refused", me),
        ("token.revoke", "allowed", me),
    ]
    assert grant.id in rows[0][3]
    assert '"reason": "invalid_grant"' in rows[2][3]
    assert not [secret for secret in site.seen if secret in str(rows)]


async def test_a_token_that_was_used_twice_is_noted(site: Site) -> None:
    """The family's end is a decision of its own."""
    first = await site.tokens()
    second = (await site.refresh(first["refresh_token"]))[1]
    await site.refresh(second["refresh_token"])
    await site.refresh(first["refresh_token"])
    rows = await noted(site, Kind.TOKEN_REVOKE)
    assert [row[1] for row in rows] == ["allowed"]


async def test_who_proves_nothing_is_counted(site: Site) -> None:
    """By address and minute, and not one by one: nobody makes the writer busy."""
    liar = App(site.app.client, "a guess")
    for _ in range(3):
        assert (await site.post("token", OWN, liar))[0] == 401
    (row,) = await noted(site, Kind.CLIENT_AUTHENTICATE)
    assert row == (
        "client.authenticate",
        "refused",
        "anonymous",
        '{"count": 3, "reason": "invalid_client"}',
    )


async def test_a_public_client_is_nobody(site: Site) -> None:
    """Anybody may send its id, so what is refused it is counted too."""
    public = await site.new_app(ClientAuth.NONE)
    for _ in range(2):
        await site.refresh("nothing.at-all", public)
    assert [row[2] for row in await noted(site, Kind.TOKEN_ISSUE)] == ["anonymous"]


async def test_who_guesses_waits(site: Site) -> None:
    """After so many it is turned away before anything is looked up, and told for how long."""
    for _ in range(RULES["client"].burst - 1):
        site.estate.house.throttle.count("client", "127.0.0.1")
    guesses = [await site.post("token", OWN, App(site.app.client, str(one))) for one in range(3)]
    assert [status for status, _ in guesses] == [401, 429, 429]
    status, answer = await site.post("token", OWN)
    assert (status, answer["error"]) == (429, "temporarily_unavailable")
    assert "Try again in" in answer["error_description"]


async def test_who_proves_it_never_waits(site: Site) -> None:
    """However often."""
    for _ in range(RULES["client"].burst - 1):
        site.estate.house.throttle.count("client", "127.0.0.1")
    many = 20
    answers = await asyncio.gather(*(site.post("token", OWN) for _ in range(many)))
    assert {status for status, _ in answers} == {200}


@pytest.mark.parametrize("params", [{}, {"client_id": "client_x"}])
async def test_nobody_fills_the_table_of_requests(site: Site, params: Any) -> None:
    """Whoever asks for authorization too often is answered 429, before anything is kept."""
    found = [(await site.authorize(params))[0] for _ in range(RULES["authorize"].burst + 5)]
    assert found[0] == 400
    assert 429 in found


async def test_a_device_that_polls_too_fast_waits(site: Site) -> None:
    """RFC 8628 §3.5: of a client that proves nothing, each such poll counts; nothing is noted."""
    public = await site.new_app(ClientAuth.NONE)
    _, asked = await site.post("device", {"scope": SCOPE}, public)
    form = {"grant_type": Flow.DEVICE.value, "device_code": asked["device_code"]}
    for _ in range(RULES["client"].burst - 1):
        site.estate.house.throttle.count("client", "127.0.0.1")
    found = [(await site.post("token", form, public))[1]["error"] for _ in range(4)]
    assert found[:2] == ["authorization_pending", "slow_down"]
    assert found[3] == "temporarily_unavailable"
    assert await noted(site, Kind.TOKEN_ISSUE) == []


async def test_whose_token_was_used_twice_is_told(site: Site, clock: LeapClock) -> None:
    """Of a public client, too, of which nobody can prove that they are it."""
    public = await site.new_app(ClientAuth.NONE)
    first = await site.tokens(public)
    await site.refresh(first["refresh_token"], public)
    clock.leap(31)
    await site.refresh(first["refresh_token"], public)
    ((_, outcome, actor, detail),) = await noted(site, Kind.TOKEN_REVOKE)
    assert (outcome, actor) == ("allowed", public.client.id)
    assert '"grant_id"' in detail
