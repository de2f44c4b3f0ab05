"""What has to be refused, each row with the section that says so; no refusal is a failure."""

import base64
from typing import Any

import pytest

from core.domain.accounts import ClientAuth
from core.domain.grants import Scope
from tests.app.oauth.site import BACK, CHALLENGE, App, Site, told
from tests.core.services.estate import LeapClock

Changes = dict[str, str | None]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One kind of database is enough for what is decided before it is asked."""
    return sqlite_url


@pytest.mark.parametrize(
    ("section", "changes"),
    [
        ("RFC 6749 §4.1.2.1 no client", {"client_id": None}),
        ("RFC 6749 §4.1.2.1 unknown client", {"client_id": "client_nobody"}),
        ("RFC 6749 §10.15 a client id that is a path", {"client_id": "../../etc"}),
        ("RFC 9700 §4.1.1 suffix", {"redirect_uri": BACK + "/more"}),
        ("RFC 9700 §4.1.1 prefix", {"redirect_uri": "https://app.example/c"}),
        ("RFC 9700 §4.1.1 query", {"redirect_uri": BACK + "?to=evil"}),
        ("RFC 9700 §4.1.1 subdomain", {"redirect_uri": "https://x.app.example/cb"}),
        ("RFC 9700 §4.1.1 host suffix", {"redirect_uri": "https://app.example.evil.example/cb"}),
        ("RFC 9700 §4.1.3 traversal", {"redirect_uri": BACK + "/../evil"}),
        ("RFC 9700 §4.1.2 fragment", {"redirect_uri": BACK + "#evil"}),
        ("RFC 9700 §4.1.3 userinfo", {"redirect_uri": "https://app.example@evil.example/cb"}),
        ("RFC 9700 §4.1.3 letter case", {"redirect_uri": "https://APP.example/cb"}),
        ("RFC 9700 §2.6 plain text", {"redirect_uri": "http://app.example/cb"}),
        ("RFC 9700 §4.11.2 a script", {"redirect_uri": "javascript:alert(1)"}),
        ("RFC 6749 §4.1.2.1 letters that no error may hold", {"redirect_uri": 'é"\\\n'}),
        ("a NUL, which no database takes", {"client_id": "client_\0"}),
    ],
)
async def test_nobody_is_sent_to_who_is_not_trusted(
    site: Site, section: str, changes: Changes
) -> None:
    """RFC 9700 §4.11.2: while client or redirect URI are in doubt, a page says what is wrong."""
    status, location, text = await site.authorize(site.request(**changes))
    assert (status, location) == (400, ""), section
    assert "cannot be answered" in text


async def test_a_page_repeats_nothing_that_was_sent(site: Site) -> None:
    """RFC 6749 §10.14: what stands in the URL is not put into the page."""
    _, _, text = await site.authorize(site.request(client_id="<script>evil", redirect_uri="<b>"))
    assert "evil" not in text
    assert "<b>" not in text


@pytest.mark.parametrize(
    ("section", "error", "changes"),
    [
        ("RFC 6749 §3.1.1", "unsupported_response_type", {"response_type": "token"}),
        ("RFC 9700 §2.1.2", "unsupported_response_type", {"response_type": "code token"}),
        ("RFC 6749 §4.1.2.1", "unsupported_response_type", {"response_type": 'é"'}),
        ("RFC 6749 §3.1.1", "invalid_request", {"response_type": None}),
        ("RFC 9700 §2.1.1", "invalid_request", {"code_challenge": None}),
        ("RFC 9700 §4.8.2", "invalid_request", {"code_challenge_method": None}),
        ("RFC 7636 §7.2", "invalid_request", {"code_challenge_method": "plain"}),
        ("RFC 7636 §4.4.1", "invalid_request", {"code_challenge_method": "s256"}),
        ("RFC 7636 §4.2", "invalid_request", {"code_challenge": CHALLENGE[:-1]}),
        ("RFC 7636 §4.2", "invalid_request", {"code_challenge": CHALLENGE + "\n"}),
        ("RFC 7636 §4.2", "invalid_request", {"code_challenge": "~" * 43}),
        ("RFC 6749 §3.3", "invalid_scope", {"scope": None}),
        ("RFC 6749 §3.3", "invalid_scope", {"scope": "devices:read admin"}),
        ("RFC 6749 §3.3", "invalid_scope", {"scope": 'é"'}),
        ("RFC 8707 §2", "invalid_target", {"resource": "https://other.example/"}),
        ("RFC 8707 §2", "invalid_target", {"resource": "no URL"}),
    ],
)
async def test_a_wrong_request_is_told_to_the_app(
    site: Site, section: str, error: str, changes: Changes
) -> None:
    """RFC 6749 §4.1.2.1: by the redirect URI, with its state and (RFC 9207) our name."""
    status, location, _ = await site.authorize(site.request(**changes))
    assert status == 303, section
    answer = told(location)
    assert location.startswith(f"{BACK}?error={error}&"), section
    assert (answer["state"], answer["iss"]) == ("state-1", site.base_url)


@pytest.mark.parametrize("name", ["scope", "state", "code_challenge", "nonsense"])
async def test_a_parameter_is_sent_once(site: Site, name: str) -> None:
    """RFC 6749 §3.1: a request in which one comes twice is refused, and no code is given."""
    twice = [*site.request().items(), (name, "x"), (name, "y")]
    _, location, _ = await site.authorize(twice)
    assert "/consent" not in location


async def test_a_disabled_client_cannot_ask(site: Site) -> None:
    """RFC 6749 §4.1.2.1: as if it were unknown."""
    await site.estate.house.services.accounts.disable_client(site.app.client.id)
    status, location, _ = await site.authorize(site.request())
    assert (status, location) == (400, "")


@pytest.mark.parametrize(
    ("section", "error", "changes"),
    [
        ("RFC 7636 §4.6 no verifier", "invalid_request", {"code_verifier": None}),
        ("RFC 7636 §4.6 another verifier", "invalid_grant", {"code_verifier": "w" * 43}),
        ("RFC 7636 §4.6 the challenge itself", "invalid_grant", {"code_verifier": CHALLENGE}),
        ("RFC 7636 §4.1 too short", "invalid_request", {"code_verifier": "v" * 42}),
        ("RFC 7636 §4.1 too long", "invalid_request", {"code_verifier": "v" * 129}),
        ("RFC 7636 §4.1 letters", "invalid_request", {"code_verifier": "é" * 43}),
        ("RFC 6749 §4.1.3 no redirect URI", "invalid_grant", {"redirect_uri": None}),
        ("RFC 6749 §4.1.3 another redirect URI", "invalid_grant", {"redirect_uri": BACK + "/"}),
        ("RFC 8707 §2.2 another API", "invalid_target", {"resource": "https://other.example/"}),
    ],
)
async def test_a_code_alone_is_worth_nothing(
    site: Site, section: str, error: str, changes: Changes
) -> None:
    """RFC 9700 §4.5, RFC 9700 §2.1.1: whoever injects a stolen code fails, and uses it up."""
    code, _ = await site.code()
    status, answer = await site.redeem(code, **changes)
    assert (status, answer["error"]) == (400, error), section
    status, answer = await site.redeem(code)
    assert (status, answer["error"]) == (400, "invalid_grant"), section


async def test_another_clients_code(site: Site) -> None:
    """RFC 6749 §4.1.3: a code is its client's; another does not even use it up."""
    code, _ = await site.code()
    for other in (await site.new_app(), await site.new_app(ClientAuth.NONE)):
        status, answer = await site.redeem(code, other)
        assert (status, answer["error"]) == (400, "invalid_grant")
    status, _ = await site.redeem(code)
    assert status == 200


