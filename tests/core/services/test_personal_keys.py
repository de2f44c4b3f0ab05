"""Personal access tokens: made, known everywhere, and over, on both kinds of database."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import select

from app.compose import House
from core.domain.accounts import EXPLORER, Viewer
from core.domain.audit import Sought
from core.domain.errors import Conflict, Invalid, LatchkeyError, Limited, Refused, Unauthenticated
from core.domain.grants import OWN, Grant, Scope, Share
from core.domain.homes import Role
from core.domain.personal_keys import MOST
from core.services.attempts import RULES
from core.snapshots import personal_keys
from core.store.tables import access, grants
from core.tokens import new_personal
from tests.conftest import Run
from tests.core.services.estate import Estate, LeapClock, another_home, eventually, settle

DAY = 24 * 3600
READ = frozenset({Scope.DEVICES_READ})
OPENS = {Scope.DEVICES_READ, Scope.DEVICES_CONTROL}


@pytest.fixture
async def estate(house: House) -> Estate:
    """An estate whose server has started once, so that Latchkey's own client is there."""
    await house.services.accounts.keep_explorer("http://127.0.0.1/graphql")
    return await settle(house)


async def make(
    estate: Estate, name: str = "laptop", days: int = 30, **more: Any
) -> tuple[str, Grant]:
    """A token of Ada's for her whole home but its locks."""
    asked: dict[str, Any] = {"scopes": OPENS, "targets": [Share(estate.home.id, locks=False)]}
    keys = estate.house.services.personal_keys
    return await keys.make(estate.user.id, name, days=days, **{**asked, **more})


def refusal(house: House, text: str) -> Unauthenticated | None:
    """Why the token is worth nothing in this process."""
    try:
        house.access.holder(text)
    except Unauthenticated as error:
        return error
    return None


async def test_it_stands_for_its_user(estate: Estate) -> None:
    """With just what was ticked, until just then; its text and digest open nothing else."""
    text, grant = await make(estate)
    viewer = estate.house.access.holder(text)
    assert (viewer.user, viewer.client.id, viewer.grant) == (estate.user, EXPLORER, grant)
    assert viewer.scopes == OPENS
    assert grant.key is not None
    assert viewer.expires_at == grant.key.expires_at
    assert viewer is estate.house.access.holder(text)
    assert estate.house.access.again(viewer) == viewer
    for wrong in (grant.key.digest, text[:-1], text + "A", text.upper(), new_personal(), "lkp_é"):
        error = refusal(estate.house, wrong)
        assert error is not None
        assert not error.taken_back


async def test_its_text_is_nowhere(estate: Estate) -> None:
    """Neither in the rows nor in the access log; there is its digest."""
    text, grant = await make(estate)
    assert grant.key is not None
    for table in (grants, access):
        stored = repr(await estate.house.database.rows(select(table)))
        assert text not in stored
        assert text[4:] not in stored
        assert grant.key.digest in stored


async def test_it_is_known_and_over_everywhere(
    estate: Estate, database_url: str, run_house: Run
) -> None:
    """In another process within a second, in one that starts later at once."""
    async with run_house(database_url) as second:
        text, grant = await make(estate)
        assert await eventually(lambda: refusal(second, text) is None) < 1.5
        viewer = second.access.holder(text)
        await estate.house.services.personal_keys.revoke(estate.user.id, grant.id)
        assert taken_back(estate.house, text)
        assert await eventually(lambda: taken_back(second, text)) < 1.5
        with pytest.raises(Unauthenticated):
            second.access.again(viewer)
    async with run_house(database_url) as third:
        assert taken_back(third, text)


def taken_back(house: House, text: str) -> bool:
    """Whether it once held here and does not any more."""
    error = refusal(house, text)
    return error is not None and error.taken_back


ENDS: dict[str, Callable[[Estate, Viewer], Awaitable[object]]] = {
    "user": lambda one, _: one.house.services.accounts.disable_user(one.user.id),
    "client": lambda one, _: one.house.services.accounts.disable_client(EXPLORER),
    "tokens": lambda one, viewer: one.house.services.grants.end_tokens(
        viewer.grant.id, viewer.token_id, viewer.expires_at
    ),
}


@pytest.mark.parametrize("how", ENDS)
async def test_what_ends_access_ends_it(estate: Estate, how: str) -> None:
    """Disabling its user or Latchkey's client, and ending it by its id as a token."""
    text, _ = await make(estate)
    viewer = estate.house.access.holder(text)
    await ENDS[how](estate, viewer)
    assert taken_back(estate.house, text)
    with pytest.raises(Unauthenticated):
        estate.house.access.again(viewer)


async def test_it_expires(database_url: str, run_house: Run) -> None:
    """To the second, also one that was shown before; then it says so, and is listed a while."""
    clock = LeapClock()
    async with run_house(database_url, clock) as house:
        await house.services.accounts.keep_explorer("http://127.0.0.1/graphql")
        estate = await settle(house)
        text, grant = await make(estate, days=7)
        viewer = house.access.holder(text)
        clock.leap(7 * DAY - 60)
        assert refusal(house, text) is None
        clock.leap(120)
        error = refusal(house, text)
        assert error is not None
        assert error.expired
        with pytest.raises(Unauthenticated):
            house.access.again(viewer)
        keys = house.services.personal_keys
        assert keys.of(estate.user.id) == [grant]
        clock.leap(31 * DAY)
        assert keys.of(estate.user.id) == []


