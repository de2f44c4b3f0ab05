"""Homes on the account: inviting, joining, changing, leaving, by forms."""

from dataclasses import dataclass
from typing import Final

import pytest
from starlette.requests import Request

from app.pages.visits import Visit
from core.domain.audit import Kind, Sought
from core.domain.grants import Scope, Share
from core.domain.homes import Role
from tests.app.conftest import Api
from tests.app.visitor import PASSWORD, Answer, Visitor

HOMES: Final = "/account/homes"


@dataclass
class Neighbours:
    """Alice, who owns the home, and Bob, who has none; both signed in."""

    api: Api
    alice: Visitor
    bob: Visitor
    bob_id: str

    async def post(self, who: Visitor, action: str, **fields: str) -> Answer:
        """Open the page and send one of its forms with these fields."""
        page = await who.get(HOMES)
        token = next(value for name, value in page.forms[action] if name == "form_token")
        return await who.post(action, [("form_token", token), *fields.items()])

    async def invite(self, role: str = "MEMBER") -> str:
        """A code from the page that tells it."""
        page = await self.post(self.alice, f"{HOMES}/invite", home=self.api.home_id, role=role)
        assert page.status == 200
        return page.text.partition('id="code-')[2].partition("</textarea>")[0].rpartition(">")[2]

    def stranger(self) -> Visitor:
        """Somebody with a browser of their own."""
        return Visitor(self.api.http, self.api.base_url)

    async def roles(self) -> dict[str, Role]:
        """Who belongs to the home."""
        members = await self.api.house.reads.members(self.api.home_id)
        return {user.name: role for user, role in members}


@pytest.fixture
async def neighbours(api: Api) -> Neighbours:
    """Both."""
    services = api.house.services
    bob = await services.accounts.create_user("bob")
    for user in (api.user, bob):
        await services.sessions.set_password(user.id, PASSWORD)
    alice, other = Visitor(api.http, api.base_url), Visitor(api.http, api.base_url)
    await alice.sign_in()
    await other.sign_in(name="bob")
    return Neighbours(api, alice, other, bob.id)


async def test_somebody_is_invited_and_joins(neighbours: Neighbours) -> None:
    """The code is told once; the page then lists the invite, and later the member."""
    assert "You belong to no home yet" in (await neighbours.bob.get(HOMES)).text
    code = await neighbours.invite()
    page = await neighbours.alice.get(HOMES)
    assert code not in page.text
    assert "Invites that nobody has used yet" in page.text
    done = await neighbours.post(neighbours.bob, f"{HOMES}/join", code=f" {code.upper()} ")
    assert done.location == f"{HOMES}#{neighbours.api.home_id}"
    assert await neighbours.roles() == {"alice": Role.OWNER, "bob": Role.MEMBER}
    again = await neighbours.post(neighbours.bob, f"{HOMES}/join", code=code)
    assert (again.status, 'role="alert"' in again.text) == (400, True)


async def test_a_withdrawn_invite_is_over(neighbours: Neighbours) -> None:
    """Whoever has its code joins no more."""
    code = await neighbours.invite()
    page = await neighbours.alice.get(HOMES)
    await neighbours.alice.fill(page, f"{HOMES}/withdraw")
    done = await neighbours.post(neighbours.bob, f"{HOMES}/join", code=code)
    assert "There is no such invite, or it is over" in done.text
    assert await neighbours.roles() == {"alice": Role.OWNER}


async def test_a_guest_gets_more_and_less(neighbours: Neighbours) -> None:
    """The owner changes what somebody may do; with the right to share goes what was shared."""
    api = neighbours.api
    await neighbours.post(neighbours.bob, f"{HOMES}/join", code=await neighbours.invite())
    grant = await api.house.services.grants.give(
        neighbours.bob_id, api.client.id, list(Scope), [Share(api.home_id)]
    )
    them = {"home": api.home_id, "user": neighbours.bob_id}
    await neighbours.post(neighbours.alice, f"{HOMES}/role", **them, role="GUEST")
    assert (await neighbours.roles())["bob"] is Role.GUEST
    seen = await api.ask("{ devices { totalCount } }", token=api.token(grant))
    assert seen["devices"]["totalCount"] == 0