async def test_a_code_lives_for_a_minute(site: Site, clock: LeapClock) -> None:
    """RFC 6749 §4.1.2: then it is over."""
    code, _ = await site.code()
    clock.leap(60)
    status, answer = await site.redeem(code)
    assert (status, answer["error"]) == (400, "invalid_grant")


async def test_a_replayed_code_ends_what_it_led_to(site: Site) -> None:
    """RFC 6749 §4.1.2, RFC 6749 §10.5: both its tokens, and those that came after."""
    code, _ = await site.code()
    _, first = await site.redeem(code)
    _, second = await site.refresh(first["refresh_token"])
    status, answer = await site.redeem(code)
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert [await site.ask(one["access_token"]) for one in (first, second)] == [401, 401]
    status, answer = await site.refresh(second["refresh_token"])
    assert (status, answer["error"]) == (400, "invalid_grant")


async def test_a_used_refresh_token_ends_its_family(site: Site, clock: LeapClock) -> None:
    """RFC 9700 §4.14.2, RFC 9700 §2.2.2, RFC 6749 §10.4: one of two is a thief; both lose it."""
    first = await site.tokens()
    _, second = await site.refresh(first["refresh_token"])
    clock.leap(31)
    status, answer = await site.refresh(first["refresh_token"])
    assert (status, answer["error"]) == (400, "invalid_grant")
    status, answer = await site.refresh(second["refresh_token"])
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert await site.ask(second["access_token"]) == 401


