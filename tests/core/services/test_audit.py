"""The audit on both kinds of database: what is written when, sealed once, checked and erased."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import structlog
from sqlalchemy import delete, select, update

from app.compose import House
from core.domain.audit import ANONYMOUS, OPERATOR, Actor, Kind, Outcome, Sought
from core.domain.chain import Row
from core.domain.errors import Conflict, Invalid, Missing, Unavailable
from core.domain.grants import Scope, Share
from core.domain.homes import Role
from core.domain.time import Uuid7
from core.services.audit import ROOM, Audit
from core.store import tables
from core.store.audit import AuditRows
from core.store.database import Database
from tests.core.services.estate import Estate, eventually
from tests.fakes import FakeClock

NEW = Uuid7().new
USER, CLIENT = NEW("user"), NEW("client")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database that nobody else writes."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def audit(database: Database) -> Audit:
    """An audit whose task does not run, on a clock that stands still."""
    return Audit(AuditRows(database), FakeClock(), Uuid7())


def sign_in(audit: Audit, user_id: str = USER) -> None:
    """Note that somebody signed in."""
    audit.note(Kind.SIGN_IN, Outcome.ALLOWED, actor=Actor(user_id), source="203.0.113.9")


async def rows(audit: Audit) -> list[Row]:
    """Every row that is not erased, the newest first."""
    return await audit.listed(Sought(), 10_000)


async def kinds(house: House) -> list[tuple[str, str]]:
    """What was decided by whom, in order."""
    found = await house.services.audit.listed(Sought(), 1_000)
    contents = sorted((row.content or {} for row in found), key=lambda content: content["at"])
    return [(content["kind"], content["actor"]) for content in contents]


async def write(database: Database, *statements: Any) -> None:
    """Have the database changed behind our back."""
    async with database.write() as connection:
        for statement in statements:
            await connection.execute(statement)


async def test_decisions_are_rows(estate: Estate) -> None:
    """Who was made, what was given, changed and taken back, and by whom."""
    services, user = estate.house.services, Actor(estate.user.id)
    guest = await services.accounts.create_user("Bob", by=OPERATOR)
    await services.homes.set_member(estate.home.id, guest.id, Role.GUEST, by=user)
    await services.homes.remove_member(estate.home.id, guest.id, by=user)
    await services.grants.amend(estate.grant, {Scope.DEVICES_READ}, [Share(estate.home.id)])
    await services.grants.revoke(estate.grant, by=OPERATOR)
    await services.accounts.disable_client(estate.client.id, by=OPERATOR)
    await services.accounts.disable_user(guest.id, by=OPERATOR)
    assert await kinds(estate.house) == [
        ("key.rotate", "system"),
        ("user.create", "system"),
        ("client.create", "system"),
        ("home.create", user.id),
        ("grant.give", user.id),
        ("user.create", "operator"),
        ("member.set", user.id),
        ("member.remove", user.id),
        ("grant.amend", user.id),
        ("grant.revoke", "operator"),
        ("client.disable", "operator"),
        ("user.disable", "operator"),
    ]


async def test_what_was_not_done_is_no_row(estate: Estate) -> None:
    """The row is in the transaction of its fact: refused or undone, there is neither."""
    before, services = await kinds(estate.house), estate.house.services
    with pytest.raises(Conflict):
        await services.accounts.create_user("Ada")
    with pytest.raises(Missing):
        await services.accounts.disable_user(NEW("user"))
    with pytest.raises(Conflict):
        await services.homes.remove_member(estate.home.id, estate.user.id)
    assert await kinds(estate.house) == before


async def test_notes_are_written_and_sealed_by_themselves(house: House) -> None:
    """Soon after they were noted, in a running house."""
    audit = house.services.audit
    sign_in(audit)

    async def done() -> bool:
        verdict = await audit.verify()
        return verdict.waiting == 0 and ("sign_in", USER) in await kinds(house)

    await eventually(done, 6.0)
    assert (await audit.verify()).broken is None


async def test_what_waits_is_written_at_the_end(audit: Audit) -> None:
    """Sealed too, and a second end does nothing more."""
    sign_in(audit)
    audit.note(Kind.TOKEN_USE, Outcome.REFUSED, actor=ANONYMOUS, source="203.0.113.1")
    await audit.close()
    await audit.close()
    verdict = await audit.verify()
    assert (verdict.rows, verdict.waiting, verdict.seal) == (2, 0, 1)
    assert (audit.written, audit.waiting) == (2, 0)


async def test_noting_never_raises(audit: Audit) -> None:
    """What has no known shape is left out, and the decision is kept."""
    wrong: Any = {"reason": "s3cr3t", "hunter2": object(), "scopes": 7}
    audit.note(Kind.SIGN_IN, Outcome.REFUSED, actor=Actor(CLIENT), source="no address", **wrong)
    audit.note(Kind.SIGN_IN, Outcome.REFUSED, actor=ANONYMOUS, source="no address", **wrong)
    await audit.close()
    assert "s3cr3t" not in str(await rows(audit))
    assert len(await rows(audit)) == 2


async def test_nothing_is_lost_while_the_database_is_away(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notes wait, and are written once each when it is back, even if it had stored them."""
    sign_in(audit)
    put = AuditRows.put

    async def stores_and_falls_silent(self: AuditRows, entries: Any) -> None:
        await put(self, entries)
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(AuditRows, "put", stores_and_falls_silent)
        with pytest.raises(Unavailable):
            await audit._beat()  # noqa: SLF001 - one turn of its task
    assert audit.waiting == 1
    await audit.close()
    assert (audit.waiting, len(await rows(audit))) == (0, 1)


