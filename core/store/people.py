"""Rows of passwords and sessions. Nothing of them is in any log; secrets are here as hashes."""

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, insert, select, update

from core.domain.people import Lifetimes, Session
from core.store.database import Database
from core.store.rows import Fetched
from core.store.tables import passwords, sessions, users

EXACT: Final = timedelta(minutes=1)
"""How often, at most, it is written that somebody was seen."""


class People:
    """The rows."""

    def __init__(self, database: Database) -> None:
        """Write to this database."""
        self._database = database

    async def password(self, user_id: str) -> str | None:
        """The hash of the user's password; None where they have none."""
        query = select(passwords.c.hash).where(passwords.c.user_id == user_id)
        found = await self._database.rows(query)
        return str(found[0].hash) if found else None

    async def set_password(self, user_id: str, hashed: str, now: datetime) -> None:
        """Put another password in place of the user's, and end every session of theirs."""
        lock = select(users.c.id).where(users.c.id == user_id).with_for_update()
        async with self._database.write() as connection:
            await connection.execute(lock)
            await connection.execute(delete(passwords).where(passwords.c.user_id == user_id))
            row = {"user_id": user_id, "hash": hashed, "changed_at": now}
            await connection.execute(insert(passwords).values(row))
            await connection.execute(delete(sessions).where(sessions.c.user_id == user_id))

    async def rehash(self, user_id: str, old: str, new: str) -> None:
        """Put another hash of the same password in place of an old one, if that is still there."""
        this = (passwords.c.user_id == user_id, passwords.c.hash == old)
        async with self._database.write() as connection:
            await connection.execute(update(passwords).where(*this).values(hash=new))

    async def begin(self, session: Session, digest: str, hashed: str, over: Lifetimes) -> bool:
        """Put a session under its secret's digest, and forget those that are over.

        False, and nothing is put, where the password it was opened with is another by now.
        """
        now = session.made_at
        gone = (sessions.c.made_at <= now - over.most) | (sessions.c.seen_at <= now - over.idle)
        still = select(passwords.c.user_id).where(
            passwords.c.user_id == session.user_id, passwords.c.hash == hashed
        )
        row = {
            "id": session.id,
            "digest": digest,
            "user_id": session.user_id,
            "made_at": session.made_at,
            "seen_at": session.seen_at,
        }
        async with self._database.write() as connection:
            await connection.execute(delete(sessions).where(gone))
            # Locked, so that a change of the password waits and then ends this session too.
            if (await connection.execute(still.with_for_update())).first() is None:
                return False
            await connection.execute(insert(sessions).values(row))
        return True

    async def session(self, digest: str) -> Session | None:
        """The session with this digest of its secret."""
        query = select(sessions).where(sessions.c.digest == digest)
        found = await self._database.rows(query)
        return _session_of(found[0]) if found else None

    async def seen(self, session: Session, now: datetime) -> None:
        """Write that somebody was seen, where that is news; a session that is gone stays gone."""
        if now - session.seen_at < EXACT:
            return
        this = sessions.c.id == session.id
        async with self._database.write() as connection:
            await connection.execute(update(sessions).where(this).values(seen_at=now))

    async def sessions(self, user_id: str) -> list[Session]:
        """The user's sessions, the newest first."""
        query = select(sessions).where(sessions.c.user_id == user_id)
        found = await self._database.rows(query.order_by(sessions.c.id.desc()))
        return [_session_of(row) for row in found]

    async def end(self, session_id: str) -> None:
        """End a session. Ending twice is no error."""
        async with self._database.write() as connection:
            await connection.execute(delete(sessions).where(sessions.c.id == session_id))

    async def end_others(self, session: Session) -> None:
        """End every session of the same user but this one."""
        others = (sessions.c.user_id == session.user_id, sessions.c.id != session.id)
        async with self._database.write() as connection:
            await connection.execute(delete(sessions).where(*others))


def _session_of(row: Fetched) -> Session:
    return Session(row.id, row.user_id, row.made_at, row.seen_at)
