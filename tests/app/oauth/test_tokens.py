"""Revocation (RFC 7009) and introspection (RFC 7662): a client looks after its own tokens."""

import pytest

from core.domain.accounts import ClientAuth
from core.domain.errors import Unavailable
from core.services.attempts import RULES
from tests.app.oauth.site import SCOPE, Site
from tests.core.services.estate import LeapClock


async def test_an_access_token_is_revoked(site: Site) -> None:
    """RFC 7009 §2, RFC 7009 §2.1: it opens nothing any more; the refresh token goes on."""
    tokens = await site.tokens()
    assert await site.post("revoke", {"token": tokens["access_token"]}) == (200, {})
    assert await site.ask(tokens["access_token"]) == 401
    status, answer = await site.refresh(tokens["refresh_token"])
    assert status == 200
    assert await site.ask(answer["access_token"]) == 200


@pytest.mark.parametrize("hint", [None, "access_token", "refresh_token", "unknown"])
async def test_a_refresh_token_is_revoked(site: Site, hint: str | None) -> None:
    """RFC 7009 §2.1: with all that was issued along with it, whatever the hint says."""
    tokens = await site.tokens()
    form = {"token": tokens["refresh_token"], **({"token_type_hint": hint} if hint else {})}
    assert await site.post("revoke", form) == (200, {})
    assert await site.ask(tokens["access_token"]) == 401
    assert (await site.refresh(tokens["refresh_token"]))[1]["error"] == "invalid_grant"


async def test_a_long_token_stays_revoked(site: Site, clock: LeapClock) -> None:
    """One that lives longer than others is refused as long as it lives, whatever ends later."""
    house, grant = site.estate.house, await site.grant()
    token = house.tokens.issue(grant, grant.scopes, 12 * 3600)
    await site.post("revoke", {"token": token})
    clock.leap(6 * 3600)
    await site.post("revoke", {"token": (await site.tokens())["access_token"]})
    assert await site.ask(token) == 401


async def test_a_revoked_token_closes_its_socket(site: Site) -> None:
    """Whoever revokes is heard on what is open, too: 4401, access taken back."""
    tokens = await site.tokens()
    url = f"{site.base_url}/graphql"
    async with site.http.ws_connect(url, protocols=["graphql-transport-ws"]) as socket:
        bearer = {"authorization": f"Bearer {tokens['access_token']}"}
        await socket.send_json({"type": "connection_init", "payload": bearer})
        assert (await socket.receive_json())["type"] == "connection_ack"
        await site.post("revoke", {"token": tokens["refresh_token"]})
        await socket.receive()
        assert socket.close_code == 4401


async def test_a_token_is_revoked_for_good(site: Site) -> None:
    """A process that starts later knows it too."""
    tokens = await site.tokens()
    await site.post("revoke", {"token": tokens["refresh_token"]})
    house = site.estate.house
    ends = (await house.logs.access_state()).ends
    claims = house.tokens.verify(tokens["access_token"])
    assert [end["id"] for end in ends] == [claims.token_id.partition(".")[0]]


async def test_a_used_refresh_token_still_names_its_family(site: Site) -> None:
    """RFC 7009 §2.1: a client whose refresh was on its way may end what it led to."""
    first = await site.tokens()
    _, second = await site.refresh(first["refresh_token"])
    assert await site.post("revoke", {"token": first["refresh_token"]}) == (200, {})
    assert (await site.refresh(second["refresh_token"]))[1]["error"] == "invalid_grant"


async def test_what_does_not_hold_is_as_good_as_revoked(site: Site) -> None:
    """RFC 7009 §2.2: 200, whatever it was."""
    assert await site.post("revoke", {"token": "nothing"}) == (200, {})


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_another_client_revokes_nothing(site: Site, kind: str) -> None:
    """RFC 7009 §2.1: it is refused, and the token lives on."""
    tokens, other = await site.tokens(), await site.new_app()
    status, answer = await site.post("revoke", {"token": tokens[kind]}, other)
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert await site.ask(tokens["access_token"]) == 200
    assert (await site.refresh(tokens["refresh_token"]))[0] == 200


async def test_a_public_client_revokes_its_own(site: Site) -> None:
    """RFC 7009 §5: it names itself; whoever holds the token may end it."""
    app = await site.new_app(ClientAuth.NONE)
    tokens = await site.tokens(app)
    assert await site.post("revoke", {"token": tokens["refresh_token"]}, app) == (200, {})
    assert await site.ask(tokens["access_token"]) == 401