async def test_what_finds_no_room_is_counted_and_logged(audit: Audit) -> None:
    """The log says all that the row would have said, and a row says how many those were."""
    for _ in range(ROOM):
        sign_in(audit)
    with structlog.testing.capture_logs() as lines:
        sign_in(audit, other := NEW("user"))
    assert (audit.waiting, audit.lost) == (ROOM, 1)
    assert [(line["event"], line["actor"]) for line in lines] == [("audit_unwritten", other)]
    await audit.close()
    sign_in(audit)
    await audit.close()
    (told,) = await audit.listed(Sought(kind=Kind.AUDIT_LOSE), 9)
    assert '"count": 1' in (told.content or {})["detail"]


async def test_an_end_without_a_database_says_so(
    audit: Audit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be written any more is in the log."""

    async def silent(*_: object) -> None:
        raise Unavailable

    sign_in(audit)
    monkeypatch.setattr(AuditRows, "put", silent)
    with structlog.testing.capture_logs() as lines:
        await audit.close()
    assert (audit.waiting, audit.lost) == (0, 1)
    assert [line["actor"] for line in lines] == [USER]


async def test_one_seals_at_a_time(database_url: str) -> None:
    """Eight processes that seal and write at once make one chain that holds."""
    databases = [Database(database_url) for _ in range(8)]
    audits = [Audit(AuditRows(one), FakeClock(), Uuid7()) for one in databases]

    async def work(audit: Audit) -> None:
        for _ in range(5):
            for _ in range(20):
                sign_in(audit)
            await audit.close()

    await asyncio.gather(*map(work, audits))
    verdict = await audits[0].verify()
    assert (verdict.broken, verdict.rows, verdict.waiting) == (None, 800, 0)
    await asyncio.gather(*(one.close() for one in databases))


async def test_erasing_a_person(audit: Audit) -> None:
    """What they did and what was done to them is gone; the chain holds and says how many."""
    other = NEW("user")
    sign_in(audit)
    sign_in(audit, other)
    audit.note(Kind.MEMBER_SET, Outcome.ALLOWED, actor=Actor(other), user_id=USER)
    await audit.close()
    sign_in(audit)
    assert await audit.erase(USER) == 3
    assert await audit.erase(USER) == 0
    assert USER not in str(await rows(audit))
    await audit.close()
    verdict = await audit.verify()
    assert (verdict.broken, verdict.rows, verdict.erased) == (None, 5, 3)


async def test_records_of_erasures_are_not_erased(audit: Audit) -> None:
    """Even those of the person who erased: without them nobody could check the chain."""
    sign_in(audit)
    assert await audit.erase(USER, Actor(USER)) == 1
    assert await audit.erase(USER) == 0
    assert (await audit.verify()).broken is None


async def test_only_people_are_erased(audit: Audit) -> None:
    """An operator's or a client's decisions are nobody's private life."""
    with pytest.raises(Invalid, match="no id of a user"):
        await audit.erase("operator")


async def test_rows_are_found(audit: Audit) -> None:
    """By kind, outcome, person and time, the newest first, page after page."""
    for _ in range(250):
        sign_in(audit)
    audit.note(Kind.SIGN_IN, Outcome.REFUSED, actor=Actor(CLIENT), user_id=USER)
    await audit.close()
    assert len(await audit.listed(Sought(who=USER), 1_000)) == 251
    assert len(await audit.listed(Sought(who=USER, outcome=Outcome.ALLOWED), 240)) == 240
    assert len(await audit.listed(Sought(who=CLIENT, kind=Kind.SIGN_IN), 9)) == 1
    ids = [row.id for row in await audit.listed(Sought(), 1_000)]
    assert ids == sorted(ids, reverse=True)
    assert await audit.listed(Sought(since=FakeClock().now().replace(year=2027)), 9) == []


sealed_rows = tables.audit.c.place
HARM: dict[str, list[Any]] = {
    "the content of a row": [update(tables.audit).where(sealed_rows == 3).values(actor="system")],
    "an unknown kind": [update(tables.audit).where(sealed_rows == 3).values(kind="x")],
    "broken detail": [update(tables.audit).where(sealed_rows == 3).values(detail="{")],
    "a row removed": [delete(tables.audit).where(sealed_rows == 3)],
    "the last row removed": [delete(tables.audit).where(sealed_rows == 450)],
    "a row unsealed": [update(tables.audit).where(sealed_rows == 3).values(place=None)],
    "a row moved": [update(tables.audit).where(sealed_rows == 3).values(place=999)],
    "two rows swapped": [
        update(tables.audit).where(sealed_rows == 3).values(place=999),
        update(tables.audit).where(sealed_rows == 4).values(place=3),
        update(tables.audit).where(sealed_rows == 999).values(place=4),
    ],
    "a row emptied": [
        update(tables.audit)
        .where(sealed_rows == 3)
        .values(
            dict.fromkeys(("salt", "at", "kind", "outcome", "actor", "user_id", "source", "detail"))
        )
    ],
    "a seal removed": [delete(tables.seals).where(tables.seals.c.number == 2)],
    "the last seal removed": [delete(tables.seals).where(tables.seals.c.number == 3)],
    "the end cut off": [
        delete(tables.seals).where(tables.seals.c.number == 3),
        delete(tables.audit).where(sealed_rows > 400),
    ],
    "a seal stretched": [
        update(tables.seals).where(tables.seals.c.number == 1).values(last=10**12)
    ],
}


@pytest.mark.parametrize("harm", HARM)
async def test_harm_is_found(audit: Audit, database: Database, harm: str) -> None:
    """Whatever somebody does to stored rows and seals, the walk says where."""
    for _ in range(450):
        sign_in(audit)
    await audit.close()
    assert (await audit.verify()).broken is None
    await write(database, *HARM[harm])
    assert (await audit.verify()).broken is not None


async def test_a_row_that_is_not_sealed_yet_is_looked_at(audit: Audit, database: Database) -> None:
    """Its commitment tells."""
    audit.note(Kind.SIGN_IN, Outcome.ALLOWED, actor=Actor(USER))
    await audit._write()  # noqa: SLF001 - without sealing
    assert (await audit.verify()).waiting == 1
    await write(database, update(tables.audit).values(actor="system"))
    assert "must have the commitment" in str((await audit.verify()).broken)


async def test_an_anchor_is_met_or_not(audit: Audit) -> None:
    """What `verify` printed earlier is a seal of the same chain later."""
    sign_in(audit)
    await audit.close()
    noted = await audit.verify()
    sign_in(audit)
    await audit.close()
    assert (await audit.verify({noted.seal: noted.hash})).broken is None
    assert "had the hash" in str((await audit.verify({noted.seal: "0" * 64})).broken)


async def test_salts_differ(audit: Audit, database: Database) -> None:
    """So equal decisions have unequal commitments, and an erased one cannot be guessed."""
    for _ in range(20):
        sign_in(audit)
    await audit.close()
    found = await database.rows(select(tables.audit.c.salt))
    assert len({row.salt for row in found}) == 20