async def test_members_leave_and_are_removed(neighbours: Neighbours) -> None:
    """Either by their own will or by an owner's; the last owner stays."""
    api = neighbours.api
    for who in (neighbours.bob, neighbours.alice):
        await neighbours.post(neighbours.bob, f"{HOMES}/join", code=await neighbours.invite())
        them = {"home": api.home_id, "user": neighbours.bob_id}
        assert (await neighbours.post(who, f"{HOMES}/remove", **them)).status == 303
        assert await neighbours.roles() == {"alice": Role.OWNER}
    me = {"home": api.home_id, "user": api.user.id}
    stays = await neighbours.post(neighbours.alice, f"{HOMES}/remove", **me)
    assert (stays.status, "at least one owner" in stays.text) == (400, True)


@pytest.mark.parametrize("action", ["invite", "withdraw", "role", "remove"])
async def test_owners_alone_manage(neighbours: Neighbours, action: str) -> None:
    """A member who sends an owner's form is refused, and nothing changes."""
    api, bob = neighbours.api, neighbours.bob
    await neighbours.post(bob, f"{HOMES}/join", code=await neighbours.invite())
    before = await neighbours.roles()
    path = f"{HOMES}/{action}"
    # The token is for the browser and the form, so a member has to make one to get this far.
    page = await bob.get(HOMES)
    assert path not in page.forms or action == "remove"
    fields = {"home": api.home_id, "user": api.user.id, "role": "GUEST", "invite": "invite_x"}
    done = await bob.post(path, [("form_token", _token(bob, path)), *fields.items()])
    assert done.status in {400, 403}
    assert await neighbours.roles() == before


async def test_a_form_of_another_site_is_refused(neighbours: Neighbours) -> None:
    """Without the token that the page made (CSRF)."""
    done = await neighbours.alice.post(f"{HOMES}/invite", [("home", neighbours.api.home_id)])
    assert done.status == 403


async def test_what_is_no_role_is_refused(neighbours: Neighbours) -> None:
    """With a sentence beside the home."""
    form = {"home": neighbours.api.home_id, "role": "KING"}
    done = await neighbours.post(neighbours.alice, f"{HOMES}/invite", **form)
    assert (done.status, "Choose what they may do" in done.text) == (400, True)


async def test_it_is_all_in_the_audit(neighbours: Neighbours) -> None:
    """Who invited, withdrew, joined; signing in too, with the address, and no code or password."""
    code = await neighbours.invite()
    await neighbours.post(neighbours.bob, f"{HOMES}/join", code=code)
    await neighbours.invite()
    page = await neighbours.alice.get(HOMES)
    await neighbours.alice.fill(page, f"{HOMES}/withdraw")
    await neighbours.stranger().sign_in(name="bob", password="not this one at all")
    await neighbours.alice.fill(page, "/logout")
    audit = neighbours.api.house.services.audit
    await audit.close()
    rows = [row.content or {} for row in await audit.listed(Sought(), 200)]
    kinds = {(row["kind"], row["outcome"]) for row in rows}
    expected = {
        (Kind.MEMBER_INVITE, "allowed"),
        (Kind.MEMBER_UNINVITE, "allowed"),
        (Kind.MEMBER_SET, "allowed"),
        (Kind.PASSWORD_SET, "allowed"),
        (Kind.SIGN_IN, "allowed"),
        (Kind.SIGN_IN, "refused"),
        (Kind.SIGN_OUT, "allowed"),
    }
    assert expected <= {(Kind(kind), outcome) for kind, outcome in kinds}
    signed_in = [row for row in rows if row["kind"] == "sign_in"]
    assert {row["source"] for row in signed_in} == {"127.0.0.1"}
    assert code not in str(rows)
    assert PASSWORD not in str(rows)


def _token(visitor: Visitor, purpose: str) -> str:
    request = Request({"type": "http", "method": "GET", "headers": [], "client": None})
    (secret,) = visitor.cookies.values()
    return Visit(request, secret, None, {}).token(purpose)