async def test_a_member_who_leaves_takes_it_along(estate: Estate) -> None:
    """What it opened of the home is gone; it still opens the others."""
    cabin, services = await another_home(estate), estate.house.services
    bob = await services.accounts.create_user("Bob")
    await services.homes.set_member(estate.home.id, bob.id, Role.OWNER)
    text, _ = await make(estate, targets=[Share(estate.home.id), Share(cabin.id)])
    await services.homes.remove_member(estate.home.id, estate.user.id)
    assert estate.house.access.holder(text).grant.view.homes == {cabin.id}


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"scopes": OWN}, Invalid),
        ({"scopes": set()}, Invalid),
        ({"targets": []}, Invalid),
        ({"days": 366}, Invalid),
        ({"name": "x" * 101}, Invalid),
        ({"targets": [Share("home_none")]}, LatchkeyError),
    ],
)
async def test_what_cannot_be_is_not_made(
    estate: Estate, more: dict[str, Any], error: type[LatchkeyError]
) -> None:
    """And leaves nothing behind."""
    with pytest.raises(error):
        await make(estate, **more)
    assert estate.house.services.personal_keys.of(estate.user.id) == []


async def test_guests_cannot_share(estate: Estate) -> None:
    """Nor strangers, by this way either."""
    services = estate.house.services
    bob = await services.accounts.create_user("Bob")
    line = [Share(estate.home.id, locks=False)]
    with pytest.raises(Refused):
        await services.personal_keys.make(bob.id, "mine", READ, line, 7)
    await services.homes.set_member(estate.home.id, bob.id, Role.GUEST)
    with pytest.raises(Refused):
        await services.personal_keys.make(bob.id, "mine", READ, line, 7)


async def test_names_and_numbers_are_bounded_also_at_once(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many of one name one is made, and of many names so many as there is room for."""
    monkeypatch.delitem(RULES, "personal_key")
    monkeypatch.setitem(RULES, "personal_key", RULES["authorize"])
    same = await asyncio.gather(*(make(estate) for _ in range(5)), return_exceptions=True)
    assert [type(one) for one in same].count(Conflict) == 4
    wanted = (make(estate, f"{number}") for number in range(MOST + 5))
    made = await asyncio.gather(*wanted, return_exceptions=True)
    assert [type(one) for one in made].count(Conflict) == 6
    listed = estate.house.services.personal_keys.of(estate.user.id)
    assert len(listed) == MOST
    await estate.house.services.personal_keys.revoke(estate.user.id, listed[0].id)
    await make(estate, "one more")


async def test_nobody_makes_them_without_end(estate: Estate) -> None:
    """Each stays in the access log, so after some dozens it takes minutes."""
    keys = estate.house.services.personal_keys
    for number in range(RULES["personal_key"].burst):
        _, grant = await make(estate, f"{number}")
        await keys.revoke(estate.user.id, grant.id)
    with pytest.raises(Limited):
        await make(estate, "one more")


async def test_it_is_no_connected_app(estate: Estate) -> None:
    """It neither shows among apps nor stands in the way of GraphiQL's own sign-in."""
    consents, line = estate.house.services.consents, [Share(estate.home.id)]
    client = estate.house.access.clients[EXPLORER]
    _, grant = await make(estate)
    assert [one.id for one in consents.grants(estate.user.id)] == [estate.grant.id]
    assert consents.current(estate.user.id, client) is None
    signed_in = await consents.allow(estate.user.id, client, None, READ, line)
    assert signed_in.id != grant.id
    await make(estate, "another")
    more = await consents.allow(estate.user.id, client, signed_in, OPENS, line)
    assert more.id == signed_in.id


async def test_nothing_amends_it(estate: Estate) -> None:
    """Neither more nor less: whoever wants another makes another."""
    text, grant = await make(estate, scopes=READ)
    amend = estate.house.services.grants.amend
    for scopes in (OPENS, READ):
        with pytest.raises(Conflict, match="make another"):
            await amend(grant, scopes, [Share(estate.home.id)])
    assert estate.house.access.holder(text).scopes == READ


async def test_the_audit_has_it(estate: Estate) -> None:
    """Given and revoked by its user, told from an app's, and nothing secret in it."""
    text, grant = await make(estate)
    await estate.house.services.personal_keys.revoke(estate.user.id, grant.id)
    found = await estate.house.services.audit.listed(Sought(who=estate.user.id), 2)
    contents = [row.content or {} for row in found]
    assert [one["kind"] for one in contents] == ["grant.revoke", "grant.give"]
    assert all(one["actor"] == estate.user.id for one in contents)
    assert all('"method": "personal_key"' in one["detail"] for one in contents)
    assert text not in repr(found)


async def test_so_many_are_remembered(estate: Estate, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts beyond those are known all the same."""
    monkeypatch.setattr(personal_keys, "REMEMBERED", 2)
    made = [await make(estate, f"{number}") for number in range(4)]
    for text, grant in [*made, *made]:
        assert estate.house.access.holder(text).grant == grant
