"""The device authorization grant (RFC 8628), section by section, on both kinds of database."""

import asyncio
import re
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from authlib.oauth2.rfc8628 import endpoint
from sqlalchemy import select

from app.address import bound
from app.server import listening
from core.domain.accounts import Client, ClientAuth, Flow
from core.domain.audit import Kind, Sought
from core.domain.authorizations import LETTERS, POLL, SLOWEST
from core.domain.errors import Conflict, Missing
from core.domain.grants import Scope
from core.services.attempts import RULES
from core.services.authorizations import ANSWERED
from core.store.tables import device_authorizations
from tests.app.oauth.devices import Box, plugged_in
from tests.app.oauth.site import BACK, SCOPE, App, Site
from tests.conftest import Run
from tests.core.services.estate import LeapClock, eventually

SECONDS = int(POLL.total_seconds())
MANY = 50


async def ask(site: Site, form: Any, app: App | None = None) -> tuple[int, str]:
    """What comes of a wrong request: its status and its error."""
    status, answer = await site.post("device", form, app)
    assert answer["error_description"]
    return status, answer["error"]


@pytest.mark.parametrize("auth", [ClientAuth.BASIC, ClientAuth.NONE])
async def test_a_device_gets_tokens(site: Site, auth: ClientAuth) -> None:
    """RFC 8628 §3.2, §3.4, §3.5, §5.2: a code to show, one to wait with; then tokens as any."""
    box = await plugged_in(site, await site.new_app(auth), resource=f"{site.base_url}/graphql")
    told = {**box.told}
    assert len(told.pop("device_code")) == 43
    code = told.pop("user_code")
    assert re.fullmatch(f"[{LETTERS}]{{4}}-[{LETTERS}]{{4}}", code)
    page = f"{site.base_url}/device"
    assert told == {
        "verification_uri": page,
        "verification_uri_complete": f"{page}?user_code={code}",
        "expires_in": 600,
        "interval": 5,
    }
    assert await box.error() == "authorization_pending"
    await box.allow()
    status, tokens = await box.poll()
    assert status == 200
    assert set(tokens) == {"access_token", "token_type", "expires_in", "scope", "refresh_token"}
    assert tokens["scope"] == SCOPE
    assert await site.ask(tokens["access_token"]) == 200
    assert (await site.refresh(tokens["refresh_token"], box.app))[0] == 200


async def test_a_no_is_told(site: Site) -> None:
    """RFC 8628 §3.5 access_denied, however often it asks."""
    box = await plugged_in(site)
    await box.deny()
    assert [await box.error(), await box.error()] == ["access_denied", "access_denied"]


@pytest.mark.parametrize(
    ("section", "error", "form"),
    [
        ("RFC 6749 §3.3 no scope", "invalid_scope", {}),
        ("RFC 6749 §3.3 an unknown scope", "invalid_scope", {"scope": "admin"}),
        ("RFC 6749 §3.3 any letters", "invalid_scope", {"scope": 'é"'}),
        ("RFC 8707 §2", "invalid_target", {"scope": SCOPE, "resource": "https://other.example/"}),
        ("RFC 6749 §3.2 twice", "invalid_request", [("scope", SCOPE), ("scope", SCOPE)]),
        ("RFC 8628 §3.1 no form", "invalid_request", b'{"scope": "devices:read"}'),
        ("a NUL, which no database takes", "invalid_request", {"scope": "\0"}),
    ],
)
async def test_a_wrong_request_is_refused(site: Site, section: str, error: str, form: Any) -> None:
    """RFC 8628 §3.1, §3.2: each with its error, none with a failure of ours."""
    assert await ask(site, form) == (400, error), section


async def test_a_client_may_only_ask_as_it_registered(site: Site) -> None:
    """RFC 6749 §5.2: for its scopes, and at either endpoint only by the flows that it has."""
    accounts = site.estate.house.services.accounts
    public = partial(accounts.create_client, auth=ClientAuth.NONE)
    reader = App(await public("Reader", scopes=[Scope.DEVICES_READ]))
    assert await ask(site, {"scope": SCOPE}, reader) == (400, "invalid_scope")
    other = App(await public("No device", flows=[Flow.CODE], redirect_uris=[BACK]))
    assert await ask(site, {"scope": SCOPE}, other) == (400, "unauthorized_client")
    box = await plugged_in(site)
    assert await box.error(other) == "unauthorized_client"