@pytest.mark.parametrize("path", ["revoke", "introspect"])
async def test_a_token_has_to_be_named(site: Site, path: str) -> None:
    """RFC 7009 §2.1, RFC 7662 §2.1."""
    status, answer = await site.post(path, {})
    assert (status, answer["error"]) == (400, "invalid_request")


async def test_an_access_token_is_explained(site: Site) -> None:
    """RFC 7662 §2.2: whose it is, for what, and until when."""
    tokens = await site.tokens()
    status, answer = await site.post("introspect", {"token": tokens["access_token"]})
    told = {name: answer[name] for name in ("active", "scope", "client_id", "sub", "iss")}
    assert status == 200
    assert told == {
        "active": True,
        "scope": SCOPE,
        "client_id": site.app.client.id,
        "sub": site.estate.user.id,
        "iss": site.base_url,
    }


async def test_a_refresh_token_is_explained(site: Site) -> None:
    """RFC 7662 §2.2: likewise, and it is no bearer token."""
    tokens = await site.tokens()
    _, answer = await site.post("introspect", {"token": tokens["refresh_token"]})
    assert (answer["active"], answer["scope"]) == (True, SCOPE)
    assert "token_type" not in answer


async def test_what_does_not_hold_says_nothing_more(site: Site, clock: LeapClock) -> None:
    """RFC 7662 §2.2, RFC 7662 §4: expired, revoked, used, another's, rubbish: not active."""
    tokens, other = await site.tokens(), await site.new_app()
    inactive = (200, {"active": False})
    for kind in ("access_token", "refresh_token"):
        assert await site.post("introspect", {"token": tokens[kind]}, other) == inactive
    assert await site.post("introspect", {"token": "rubbish"}) == inactive
    await site.refresh(tokens["refresh_token"])
    assert await site.post("introspect", {"token": tokens["refresh_token"]}) == inactive
    clock.leap(901)
    assert await site.post("introspect", {"token": tokens["access_token"]}) == inactive


async def test_who_proves_nothing_learns_nothing(site: Site) -> None:
    """RFC 7662 §2.1, RFC 7662 §2.3, RFC 7662 §4: a public client cannot scan for tokens."""
    app = await site.new_app(ClientAuth.NONE)
    wrong = {"client_id": site.app.client.id, "client_secret": "wrong"}
    for form in ({}, wrong):
        status, answer = await site.post("introspect", {"token": "x", **form}, app)
        assert (status, answer["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("path", ["revoke", "introspect"])
async def test_a_server_that_cannot_know_says_so(
    site: Site, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 7009 §2.2.1: 503, and when to come again; the token is not said to be over."""
    token = {"token": (await site.tokens())["access_token"]}
    monkeypatch.setattr(type(site.estate.house.feed), "stale", lambda _: True)
    status, answer = await site.post(path, token)
    assert (status, answer["error"]) == (503, "temporarily_unavailable")
    monkeypatch.undo()
    assert (await site.post("introspect", token))[1]["active"]


async def test_an_end_that_was_lost_is_made_good(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 7009 §2.2.1: after a 503 the client asks again, and then the tokens are over."""
    tokens = await site.tokens()
    form, grants = {"token": tokens["refresh_token"]}, site.estate.house.services.grants

    async def lost(*_: object) -> None:
        sentence = "The database does not answer."
        raise Unavailable(sentence)

    monkeypatch.setattr(grants, "end_tokens", lost)
    assert (await site.post("revoke", form))[0] == 503
    monkeypatch.undo()
    assert await site.ask(tokens["access_token"]) == 200
    assert (await site.post("revoke", form))[0] == 200
    assert await site.ask(tokens["access_token"]) == 401


async def test_a_client_ends_no_more_than_so_many(site: Site) -> None:
    """Each end stays in the access log for a while: beyond that it waits, and nobody else does."""
    tokens, other = await site.tokens(), await site.new_app()
    for _ in range(RULES["endings"].burst):
        site.estate.house.throttle.count("endings", site.app.client.id)
    status, answer = await site.post("revoke", {"token": tokens["access_token"]})
    assert (status, answer["error"]) == (429, "temporarily_unavailable")
    theirs = await site.tokens(other)
    assert (await site.post("revoke", {"token": theirs["access_token"]}, other))[0] == 200