async def test_a_token_that_is_two_uses_old_ends_its_family_at_once(site: Site) -> None:
    """The grace is for the last answer alone: its successor was used, so it had arrived."""
    first = await site.tokens()
    _, second = await site.refresh(first["refresh_token"])
    _, third = await site.refresh(second["refresh_token"])
    assert (await site.refresh(first["refresh_token"]))[0] == 400
    assert (await site.refresh(third["refresh_token"]))[0] == 400


async def test_another_clients_refresh_token(site: Site) -> None:
    """RFC 6749 §6: it is worth nothing to them, and its owner goes on."""
    token, other = (await site.tokens())["refresh_token"], await site.new_app(ClientAuth.NONE)
    status, answer = await site.refresh(token, other)
    assert (status, answer["error"]) == (400, "invalid_grant")
    assert (await site.refresh(token))[0] == 200


@pytest.mark.parametrize("scope", ["devices:read sandbox:control", "admin", 'é"'])
async def test_a_refresh_asks_for_no_more(site: Site, scope: str) -> None:
    """RFC 6749 §6: a scope that was not allowed is refused, and the token is not used up."""
    token = (await site.tokens())["refresh_token"]
    status, answer = await site.refresh(token, scope=scope)
    assert (status, answer["error"]) == (400, "invalid_scope")
    assert (await site.refresh(token))[0] == 200


async def test_what_the_user_took_back_is_gone(site: Site) -> None:
    """A lost scope is no longer in new tokens; a grant that was taken back gives none at all."""
    code, grant = await site.code()
    _, first = await site.redeem(code)
    grants, shares = site.estate.house.services.grants, grant.shares
    grant = await grants.amend(grant, [Scope.DEVICES_READ], shares)
    _, second = await site.refresh(first["refresh_token"])
    assert second["scope"] == "devices:read"
    waiting, other = await site.code()
    for one in (grant, other):
        await grants.revoke(one)
    assert (await site.refresh(second["refresh_token"]))[1]["error"] == "invalid_grant"
    assert (await site.redeem(waiting))[1]["error"] == "invalid_grant"


async def test_an_idle_refresh_token_expires(site: Site, clock: LeapClock) -> None:
    """RFC 9700 §4.14.2: what nobody used for 90 days is over."""
    token = (await site.tokens())["refresh_token"]
    clock.leap(90 * 86_400)
    assert (await site.refresh(token))[1]["error"] == "invalid_grant"


REFRESH = {"grant_type": "refresh_token"}
OWN = {"grant_type": "client_credentials"}


