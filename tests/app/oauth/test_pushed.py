"""Pushed requests (RFC 9126): sent ahead by the client, named by the browser."""

import pytest

from core.domain.accounts import ClientAuth
from tests.app.oauth.site import App, Site, told
from tests.core.services.estate import LeapClock

PREFIX = "urn:ietf:params:oauth:request_uri:"


async def pushed(site: Site, app: App | None = None) -> str:
    """The name of a request that was sent ahead."""
    status, answer = await site.post("par", site.request(app), app)
    assert (status, answer["expires_in"]) == (201, 600)
    assert answer["request_uri"].startswith(PREFIX)
    return str(answer["request_uri"])


def named(site: Site, uri: str, app: App | None = None) -> dict[str, str]:
    """What the browser then brings."""
    return {"client_id": (app or site.app).client.id, "request_uri": uri}


@pytest.mark.parametrize("auth", [ClientAuth.BASIC, ClientAuth.NONE])
async def test_a_pushed_request_is_asked(site: Site, auth: ClientAuth) -> None:
    """RFC 9126 §4: the browser names it, and whatever else it brings counts for nothing."""
    app = await site.new_app(auth)
    uri = await pushed(site, app)
    more = {"scope": "sandbox:control", "redirect_uri": "https://evil.example/"}
    status, location, _ = await site.authorize({**named(site, uri, app), **more})
    assert status == 303
    pending = await site.estate.house.services.authorizations.pending(told(location)["request"])
    assert (pending.client.id, len(pending.scopes)) == (app.client.id, 2)
    assert pending.redirect_uri == "https://app.example/cb"


async def test_a_pushed_request_is_answered_once(site: Site) -> None:
    """RFC 9126 §7.3: a second visit after the answer leads nowhere."""
    uri = await pushed(site)
    _, location, _ = await site.authorize(named(site, uri))
    house, user = site.estate.house, site.estate.user
    await house.services.authorizations.deny(told(location)["request"], user.id)
    assert (await site.authorize(named(site, uri)))[:2] == (400, "")


async def test_only_its_client_names_it(site: Site, clock: LeapClock) -> None:
    """RFC 9126 §2.2: another's, one that is nobody's, or one that is over is refused by a page."""
    uri, other = await pushed(site), await site.new_app()
    for params in (named(site, uri, other), {"request_uri": uri}, named(site, PREFIX + "x")):
        assert (await site.authorize(params))[:2] == (400, "")
    clock.leap(600)
    assert (await site.authorize(named(site, uri)))[:2] == (400, "")


@pytest.mark.parametrize(
    ("section", "error", "changes"),
    [
        ("RFC 9126 §2.1", "invalid_request", {"code_challenge_method": "plain"}),
        ("RFC 9126 §7.2", "invalid_request", {"redirect_uri": "https://evil.example/"}),
        ("RFC 9126 §2.1", "invalid_request", {"request_uri": PREFIX + "x"}),
        ("RFC 9126 §2.1", "invalid_request", {"client_id": ""}),
        ("RFC 9126 §2.1", "invalid_scope", {"scope": "admin"}),
        ("RFC 9126 §2.1", "unsupported_response_type", {"response_type": "token"}),
    ],
)
async def test_a_wrong_request_is_told_at_once(
    site: Site, section: str, error: str, changes: dict[str, str]
) -> None:
    """RFC 9126 §2.3: to the client itself, as JSON that repeats nothing."""
    status, answer = await site.post("par", {**site.request(), **changes})
    assert (status, answer["error"]) == (400, error), section
    assert "state" not in answer, section


async def test_a_client_proves_itself_first(site: Site) -> None:
    """RFC 9126 §2, RFC 9126 §2.1: as at the token endpoint."""
    status, answer = await site.post("par", site.request(), App(site.app.client, "wrong"))
    assert (status, answer["error"]) == (401, "invalid_client")
