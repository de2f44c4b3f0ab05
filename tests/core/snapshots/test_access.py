"""Access as it is now: in every process, soon, and never from memory that may be wrong."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from itertools import count

import pytest

from app.compose import House
from core import feed
from core.domain.accounts import ClientAuth
from core.domain.errors import Missing, Unauthenticated, Unavailable
from core.domain.events import AccessEntry
from core.domain.grants import OWN, Grant, Scope, Share
from core.services import Services
from core.store.committer import Work
from core.store.ledger import Ledger, Needs
from tests.conftest import Run
from tests.core.services.estate import SCOPES, Estate, eventually, viewer_of

READ = frozenset({Scope.DEVICES_READ})
TakenBack = Callable[[Services, Estate], Awaitable[object]]
TAKEN_BACK: dict[str, TakenBack] = {
    "revoked": lambda services, estate: services.grants.revoke(estate.grant),
    "user": lambda services, estate: services.accounts.disable_user(estate.user.id),
    "client": lambda services, estate: services.accounts.disable_client(estate.client.id),
}


def known(house: House) -> list[object]:
    """Everything that a process knows of access."""
    access = house.access
    return [access.users, access.clients, access.grants, access.keys]


async def test_a_viewer_is_who_the_token_says(estate: Estate) -> None:
    """User, client and grant as they are now; scopes are those of both token and grant."""
    viewer = viewer_of(estate.house, estate.grant, READ)
    assert (viewer.user, viewer.client, viewer.grant) == (
        estate.user,
        estate.client,
        estate.grant,
    )
    assert viewer.scopes == READ
    await estate.house.services.grants.amend(estate.grant, READ, [Share(estate.home.id)])
    assert estate.viewer.scopes == READ
    assert estate.house.access.again(replace(viewer, scopes=SCOPES)).scopes == READ


async def test_a_public_client_has_nothing_of_its_own(estate: Estate) -> None:
    """Its tokens are in anybody's hands: they open what a user gave, and no more."""
    services = estate.house.services
    client = await services.accounts.create_client("Public", auth=ClientAuth.NONE)
    grant = await services.grants.give(estate.user.id, client.id, SCOPES, [Share(estate.home.id)])
    viewer = viewer_of(estate.house, grant)
    assert viewer.scopes == SCOPES - OWN
    assert estate.viewer.scopes == SCOPES


@pytest.mark.parametrize("how", TAKEN_BACK)
async def test_what_is_taken_back_is_gone_everywhere(
    estate: Estate, second: House, how: str
) -> None:
    """In the process that took it back at once, in others within a second."""
    elsewhere = viewer_of(second, estate.grant)
    await TAKEN_BACK[how](estate.house.services, estate)
    with pytest.raises(Unauthenticated) as refused:
        _ = estate.viewer
    assert refused.value.taken_back
    assert await eventually(lambda: is_refused(second, estate.grant)) < 1.5
    with pytest.raises(Unauthenticated):
        second.access.again(elsewhere)


def is_refused(house: House, grant: Grant) -> bool:
    """Whether a token of the grant is worth nothing in this process."""
    try:
        viewer_of(house, grant)
    except Unauthenticated:
        return True
    return False


async def test_a_grant_that_was_never_there_is_not_taken_back(estate: Estate) -> None:
    """Tokens of an unknown grant, client or user are refused without saying that they held."""
    for grant in (
        replace(estate.grant, id="grant_none"),
        replace(estate.grant, client_id="client_none"),
        replace(estate.grant, user_id="user_none"),
    ):
        with pytest.raises(Unauthenticated) as refused:
            viewer_of(estate.house, grant)
        assert not refused.value.taken_back


async def test_both_ways(estate: Estate, second: House) -> None:
    """What either process does, the other knows, and in the end they know the same."""
    await second.services.accounts.create_user("Bob")
    await estate.house.services.grants.amend(estate.grant, READ, [])
    await second.services.accounts.rotate_keys()
    await estate.house.services.accounts.create_client("App")
    await eventually(partial(same, estate.house, second))
    assert {user.name for user in estate.house.access.users.values()} == {"Ada", "Bob"}
    assert second.access.grants[estate.grant.id].view.homes == frozenset()


