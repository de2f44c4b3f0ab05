"""Consent and connected apps over HTTP: what is asked, ticked, given, shown and taken back."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import pytest

from app.pages.consent import EXPIRED, NO_PLACE, NO_SCOPE
from app.pages.words import GUARDED, SCOPES
from core.domain import devices
from core.domain.accounts import Client
from core.domain.authorizations import AuthorizationRequest
from core.domain.grants import Grant, Scope, Share
from core.services.grants import CHANGED
from core.store.oauth import OAuth
from core.tokens import digest, new_secret
from tests.app.conftest import Api
from tests.app.visitor import PASSWORD, Answer, Visitor

BACK: Final = "https://app.example/cb"
REVOKE, LEAVE_OUT = "/account/apps/revoke", "/account/apps/leave-out"


@dataclass
class Desk:
    """Alice, signed in, and an app to which she gave nothing yet."""

    api: Api
    visitor: Visitor
    client: Client

    async def asked(self, *scopes: Scope, uri: str = BACK, seconds: float = 600) -> str:
        """Where the app sends her; all scopes, where none is named."""
        house = self.api.house
        now = house.clock.now()
        request = AuthorizationRequest(
            client_id=self.client.id,
            redirect_uri=uri,
            uri_given=True,
            scopes=frozenset(scopes or Scope),
            state="s",
            code_challenge="challenge",
            resource=None,
            expires_at=now + timedelta(seconds=seconds),
        )
        name = new_secret()
        await OAuth(house.database).do(lambda rows: rows.put_request(digest(name), request, now))
        return f"/consent?request={name}"

    async def answer(
        self, path: str, *ticks: tuple[str, str], page: Answer | None = None, say: str = "allow"
    ) -> Answer:
        """Open the page (or use this one), set just these boxes, and press a button."""
        page = page or await self.visitor.get(path)
        kept = [one for one in page.forms[path] if one not in page.boxes]
        return await self.visitor.post(path, [*kept, *ticks, ("answer", say)])

    @property
    def grant(self) -> Grant | None:
        """What the app has."""
        return self.api.house.services.consents.current(self.api.user.id, self.client)


READ, CONTROL = ("scope", "devices:read"), ("scope", "devices:control")


@pytest.fixture
async def desk(api: Api) -> Desk:
    """The desk."""
    await api.house.services.sessions.set_password(api.user.id, PASSWORD)
    visitor = Visitor(api.http, api.base_url)
    await visitor.sign_in()
    return Desk(api, visitor, await api.house.services.accounts.create_client("Second <app>"))


async def test_one_device_is_shared(desk: Desk) -> None:
    """Nothing but scopes is ticked to begin with; one device and one scope are what is given."""
    path = await desk.asked()
    page = await desk.visitor.get(path)
    assert "<bdi>Second &lt;app&gt;</bdi> asks for access" in page.text
    assert {one for one, on in page.boxes.items() if on} == {("scope", one) for one in Scope}
    done = await desk.answer(path, READ, ("device", desk.api.light.id))
    assert done.status == 303
    assert (done.location or "").startswith(f"{BACK}?code=")
    grant = desk.grant
    assert grant is not None
    assert grant.scopes == {Scope.DEVICES_READ}
    assert grant.view.devices == {desk.api.light.id}
    assert grant.view.homes == {desk.api.home_id}
    token = desk.api.token(grant)
    seen = await desk.api.ask("{ devices { nodes { id } } }", token=token)
    assert seen["devices"]["nodes"] == [{"id": desk.api.light.id}]


async def test_a_home_comes_without_its_locks(desk: Desk) -> None:
    """They have a tick of their own, and the page says why."""
    path = await desk.asked()
    page = await desk.visitor.get(path)
    assert GUARDED[desk.api.lock.kind] in page.text
    await desk.answer(path, READ, ("home", desk.api.home_id))
    assert desk.grant is not None
    assert desk.grant.view.sees(desk.api.light)
    assert not desk.grant.view.sees(desk.api.lock)
    lock = ("device", desk.api.lock.id)
    await desk.answer(await desk.asked(), ("home", desk.api.home_id), lock)
    assert desk.grant.view.sees(desk.api.lock)


async def test_no_is_no(desk: Desk) -> None:
    """Whatever is ticked, nothing is given, and the app learns that."""
    path = await desk.asked()
    done = await desk.answer(path, READ, ("home", desk.api.home_id), say="deny")
    assert "error=access_denied" in (done.location or "")
    assert desk.grant is None
    used = await desk.visitor.get(path)
    assert (used.status, "start again from the app" in used.text) == (404, True)


async def test_more_is_asked_as_the_difference(desk: Desk) -> None:
    """What the app may do already is no question; saying yes adds to it and loses nothing."""
    light = ("device", desk.api.light.id)
    await desk.answer(await desk.asked(Scope.DEVICES_READ), READ, light)
    first = desk.grant
    page = await desk.visitor.get(path := await desk.asked())
    assert "asks for more access" in page.text
    assert READ not in page.boxes
    assert page.boxes[light]
    assert not page.boxes["device", desk.api.lock.id]
    assert (await desk.answer(path, CONTROL, light, page=page)).status == 303
    assert desk.grant is not None
    assert first is not None
    assert desk.grant.id == first.id
    assert desk.grant.shares == first.shares
    assert desk.grant.scopes == {Scope.DEVICES_READ, Scope.DEVICES_CONTROL}


async def test_what_asks_for_nothing_new_asks_again(desk: Desk) -> None:
    """It may have lost its tokens: neither the heading nor the list speaks of more."""
    light = ("device", desk.api.light.id)
    await desk.answer(await desk.asked(Scope.DEVICES_READ), READ, light)
    page = await desk.visitor.get(await desk.asked(Scope.DEVICES_READ))
    assert "asks again for access to your homes" in page.text
    assert "It asks for nothing new." in page.text
    assert "more access" not in page.text


async def test_a_yes_is_to_what_was_seen(desk: Desk) -> None:
    """Where something was taken back meanwhile, the page is shown again, and nothing is given."""
    light, lock = ("device", desk.api.light.id), ("device", desk.api.lock.id)
    await desk.answer(await desk.asked(), READ, light, lock)
    page = await desk.visitor.get(path := await desk.asked())
    grant = desk.grant
    assert grant is not None
    await desk.api.house.services.consents.share_no_more(grant, desk.api.lock.id)
    again = await desk.answer(path, light, lock, page=page)
    assert (again.status, CHANGED in again.text) == (400, True)
    assert desk.grant is not None
    assert not desk.grant.view.sees(desk.api.lock)


@pytest.mark.parametrize(
    ("ticks", "said"),
    [
        ([READ], NO_PLACE),
        ([("device", "device_elsewhere"), READ], CHANGED),
        ([("home", "home_elsewhere"), READ], CHANGED),
    ],
)
async def test_what_is_wrong_is_said(desk: Desk, ticks: list[tuple[str, str]], said: str) -> None:
    """Above the form, with a link to the place; what was ticked stays ticked."""
    path = await desk.asked()
    page = await desk.answer(path, *ticks)
    assert (page.status, said in page.text) == (400, True)
    assert '<a href="#places">' in page.text
    assert page.boxes[READ]
    assert not page.boxes[CONTROL]
    assert desk.grant is None


async def test_something_has_to_be_allowed(desk: Desk) -> None:
    """Without any scope there is nothing to give."""
    page = await desk.answer(await desk.asked(), ("device", desk.api.light.id))
    assert (page.status, NO_SCOPE in page.text) == (400, True)
    assert page.boxes["device", desk.api.light.id]


async def test_requests_that_are_over(desk: Desk) -> None:
    """Too old, or never there: a page that says what to do, and no way to the app."""
    old = await desk.visitor.get(await desk.asked(seconds=-1))
    assert (old.status, EXPIRED in old.text) == (409, True)
    unknown = await desk.visitor.get("/consent?request=nonsense")
    assert (unknown.status, unknown.location) == (404, None)


async def test_who_has_no_home_can_only_say_no(desk: Desk) -> None:
    """The page says what it takes."""
    bob = await desk.api.house.services.accounts.create_user("bob")
    await desk.api.house.services.sessions.set_password(bob.id, PASSWORD)
    visitor = Visitor(desk.api.http, desk.api.base_url)
    await visitor.sign_in("bob")
    page = await visitor.get(path := await desk.asked())
    assert "no home that you could share" in page.text
    assert 'value="allow"' not in page.text
    forced = await visitor.post(path, [*page.forms[path], READ, ("answer", "allow")])
    assert forced.status == 400
    denied = await visitor.post(path, [*page.forms[path], ("answer", "deny")])
    assert denied.status == 303


async def test_a_stranger_signs_in_first_and_comes_back(desk: Desk) -> None:
    """The request is kept on the way (RFC 6749 §3.1, RFC 9700 §4.11.2)."""
    path = await desk.asked()
    stranger = Visitor(desk.api.http, desk.api.base_url)
    sent = await stranger.get(path)
    assert sent.status == 303
    assert sent.location is not None
    login = await stranger.get(sent.location)
    done = await stranger.fill(login, "/login", username="alice", password=PASSWORD)
    assert done.location == path


@pytest.mark.parametrize(
    ("uri", "policy"),
    [
        (BACK, "form-action 'self' https://app.example;"),
        ("http://127.0.0.1:8765/callback", "form-action 'self' http://127.0.0.1:8765;"),
        ("http://[::1]:8765/callback", "form-action 'self' http:;"),
        ("com.example.app:/callback", "form-action 'self' com.example.app:;"),
        ("https://a.example;sandbox/", "form-action 'self' https:;"),
    ],
)
async def test_the_policy_lets_the_form_lead_to_the_app(desk: Desk, uri: str, policy: str) -> None:
    """To the app's origin and nowhere else; what a policy cannot name is named by its scheme."""
    page = await desk.visitor.get(await desk.asked(uri=uri))
    assert policy in page.headers["Content-Security-Policy"] + ";"


