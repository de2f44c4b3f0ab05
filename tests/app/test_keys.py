"""Personal access tokens over HTTP: made on the page, shown once, used like any, revoked."""

import re
from dataclasses import dataclass
from typing import Final

import pytest

from app.pages.consent import NO_PLACE
from app.pages.keys import CHANGED, CHOICES, NO_SCOPE
from app.sharing import granted
from core.domain.accounts import EXPLORER
from core.domain.homes import Role
from core.domain.personal_keys import MOST_DAYS
from core.services.sessions import NOT_YOURS
from tests.app.conftest import Api
from tests.app.test_socket import opened
from tests.app.visitor import PASSWORD, Answer, Visitor

KEYS, REVOKE = "/account/keys", "/account/keys/revoke"
TEXT: Final = re.compile(r">(lkp_[A-Za-z0-9_-]{43})</textarea>")
QUERY: Final = "{ devices(first: 100) { nodes { id } } }"
SWITCH: Final = """
mutation($id: ID!) { controlDevice(input: { deviceId: $id, state: { on: true } }) { status } }
"""
READ, CONTROL = ("scope", "devices:read"), ("scope", "devices:control")
NEVER_LOOKED: Final = "<dt>Last looked</dt><dd>never</dd>"
Field = tuple[str, str]


@dataclass
class Owner:
    """Alice, signed in."""

    api: Api
    visitor: Visitor

    async def page(self) -> Answer:
        """The page of her tokens."""
        return await self.visitor.get(KEYS)

    async def make(
        self,
        *ticks: Field,
        name: str = "laptop",
        days: str = "30",
        password: str = PASSWORD,
    ) -> Answer:
        """Fill in the form with just these boxes; a lamp to read, where none is named."""
        page = await self.page()
        ticks = ticks or (READ, ("device", self.api.light.id))
        token = [one for one in page.forms[KEYS] if one[0] == "form_token"]
        typed = [("name", name), ("days", days), ("current", password)]
        return await self.visitor.post(KEYS, [*token, *typed, *ticks])

    async def made(self, *ticks: Field, name: str = "laptop") -> str:
        """The text of a new one."""
        page = await self.make(*ticks, name=name)
        (text,) = TEXT.findall(page.text)
        return str(text)

    async def revoke(self, grant_id: str) -> Answer:
        """Press the button of one; or as if there were one."""
        forms = (await self.page()).forms
        token = [one for one in forms.get(REVOKE, ()) if one[0] == "form_token"]
        return await self.visitor.post(REVOKE, [*token, ("grant", grant_id)])

    @property
    def grant_ids(self) -> list[str]:
        """Those that she has."""
        return [one.id for one in self.api.house.services.personal_keys.of(self.api.user.id)]


@pytest.fixture
async def owner(api: Api) -> Owner:
    """Alice."""
    await api.house.services.sessions.set_password(api.user.id, PASSWORD)
    visitor = Visitor(api.http, api.base_url)
    await visitor.sign_in()
    return Owner(api, visitor)


async def status(api: Api, token: str) -> int:
    """The status of a query with a token."""
    response, _ = await api.post({"query": QUERY}, token=token)
    return response.status


async def switch(api: Api, token: str) -> None:
    """Have the light be what it is not."""
    on = str(not api.light.state.on).lower()
    await api.ask(SWITCH.replace("true", on), token=token, id=api.light.id)


async def test_one_is_made_used_and_revoked(owner: Owner) -> None:
    """Shown on the page that answers and never again; it opens just what was ticked."""
    empty = await owner.page()
    assert "You have none." in empty.text
    assert {one for one, on in empty.boxes.items() if on} == {READ}
    page = await owner.make()
    assert page.status == 200
    (text,) = TEXT.findall(page.text)
    assert "It is not shown again" in page.text
    assert page.headers["Cache-Control"] == "no-store"
    listed = await owner.page()
    assert ("lkp_" in listed.text, "laptop" in listed.text) == (False, True)
    seen = await owner.api.ask(QUERY, token=text)
    assert seen["devices"]["nodes"] == [{"id": owner.api.light.id}]
    assert (await owner.revoke(owner.grant_ids[0])).location == KEYS
    assert await status(owner.api, text) == 401
    assert "You have none." in (await owner.page()).text


async def test_a_home_comes_without_its_locks(owner: Owner) -> None:
    """As on the page of consent."""
    text = await owner.made(READ, ("home", owner.api.home_id))
    seen = await owner.api.ask(QUERY, token=text)
    ids = {one["id"] for one in seen["devices"]["nodes"]}
    assert (owner.api.light.id in ids, owner.api.lock.id in ids) == (True, False)
    both = await owner.made(
        READ, ("home", owner.api.home_id), ("device", owner.api.lock.id), name="with the lock"
    )
    seen = await owner.api.ask(QUERY, token=both)
    assert owner.api.lock.id in {one["id"] for one in seen["devices"]["nodes"]}