async def test_starting_while_others_write(
    estate: Estate, database_url: str, run_house: Run
) -> None:
    """Processes that start amid changes miss none of them."""
    started = asyncio.Event()

    async def write() -> None:
        for number in count():
            await estate.house.services.accounts.create_user(f"{number}")
            await estate.house.services.grants.amend(estate.grant, READ, [])
            if started.is_set():
                return

    writes = asyncio.create_task(write())
    async with run_house(database_url) as one, run_house(database_url) as two:
        await asyncio.sleep(0.02)
        started.set()
        await writes
        for late in (one, two):
            await eventually(partial(same, late, estate.house))


def same(one: House, other: House) -> bool:
    """Whether both processes know the same of access."""
    return known(one) == known(other)


async def test_what_a_start_overheard_is_applied_once(
    estate: Estate, monkeypatch: pytest.MonkeyPatch, database_url: str, run_house: Run
) -> None:
    """Changes between following the log and loading its sum are neither lost nor undone."""
    logs = type(estate.house.logs)
    load = logs.access_state

    async def slow(self: object) -> object:
        await estate.house.services.grants.amend(estate.grant, READ, [])
        state = await load(self)  # type: ignore[arg-type]  # as it is called
        await estate.house.services.grants.revoke(estate.grant)
        await asyncio.sleep(0.7)  # the revocation is heard before the load is done
        return state

    monkeypatch.setattr(logs, "access_state", slow)
    async with run_house(database_url) as late:
        assert late.access.grants[estate.grant.id].revoked


async def test_watchers_are_told_of_their_grant(estate: Estate) -> None:
    """Whatever touches the grant, its user or its client is told, until they stop."""
    services, seen = estate.house.services, list[str]()
    give = services.grants.give
    other = await give(estate.user.id, estate.client.id, READ, [Share(estate.home.id)])
    mine = partial(seen.append, "mine")
    estate.house.access.watch(estate.grant.id, mine)
    estate.house.access.watch(other.id, lambda: seen.append("other"))
    await services.grants.amend(estate.grant, READ, [])
    assert seen == ["mine"]
    await services.accounts.disable_client(estate.client.id)
    await services.accounts.disable_user(estate.user.id)
    assert sorted(seen[1:]) == ["mine", "mine", "other", "other"]
    estate.house.access.unwatch(estate.grant.id, mine)
    await services.grants.revoke(estate.grant)
    assert len(seen) == 5


async def test_a_fact_of_a_later_version_stops_nothing(estate: Estate) -> None:
    """What this version does not know is passed over, and what follows is taken in."""

    def decide(ledger: Ledger) -> None:
        ledger.tell_access("passkey", {"id": "passkey_1"})

    await estate.house.committer.submit(Work(Needs(access=True), decide))
    user = await estate.house.services.accounts.create_user("Bob")
    assert estate.house.access.named_user("Bob") == user


async def test_users_by_name(estate: Estate) -> None:
    """A name finds its user, or says that there is none."""
    assert estate.house.access.named_user("Ada") == estate.user
    with pytest.raises(Missing, match="'Eve'"):
        estate.house.access.named_user("Eve")


async def test_who_cannot_read_the_log_serves_nobody(
    estate: Estate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the logs could not be read for so long, access may have been taken back unseen."""
    monkeypatch.setattr(feed, "STALE_SECONDS", 0.6)
    viewer = estate.viewer

    async def unreadable() -> list[object]:
        raise Unavailable("no")

    with monkeypatch.context() as patch:
        patch.setattr(estate.house.logs, "marks", unreadable)
        await eventually(estate.house.feed.stale)
        with pytest.raises(Unavailable, match="Access cannot be checked now"):
            estate.house.access.again(viewer)
        with pytest.raises(Unavailable):
            _ = estate.viewer
    await eventually(lambda: not estate.house.feed.stale())
    assert estate.house.access.again(viewer) == viewer


async def test_a_fact_that_is_not_understood_stops_everything(estate: Estate) -> None:
    """A newer version may have refused somebody by it: better nobody than one who may not."""
    access = estate.house.access
    entry = AccessEntry(access._place + 1, "strange", {}, estate.house.clock.now())  # noqa: SLF001 - as the feed would tell it
    with pytest.raises(LookupError):
        access._told(entry)  # noqa: SLF001 - likewise
    with pytest.raises(Unavailable):
        _ = estate.viewer
    with pytest.raises(Unavailable):
        access.known_user(estate.user.id)