@pytest.mark.parametrize(
    ("app_of", "status"),
    [
        (lambda client: App(client, "wrong"), 401),
        (App, 400),
        (lambda _: App(Client("client_nobody", "Nobody")), 400),
    ],
)
async def test_a_client_proves_itself(site: Site, app_of: Any, status: int) -> None:
    """RFC 8628 §3.1: as at the token endpoint, and at both."""
    asks = app_of(site.app.client)
    assert await ask(site, {"scope": SCOPE}, asks) == (status, "invalid_client")
    box = await plugged_in(site)
    found, answer = await box.poll(asks)
    assert (found, answer["error"]) == (status, "invalid_client")


async def test_a_disabled_client_waits_in_vain(site: Site) -> None:
    """RFC 8628 §3.4: even where its user has said yes."""
    box = await plugged_in(site)
    await box.allow()
    await site.estate.house.services.accounts.disable_client(site.app.client.id)
    assert (await box.poll())[1]["error"] == "invalid_client"


async def test_another_clients_code(site: Site) -> None:
    """RFC 6749 §5.2 invalid_grant: it is worth nothing to them, and is not used up."""
    box = await plugged_in(site)
    await box.allow()
    for other in (await site.new_app(), await site.new_app(ClientAuth.NONE)):
        assert await box.error(other) == "invalid_grant"
    assert (await box.poll())[0] == 200
    for other in (await site.new_app(), await site.new_app(ClientAuth.NONE)):
        assert await box.error(other) == "invalid_grant", "and they end nothing"
    assert await box.error(device_code="x" * 43) == "invalid_grant"
    assert await box.error(device_code="") == "invalid_request"
    assert await box.error(resource="https://other.example/") == "invalid_target"


async def test_a_code_that_is_used_again_ends_what_it_led_to(site: Site) -> None:
    """RFC 9700 §2.1.1: of its two holders one is not the device."""
    box = await plugged_in(site)
    await box.allow()
    _, first = await box.poll()
    _, second = await site.refresh(first["refresh_token"])
    assert await box.error() == "invalid_grant"
    assert [await site.ask(one["access_token"]) for one in (first, second)] == [401, 401]
    assert (await site.refresh(second["refresh_token"]))[1]["error"] == "invalid_grant"


async def test_one_of_many_polls_redeems(site: Site) -> None:
    """RFC 9700 §2.1.1: exactly one gets tokens; the others end them, being replays."""
    box = await plugged_in(site)
    await box.allow()
    found = await asyncio.gather(*(box.poll() for _ in range(MANY)))
    (won,) = [answer for status, answer in found if status == 200]
    assert {answer["error"] for status, answer in found if status != 200} == {"invalid_grant"}
    assert await site.ask(won["access_token"]) == 401


async def test_a_code_lives_for_ten_minutes(site: Site, clock: LeapClock) -> None:
    """RFC 8628 §3.5, §5.5: expired_token, whatever was answered, even if others asked since."""
    box, allowed = await plugged_in(site), await plugged_in(site)
    await allowed.allow()
    request = await box.typed()
    clock.leap(600)
    await plugged_in(site)
    assert [await box.error(), await allowed.error()] == ["expired_token", "expired_token"]
    with pytest.raises(Conflict):
        await site.estate.house.services.authorizations.deny(request, site.estate.user.id)


async def test_what_is_long_over_is_forgotten(site: Site, clock: LeapClock) -> None:
    """Whoever never polls again leaves nothing for long."""
    await plugged_in(site)
    clock.leap(1_200)
    await plugged_in(site)
    rows = await site.estate.house.database.rows(select(device_authorizations))
    assert len(rows) == 1