async def test_it_opens_a_socket_until_it_is_revoked(owner: Owner) -> None:
    """The same text in `connection_init`; what is open is closed with 4401."""
    follow = ("scope", "events:subscribe")
    text = await owner.made(READ, follow, ("home", owner.api.home_id))
    async with opened(owner.api) as socket:
        await socket.init(text)
        await socket.subscribe("subscription { deviceStatusChanged { sequence } }")
        await switch(owner.api, owner.api.token())
        assert (await socket.next())["type"] == "next"
        await owner.revoke(owner.grant_ids[0])
        assert (await socket.closed())[0] == 4401


async def test_what_it_does_is_shown(owner: Owner) -> None:
    """Never used; then when, and its last command, in plain words with the time for programs."""
    text = await owner.made(READ, CONTROL, ("device", owner.api.light.id))
    page = await owner.page()
    assert re.search(r"<dt>Last used</dt><dd>never</dd>", page.text)
    await owner.api.ask("{ __typename }", token=text)
    assert re.search(r"<dt>Last used</dt><dd>never</dd>", (await owner.page()).text)
    await owner.api.ask(SWITCH, token=text, id=owner.api.light.id)
    page = await owner.page()
    assert re.search(
        r'<dt>Last used</dt><dd><time datetime="[^"]+\+00:00">just now</time>', page.text
    )
    name = owner.api.light.name
    assert f"<dd>turn on {name}, <time" in page.text


async def test_an_app_that_looks_is_shown(owner: Owner) -> None:
    """When it last looked, by query and by what it is told live, and what it last did."""
    account = await owner.visitor.get("/account")
    assert NEVER_LOOKED in account.text
    assert "<dt>Last command</dt><dd>none</dd>" in account.text
    response, _ = await owner.api.post({"query": QUERY}, token="lkp_" + "x" * 43)
    assert response.status == 401
    await owner.api.refused("{ homes { nodes { name } } }", token=owner.api.token(scopes=[]))
    assert NEVER_LOOKED in (await owner.visitor.get("/account")).text
    await owner.api.ask(QUERY)
    await owner.api.ask(SWITCH, id=owner.api.light.id)
    account = await owner.visitor.get("/account")
    assert re.search(
        r'<dt>Last looked</dt><dd><time datetime="[^"]+">just now</time>', account.text
    )
    assert f"<dd>turn on {owner.api.light.name}, <time" in account.text


async def test_what_it_is_told_live_counts_as_looking(owner: Owner) -> None:
    """Each event that is shown to it, not only that it asked to be told."""
    uses, grant = owner.api.house.services.uses, owner.api.grant
    other = await owner.made(READ, CONTROL, ("device", owner.api.light.id))
    async with opened(owner.api) as socket:
        await socket.init(owner.api.token())
        await socket.subscribe("subscription { deviceStatusChanged { sequence } }")
        began = (await uses.of([grant.id]))[grant.id].read_at
        await switch(owner.api, other)
        await socket.next()
        told = (await uses.of([grant.id]))[grant.id].read_at
    assert began is not None
    assert told is not None
    assert began < told


@pytest.mark.parametrize(
    ("ticks", "field", "said"),
    [
        ([READ], "places", NO_PLACE),
        ([READ, ("device", "device_elsewhere")], "places", CHANGED),
        ([("home", "home_elsewhere"), READ], "places", CHANGED),
        ([("device", "")], "scopes", NO_SCOPE),
        ([("scope", "webhooks:manage"), ("device", "")], "scopes", NO_SCOPE),
        ([("scope", "nonsense"), ("device", "")], "scopes", NO_SCOPE),
    ],
)
async def test_what_is_wrong_is_said(
    owner: Owner, ticks: list[Field], field: str, said: str
) -> None:
    """Above the form, with a link to the place; what was filled in stays, but the password."""
    light = ("device", owner.api.light.id)
    ticks = [light if one == ("device", "") else one for one in ticks]
    page = await owner.make(*ticks, name="my <laptop>", days="90")
    assert (page.status, said in page.text) == (400, True)
    assert f'<a href="#{field}">' in page.text
    assert 'value="my &lt;laptop&gt;"' in page.text
    assert '<option value="90" selected>' in page.text
    assert PASSWORD not in page.text
    assert page.boxes[light] == (light in ticks)
    assert owner.grant_ids == []


