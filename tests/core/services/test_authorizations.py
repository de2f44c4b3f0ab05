"""A request is answered once, by the user whom it was shown, with no more than was asked for."""

import asyncio
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from core.domain.audit import Kind, Sought
from core.domain.authorizations import AuthorizationRequest
from core.domain.errors import Conflict, Missing, Refused
from core.domain.grants import Scope
from core.store.oauth import OAuth
from core.tokens import digest
from tests.core.services.estate import Estate, eventually

ASKED = frozenset({Scope.DEVICES_READ, Scope.DEVICES_CONTROL})
BACK = "https://app.example/cb?kept=1"


async def asked(estate: Estate, request_id: str = "r", seconds: float = 600) -> str:
    """A stored request of the estate's client."""
    now = estate.house.clock.now()
    request = AuthorizationRequest(
        client_id=estate.client.id,
        redirect_uri=BACK,
        uri_given=True,
        scopes=ASKED,
        state="s t&",
        code_challenge="challenge",
        resource=None,
        expires_at=now + timedelta(seconds=seconds),
    )
    store = OAuth(estate.house.database)
    await store.do(lambda rows: rows.put_request(digest(request_id), request, now))
    return request_id


def answer(url: str) -> dict[str, str]:
    """What a redirect tells the client."""
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}


async def test_a_request_is_shown(estate: Estate) -> None:
    """The page learns who asks, for what, and whether it is still in time."""
    pending = await estate.house.services.authorizations.pending(await asked(estate))
    assert (pending.client, pending.scopes) == (estate.client, ASKED)
    assert (pending.redirect_uri, pending.expired) == (BACK, False)


async def test_yes_brings_a_code(estate: Estate) -> None:
    """The client gets the code, its state and our name, behind its own query (RFC 9207 §2)."""
    authorizations = estate.house.services.authorizations
    request = await asked(estate)
    url = await authorizations.approve(request, estate.user.id, estate.grant, ASKED)
    told = answer(url)
    code = told.pop("code")
    assert url.startswith(BACK + "&")
    assert told == {"kept": "1", "state": "s t&", "iss": estate.house.settings.public_url}
    now = estate.house.clock.now()
    store = OAuth(estate.house.database)
    kept = await store.do(lambda rows: rows.take_code(digest(code), estate.client.id, now))
    assert kept is not None
    assert (kept.grant_id, kept.scopes, kept.redirect_uri) == (estate.grant.id, ASKED, BACK)


async def test_no_is_told(estate: Estate) -> None:
    """The client learns that it was refused, with its state and our name."""
    url = await estate.house.services.authorizations.deny(await asked(estate), estate.user.id)
    told = answer(url)
    assert (told["error"], told["state"]) == ("access_denied", "s t&")
    assert told["iss"] == estate.house.settings.public_url


async def test_a_request_is_answered_once(estate: Estate) -> None:
    """Of many answers at the same time one counts."""
    authorizations, request = estate.house.services.authorizations, await asked(estate)
    answers = [
        authorizations.approve(request, estate.user.id, estate.grant, ASKED) for _ in range(10)
    ]
    found = await asyncio.gather(
        *answers, authorizations.deny(request, estate.user.id), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in found) == ["Missing"] * 10 + ["str"]
    with pytest.raises(Missing, match="start again from the app"):
        await authorizations.pending(request)


async def test_an_expired_request_is_over(estate: Estate) -> None:
    """It is still shown as such, and cannot be allowed."""
    authorizations, request = estate.house.services.authorizations, await asked(estate, seconds=0)
    assert (await authorizations.pending(request)).expired
    with pytest.raises(Conflict, match="expired"):
        await authorizations.approve(request, estate.user.id, estate.grant, ASKED)


async def test_only_what_was_asked_and_granted_is_allowed(estate: Estate) -> None:
    """Another's grant, a scope that was not asked for, or none: refused, and the request stays."""
    authorizations, request = estate.house.services.authorizations, await asked(estate)
    grant, user = estate.grant, estate.user.id
    for who, scopes in (("user_2", ASKED), (user, frozenset(Scope)), (user, frozenset[Scope]())):
        with pytest.raises(Refused):
            await authorizations.approve(request, who, grant, scopes)
    assert not (await authorizations.pending(request)).expired


async def test_a_disabled_client_gets_nothing(estate: Estate) -> None:
    """Even if it asked before it was disabled."""
    services, request = estate.house.services, await asked(estate)
    await services.accounts.disable_client(estate.client.id)
    with pytest.raises(Refused, match="disabled"):
        await services.authorizations.approve(request, estate.user.id, estate.grant, ASKED)


async def test_old_requests_are_forgotten(estate: Estate) -> None:
    """Whoever never comes back leaves nothing for long."""
    await asked(estate, "old", seconds=0)
    await asked(estate, "new")
    with pytest.raises(Missing):
        await estate.house.services.authorizations.pending("old")


async def test_every_answer_is_noted(estate: Estate) -> None:
    """A person's yes and their no, with the app; what was refused before is neither."""
    services, user = estate.house.services, estate.user.id
    yes, no = await asked(estate, "yes"), await asked(estate, "no")
    with pytest.raises(Refused):
        await services.authorizations.approve(yes, user, estate.grant, [])
    await services.authorizations.approve(yes, user, estate.grant, [Scope.DEVICES_READ])
    await services.authorizations.deny(no, user)
    await eventually(lambda: services.audit.waiting == 0)
    rows = await services.audit.listed(Sought(kind=Kind.AUTHORIZATION), 10)
    denied, allowed = [row.content or {} for row in rows]
    assert (denied["outcome"], allowed["outcome"]) == ("refused", "allowed")
    assert denied["actor"] == allowed["actor"] == user
    told = {"client_id": estate.client.id, "method": "browser"}
    assert json.loads(denied["detail"]) == told
    more = {"grant_id": estate.grant.id, "scopes": ["devices:read"]}
    assert json.loads(allowed["detail"]) == told | more