async def interval(site: Site) -> timedelta:
    """How long the one device has to wait now."""
    (row,) = await site.estate.house.database.rows(select(device_authorizations.c.interval))
    return timedelta(seconds=row.interval)


async def test_who_asks_too_often_is_slowed_down(site: Site, clock: LeapClock) -> None:
    """RFC 8628 §3.5 slow_down: five seconds more each time, and nothing is lost."""
    box = await plugged_in(site)
    assert await box.error() == "authorization_pending"
    clock.leap(SECONDS + 1)
    assert await box.error() == "authorization_pending"
    for slower in (2, 3):
        clock.leap(SECONDS - 1)
        assert await box.error() == "slow_down"
        assert await interval(site) == slower * POLL
    clock.leap(2 * SECONDS + 1)
    assert await box.error() == "slow_down"
    clock.leap(4 * SECONDS + 1)
    assert await box.error() == "authorization_pending"
    await box.allow()
    assert (await box.poll())[0] == 200


async def test_no_device_keeps_the_writer_busy(site: Site, clock: LeapClock) -> None:
    """However many polls there are, no more are written than it takes to slow one down."""
    box = await plugged_in(site)
    await asyncio.gather(*(box.error() for _ in range(MANY)))
    assert await interval(site) == SLOWEST
    (before,) = await site.estate.house.database.rows(select(device_authorizations))
    clock.leap(SLOWEST.total_seconds() / 2)
    assert {await box.error() for _ in range(5)} == {"slow_down"}
    (after,) = await site.estate.house.database.rows(select(device_authorizations))
    assert after == before
    clock.leap(SLOWEST.total_seconds() / 2 + 1)
    assert await box.error() == "authorization_pending"


async def test_the_pace_is_kept_across_processes(
    site: Site, database_url: str, run_house: Run, clock: LeapClock
) -> None:
    """RFC 8628 §3.5: another process knows when it last asked, and of the answer."""
    box = await plugged_in(site)
    assert await box.error() == "authorization_pending"
    with bound("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with (
            run_house(database_url, clock, public_url=url) as second,
            listening(second, listener),
        ):
            there = Box(Site(url, site.http, site.estate, site.app), site.app, box.told)
            assert await there.error() == "slow_down"
            await box.allow()
            assert (await there.poll())[0] == 200
            assert await box.error() == "invalid_grant"


async def test_the_first_answer_wins(site: Site) -> None:
    """RFC 8628 §3.3: of two people with one code, whoever answers second is told, either way."""
    services, box = site.estate.house.services, await plugged_in(site)
    bob = await services.accounts.create_user("bob")
    his, hers = await box.typed(bob.id), await box.typed()
    await services.authorizations.deny(his, bob.id)
    for refused in (
        services.authorizations.pending(hers, site.estate.user.id),
        services.authorizations.deny(hers, site.estate.user.id),
        services.authorizations.approve(
            hers, site.estate.user.id, await site.grant(), [Scope.DEVICES_READ]
        ),
    ):
        with pytest.raises(Conflict, match=re.escape(ANSWERED)):
            await refused
    assert await box.error() == "access_denied"


async def test_one_of_many_answers_counts(site: Site) -> None:
    """RFC 8628 §3.3: however many answer at the same time, and whatever they say."""
    authorizations, box = site.estate.house.services.authorizations, await plugged_in(site)
    grant, user = await site.grant(), site.estate.user.id
    scopes = [Scope.DEVICES_READ]
    yes = [authorizations.approve(await box.typed(), user, grant, scopes) for _ in range(8)]
    no = [authorizations.deny(await box.typed(), user) for _ in range(8)]
    found = await asyncio.gather(*yes, *no, return_exceptions=True)
    assert sorted(type(one).__name__ for one in found) == ["Conflict"] * 15 + ["str"]
    status, answer = await box.poll()
    won = [one == "" for one in found].index(True)
    assert (answer.get("scope"), answer.get("error")) == (
        ("devices:read", None) if won < 8 else (None, "access_denied")
    ), status


