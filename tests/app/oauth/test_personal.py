"""Personal access tokens as credentials: wherever an access token is good, and no client's."""

import pytest

from core.domain.grants import Grant, Scope, Share
from core.tokens import new_personal
from tests.app.oauth.site import Site
from tests.core.services.estate import LeapClock

DAY = 24 * 3600


async def make(site: Site, days: int = 7) -> tuple[str, Grant]:
    """A token of the user's for the whole home."""
    estate = site.estate
    return await estate.house.services.personal_keys.make(
        estate.user.id, "laptop", [Scope.DEVICES_READ], [Share(estate.home.id)], days
    )


async def challenge(site: Site, text: str) -> tuple[int, str]:
    """The status of a query, and what the answer says of the credentials."""
    async with site.http.post(
        f"{site.base_url}/graphql",
        json={"query": "{ homes { totalCount } }"},
        headers={"Authorization": f"Bearer {text}"},
    ) as response:
        return response.status, response.headers.get("WWW-Authenticate", "")


async def test_it_is_a_bearer_token(site: Site, clock: LeapClock) -> None:
    """RFC 6750 §2.1, §3.1: it opens what it is for; unknown, expired and revoked ones are 401."""
    text, grant = await make(site)
    assert await challenge(site, text) == (200, "")
    for wrong in (new_personal(), text + "x", "lkp_"):
        status, said = await challenge(site, wrong)
        assert (status, 'error="invalid_token"' in said) == (401, True)
        assert "no such personal access token" in said
    clock.leap(7 * DAY)
    status, said = await challenge(site, text)
    assert (status, "has expired" in said) == (401, True)
    await site.estate.house.services.personal_keys.revoke(site.estate.user.id, grant.id)
    assert (await challenge(site, text))[0] == 401


async def test_it_opens_no_more_than_was_ticked(site: Site) -> None:
    """RFC 6750 §3.1: 403, with the scope that is missing."""
    text, _ = await make(site)
    query = f'mutation {{ cancelCommand(id: "command_{"0" * 32}") {{ status }} }}'
    async with site.http.post(
        f"{site.base_url}/graphql",
        json={"query": query},
        headers={"Authorization": f"Bearer {text}"},
    ) as response:
        assert response.status == 403
        assert 'scope="devices:control"' in response.headers["WWW-Authenticate"]


@pytest.mark.parametrize("hint", ["access_token", "refresh_token"])
async def test_it_is_no_clients(site: Site, hint: str) -> None:
    """RFC 7662 §4, RFC 7009 §2.1: a client neither learns anything of it nor ends it."""
    text, grant = await make(site)
    for shown in (text, grant.id):
        form = {"token": shown, "token_type_hint": hint}
        assert await site.post("introspect", form) == (200, {"active": False})
        assert await site.post("revoke", form) == (200, {})
    assert await site.ask(text) == 200
    status, answer = await site.refresh(text)
    assert (status, answer["error"]) == (400, "invalid_grant")


async def test_its_socket_ends_with_it(site: Site, clock: LeapClock) -> None:
    """4403 at its end: it is acknowledged with the moment."""
    text, grant = await make(site)
    clock.leap(7 * DAY - 1.5)
    url = f"{site.base_url}/graphql"
    async with site.http.ws_connect(url, protocols=["graphql-transport-ws"]) as socket:
        bearer = {"authorization": f"Bearer {text}"}
        await socket.send_json({"type": "connection_init", "payload": bearer})
        acknowledged = await socket.receive_json()
        assert grant.key is not None
        expires = grant.key.expires_at.isoformat().replace("+00:00", "Z")
        assert acknowledged["payload"]["expiresAt"] == expires
        await socket.receive()
        assert socket.close_code == 4403
