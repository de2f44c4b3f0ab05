"""What happens once happens once, however many ask at the same time, on both databases."""

import asyncio

from tests.app.oauth.site import Site

MANY = 50


async def test_one_of_many_redeems_a_code(site: Site) -> None:
    """RFC 6749 §4.1.2: exactly one gets tokens; the others end them, being replays."""
    code, _ = await site.code()
    found = await asyncio.gather(*(site.redeem(code) for _ in range(MANY)))
    (won,) = [answer for status, answer in found if status == 200]
    assert {answer["error"] for status, answer in found if status != 200} == {"invalid_grant"}
    assert await site.ask(won["access_token"]) == 401
    assert (await site.refresh(won["refresh_token"]))[1]["error"] == "invalid_grant"


async def test_one_refresh_of_many_rotates(site: Site) -> None:
    """RFC 9700 §4.14.2: all who ask at once are given the one successor, and it works."""
    token = (await site.tokens())["refresh_token"]
    found = await asyncio.gather(*(site.refresh(token) for _ in range(MANY)))
    assert {status for status, _ in found} == {200}
    (successor,) = {answer["refresh_token"] for _, answer in found}
    assert successor != token
    status, _ = await site.refresh(successor)
    assert status == 200


async def test_a_refresh_and_a_revocation_at_once(site: Site) -> None:
    """RFC 7009 §2.1: whichever comes first, nothing that was issued lives on."""
    first = await site.tokens()
    token = {"token": first["refresh_token"]}
    (_, answer), (status, _) = await asyncio.gather(
        site.refresh(first["refresh_token"]), site.post("revoke", token)
    )
    assert status == 200
    newest = answer.get("refresh_token", first["refresh_token"])
    assert (await site.refresh(newest))[1]["error"] == "invalid_grant"