async def test_only_who_typed_the_code_answers(site: Site) -> None:
    """RFC 8628 §5.4: nobody is led past the page that says what to compare."""
    services, box = site.estate.house.services, await plugged_in(site)
    bob = await services.accounts.create_user("bob")
    request = await box.typed(bob.id)
    for refused in (
        services.authorizations.pending(request),
        services.authorizations.pending(request, site.estate.user.id),
        services.authorizations.deny(request, site.estate.user.id),
    ):
        with pytest.raises(Missing):
            await refused
    name = f"urn:ietf:params:oauth:request_uri:{request}"
    params = {"client_id": site.app.client.id, "request_uri": name}
    assert (await site.authorize(params))[:2] == (400, ""), "nor is it one that was pushed"
    assert (await services.authorizations.pending(request, bob.id)).redirect_uri == ""


async def test_the_tokens_have_what_is_allowed_and_still_granted(site: Site) -> None:
    """RFC 6749 §3.3: what was not ticked is not in them, nor what was taken back since."""
    grants, box = site.estate.house.services.grants, await plugged_in(site)
    await box.allow(Scope.DEVICES_READ)
    assert (await box.poll())[1]["scope"] == "devices:read"
    box = await plugged_in(site)
    await box.allow()
    grant = max(site.estate.house.access.grants.values(), key=lambda one: one.id)
    grant = await grants.amend(grant, [Scope.DEVICES_READ], grant.shares)
    assert (await box.poll())[1]["scope"] == "devices:read"
    box = await plugged_in(site)
    await box.allow(Scope.DEVICES_CONTROL)
    grant = max(site.estate.house.access.grants.values(), key=lambda one: one.id)
    await grants.revoke(grant)
    assert await box.error() == "invalid_grant"


async def test_another_code_is_made_where_one_is_taken(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """RFC 8628 §3.2: no two devices show the same code, whatever chance says."""
    made = iter(["BBBB-BBBB", "BBBB-BBBB", "BBBB-BBBB", "CCCC-CCCC"])
    monkeypatch.setattr(endpoint, "create_string_user_code", lambda: next(made))
    first, second = await plugged_in(site), await plugged_in(site)
    assert (first.told["user_code"], second.told["user_code"]) == ("BBBB-BBBB", "CCCC-CCCC")
    assert second.told["verification_uri_complete"].endswith("?user_code=CCCC-CCCC")
    monkeypatch.setattr(endpoint, "create_string_user_code", lambda: "BBBB-BBBB")
    status, answer = await site.post("device", {"scope": SCOPE})
    assert (status, answer["error"]) == (503, "temporarily_unavailable")
    await second.allow()
    assert await first.error() == "authorization_pending"
    assert (await second.poll())[0] == 200


async def test_who_proves_nothing_asks_no_more_than_so_often(site: Site) -> None:
    """RFC 8628 §5.1: before anything is looked up; an app that proves who it is goes on."""
    public, throttle = await site.new_app(ClientAuth.NONE), site.estate.house.throttle
    await plugged_in(site, public)
    for _ in range(RULES["authorize"].burst):
        throttle.count("authorize", "127.0.0.1")
    status, answer = await site.post("device", {"scope": SCOPE}, public)
    assert (status, answer["error"]) == (429, "temporarily_unavailable")
    await plugged_in(site)


async def test_answers_are_noted(site: Site) -> None:
    """Who said yes or no to which app is in the audit, and how they were asked."""
    yes, no = await plugged_in(site), await plugged_in(site)
    await yes.allow(Scope.DEVICES_READ)
    await no.deny()
    audit, noted = site.estate.house.services.audit, Sought(kind=Kind.AUTHORIZATION)
    await eventually(lambda: audit.waiting == 0)
    denied, allowed = [row.content or {} for row in await audit.listed(noted, 10)]
    assert (denied["outcome"], allowed["outcome"]) == ("refused", "allowed")
    assert denied["actor"] == allowed["actor"] == site.estate.user.id
    for one in (denied, allowed):
        assert f'"client_id": "{site.app.client.id}"' in one["detail"]
        assert '"method": "device"' in one["detail"]
    assert '"scopes": ["devices:read"]' in allowed["detail"]