async def test_connected_apps_are_shown_and_taken_back(desk: Desk) -> None:
    """One device first, then the rest; each is gone for the app at once."""
    light, lock = ("device", desk.api.light.id), ("device", desk.api.lock.id)
    await desk.answer(await desk.asked(), READ, light, lock)
    grant = desk.grant
    assert grant is not None
    token, query = desk.api.token(grant), "{ devices { nodes { id } } }"
    account = await desk.visitor.get("/account")
    assert "Second &lt;app&gt;" in account.text
    assert SCOPES[Scope.DEVICES_READ].short in account.text
    fields = dict(account.forms[REVOKE])
    leave = [("form_token", dict(account.forms[LEAVE_OUT])["form_token"]), ("grant", grant.id)]
    assert (await desk.visitor.post(LEAVE_OUT, [*leave, lock])).status == 303
    seen = await desk.api.ask(query, token=token)
    assert seen["devices"]["nodes"] == [{"id": desk.api.light.id}]
    gone = [("form_token", fields["form_token"]), ("grant", grant.id)]
    assert (await desk.visitor.post(REVOKE, gone)).status == 303
    response, _ = await desk.api.post({"query": query}, token=token)
    assert response.status == 401
    assert "Second" not in (await desk.visitor.get("/account")).text
    assert (await desk.visitor.post(REVOKE, gone)).status == 404


async def test_nobody_takes_back_what_another_gave(desk: Desk) -> None:
    """A grant of somebody else is not there."""
    bob = await desk.api.house.services.accounts.create_user("bob")
    home = await desk.api.house.services.homes.create(bob.id, "Bob's", "UTC", "")
    grants = desk.api.house.services.grants
    his = await grants.give(bob.id, desk.client.id, [Scope.DEVICES_READ], [Share(home.id)])
    account = await desk.visitor.get("/account")
    token = ("form_token", dict(account.forms[REVOKE])["form_token"])
    assert (await desk.visitor.post(REVOKE, [token, ("grant", his.id)])).status == 404
    assert not desk.api.house.access.grants[his.id].revoked


def test_every_scope_and_every_guard_has_words() -> None:
    """Nobody is asked for something that the page cannot explain."""
    assert set(SCOPES) == set(Scope)
    assert set(GUARDED) == devices.GUARDED