async def test_other_refusals_are_said_too(owner: Owner) -> None:
    """A name that is taken or none, days that nobody could choose: no page of an error."""
    await owner.made()
    taken = await owner.make()
    assert (taken.status, "named &#39;laptop&#39; already" in taken.text) == (409, True)
    for name in (" ", "x" * 101):
        page = await owner.make(name=name)
        assert re.search(r'id="name-wrong">[^<]*1 to 100 printable characters', page.text)
        assert 'aria-describedby="name-hint name-wrong" aria-invalid="true"' in page.text
    for days in ("0", "-1", "31", "", "x", "٣٠", "9" * 5_000):
        page = await owner.make(name="other", days=days)
        assert page.status == 400
        assert re.search(r'aria-describedby="days-wrong"', page.text)
        assert re.search(r'id="days-wrong">[^<]*1 to 365 days', page.text)
    assert len(owner.grant_ids) == 1


async def test_it_takes_the_password(owner: Owner) -> None:
    """A wrong one makes nothing, and after some there is no more guessing."""
    for _ in range(10):
        page = await owner.make(password="not the password")
        assert (page.status, NOT_YOURS in page.text) == (400, True)
    page = await owner.make()
    assert (page.status, "Try again in" in page.text) == (429, True)
    assert owner.grant_ids == []


async def test_only_its_user_sees_and_revokes_it(owner: Owner) -> None:
    """To others it is not there, and neither is a connected app a token."""
    await owner.made()
    (grant_id,) = owner.grant_ids
    bob = await owner.api.house.services.accounts.create_user("bob")
    await owner.api.house.services.sessions.set_password(bob.id, PASSWORD)
    visitor = Visitor(owner.api.http, owner.api.base_url)
    await visitor.sign_in("bob")
    his = Owner(owner.api, visitor)
    assert "laptop" not in (await his.page()).text
    await owner.api.house.services.homes.set_member(owner.api.home_id, bob.id, Role.MEMBER)
    await his.made(READ, ("device", owner.api.light.id), name="bob's")
    assert (await his.revoke(grant_id)).status == 404
    assert (await owner.revoke(owner.api.grant.id)).status == 404
    assert owner.grant_ids == [grant_id]
    account = await owner.visitor.get("/account")
    assert "laptop" not in account.text
    form = [*account.forms["/account/apps/revoke"]]
    kept = [one for one in form if one[0] == "form_token"]
    gone = await owner.visitor.post("/account/apps/revoke", [*kept, ("grant", grant_id)])
    assert gone.status == 404


async def test_guests_have_nothing_to_share(owner: Owner) -> None:
    """The page says what it takes, and shows no form."""
    services = owner.api.house.services
    bob = await services.accounts.create_user("bob")
    await services.sessions.set_password(bob.id, PASSWORD)
    await services.homes.set_member(owner.api.home_id, bob.id, Role.GUEST)
    visitor = Visitor(owner.api.http, owner.api.base_url)
    await visitor.sign_in("bob")
    page = await visitor.get(KEYS)
    assert "guests cannot share one" in page.text
    assert KEYS not in page.forms


async def test_a_form_is_for_one_purpose_and_who_is_signed_in(owner: Owner) -> None:
    """Without its token nothing happens, and a stranger signs in first."""
    await owner.made()
    for path in (KEYS, REVOKE):
        fields = [("form_token", "x"), ("grant", owner.grant_ids[0])]
        assert (await owner.visitor.post(path, fields)).status == 403
    stranger = Visitor(owner.api.http, owner.api.base_url)
    assert (await stranger.get(KEYS)).location == "/login?next=%2Faccount%2Fkeys"
    assert len(owner.grant_ids) == 1


async def test_disabling_the_client_is_told(owner: Owner) -> None:
    """An operator may let no such token in; then the page says so."""
    text = await owner.made()
    await owner.api.house.services.accounts.disable_client(EXPLORER)
    assert await status(owner.api, text) == 401
    assert "lets no such token in" in (await owner.page()).text


async def test_the_command_line_reuses_none(owner: Owner) -> None:
    """`token create` for Latchkey's own client gives a grant of its own, not one of a token."""
    await owner.made(READ, ("device", owner.api.light.id))
    house, (grant_id,) = owner.api.house, owner.grant_ids
    same = house.access.grants[grant_id]
    client = house.access.clients[EXPLORER]
    given = await granted(house, owner.api.user, client, same.scopes, same.shares)
    assert given.id != grant_id


def test_the_choices_are_within_the_bounds() -> None:
    """The longest is the longest that there may be."""
    assert max(CHOICES) == MOST_DAYS