@pytest.mark.parametrize(
    ("section", "error", "form"),
    [
        ("RFC 6749 §5.2 no grant type", "invalid_request", {}),
        ("RFC 9700 §2.4 password", "unsupported_grant_type", {"grant_type": "password"}),
        ("RFC 6749 §5.2 any letters", "unsupported_grant_type", {"grant_type": 'é"'}),
        ("RFC 6749 §4.4 for no user", "invalid_scope", {**OWN, "scope": "devices:read"}),
        ("RFC 6749 §4.1.3 no code", "invalid_request", {"grant_type": "authorization_code"}),
        ("RFC 6749 §6 no token", "invalid_request", REFRESH),
        ("RFC 6749 §6 any token", "invalid_grant", {**REFRESH, "refresh_token": "x.y"}),
        ("RFC 6749 §3.2 twice", "invalid_request", [*REFRESH.items(), *REFRESH.items()]),
        ("RFC 6749 §2.3 two proofs", "invalid_request", {**REFRESH, "client_secret": "x"}),
        ("RFC 6749 §2.3 two clients", "invalid_request", {**REFRESH, "client_id": "client_x"}),
        ("RFC 6749 §4.1.3 no form", "invalid_request", b"grant_type=refresh_token"),
        ("a NUL, which no database takes", "invalid_request", {**REFRESH, "refresh_token": "\0"}),
        ("many fields", "invalid_request", {f"field{number}": "x" for number in range(60)}),
    ],
)
async def test_a_wrong_form_is_refused(site: Site, section: str, error: str, form: Any) -> None:
    """RFC 6749 §5.2: each with its error, none with a failure of ours."""
    found, answer = await site.post("token", form)
    assert (found, answer["error"]) == (400, error), section


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"\xff\xfe:x").decode(),
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"client_nobody:secret").decode(),
        "Basic " + base64.b64encode(b"client_%00:secret").decode(),
        "Bearer token",
    ],
)
async def test_a_client_that_proves_nothing(site: Site, header: str) -> None:
    """RFC 6749 §5.2: 401, and the header says how to prove it."""
    url, form = f"{site.base_url}/oauth/token", {"grant_type": "refresh_token"}
    headers = {"Authorization": header}
    async with site.http.post(url, data=form, headers=headers) as response:
        answer = await response.json()
    assert (response.status, answer["error"]) == (401, "invalid_client")
    assert response.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize("secret", [None, "wrong"])
async def test_a_confidential_client_proves_itself(site: Site, secret: str | None) -> None:
    """RFC 6749 §2.2, RFC 6749 §3.2.1: its id alone redeems nothing, even with the verifier."""
    code, _ = await site.code()
    status, answer = await site.redeem(code, App(site.app.client, secret))
    assert answer["error"] == "invalid_client"
    assert status == (400 if secret is None else 401)


async def test_a_public_client_has_no_secret(site: Site) -> None:
    """RFC 6749 §2.3.1: one that it made up does not make it confidential."""
    public = await site.new_app(ClientAuth.NONE)
    code, _ = await site.code(public)
    status, answer = await site.redeem(code, App(public.client, "made up"))
    assert (status, answer["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("path", ["token", "revoke", "introspect"])
async def test_tokens_are_never_in_a_url(site: Site, path: str) -> None:
    """RFC 6749 §3.2, RFC 9700 §4.3.2: POST alone, and a query counts for nothing."""
    async with site.http.get(f"{site.base_url}/oauth/{path}") as response:
        assert response.status == 405
    status, answer = await site.post(f"{path}?grant_type=refresh_token&token=x", {})
    assert (status, answer["error"]) == (400, "invalid_request")


async def test_another_algorithm_is_refused(site: Site) -> None:
    """RFC 8725 §3.1: a token that names no algorithm, or a symmetric one, opens nothing."""
    _, claims, signature = (await site.tokens())["access_token"].split(".")
    for algorithm in (b"none", b"HS256"):
        header = b'{"typ":"at+jwt","alg":"%s","kid":"x"}' % algorithm
        forged = base64.urlsafe_b64encode(header).rstrip(b"=").decode()
        assert await site.ask(f"{forged}.{claims}.{signature}") == 401


async def test_a_verifier_cannot_be_added_to_a_code(site: Site) -> None:
    """RFC 9700 §4.8.2: there is no code without a challenge, so nothing to downgrade."""
    changes = {"code_challenge": None, "code_challenge_method": None}
    _, location, _ = await site.authorize(site.request(**changes))
    assert told(location)["error"] == "invalid_request"
