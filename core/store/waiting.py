"""Devices that wait for their user's answer (RFC 8628), by the digests of their two codes."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from core.domain.authorizations import REQUEST_SECONDS, DeviceAuthorization
from core.domain.grants import Scope
from core.store.expiry import forget
from core.store.tables import device_authorizations as table

KEPT = REQUEST_SECONDS
"""For so long after its end a device that polls is told that it is over, and not that it is
nobody's (RFC 8628 §3.5)."""


class Waiting:
    """Their rows, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        """Read and write through this connection."""
        self._connection = connection

    def put(self, waiting: DeviceAuthorization, user_code: str, now: datetime) -> bool:
        """Keep one, and forget those that are long over; False where the user code is taken."""
        forget(self._connection, table, now - KEPT)
        values = {
            "digest": waiting.digest,
            "user_code": user_code,
            "client_id": waiting.client_id,
            "scopes": sorted(waiting.scopes),
            "resource": waiting.resource,
            "interval": _seconds(waiting.interval),
            "expires_at": waiting.expires_at,
        }
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        kept = dialect.insert(table).on_conflict_do_nothing(index_elements=["user_code"])
        put = kept.values(values).returning(table.c.digest)
        return self._connection.execute(put).first() is not None

    def find(self, digest: str, client_id: str, *, locked: bool) -> DeviceAuthorization | None:
        """This client's one with this device code, locked where something will be decided."""
        query = select(table).where(table.c.digest == digest, table.c.client_id == client_id)
        return self._one(query.with_for_update() if locked else query)

    def typed(self, user_code: str, now: datetime) -> DeviceAuthorization | None:
        """The one with this user code, if it is in time and nobody has answered."""
        return self._one(select(table).where(table.c.user_code == user_code, _open(now)))

    def answered(self, digest: str) -> bool:
        """Whether somebody has answered it; what is not there any more was answered too."""
        waits = and_(table.c.digest == digest, table.c.answer.is_(None))
        return self._connection.execute(select(table.c.digest).where(waits)).first() is None

    def poll(self, digest: str, interval: timedelta, now: datetime) -> None:
        """Note that its device has asked, and how long it has to wait from now on."""
        values = {"polled_at": now, "interval": _seconds(interval)}
        self._connection.execute(update(table).where(table.c.digest == digest).values(values))

    def answer(
        self,
        digest: str,
        client_id: str,
        scopes: frozenset[Scope],
        grant_id: str | None,
        now: datetime,
    ) -> bool:
        """Answer with these scopes, none for a no; False where somebody has, or it is too late."""
        this = and_(table.c.digest == digest, table.c.client_id == client_id, _open(now))
        values = {"answer": sorted(scopes), "grant_id": grant_id}
        answered = update(table).where(this).values(values).returning(table.c.digest)
        return self._connection.execute(answered).first() is not None

    def take(self, digest: str) -> DeviceAuthorization | None:
        """One, which is gone with that: of several who take it, one gets it."""
        return self._one(delete(table).where(table.c.digest == digest).returning(table))

    def _one(self, statement: Any) -> DeviceAuthorization | None:
        row = self._connection.execute(statement).one_or_none()
        if row is None:
            return None
        return DeviceAuthorization(
            digest=row.digest,
            client_id=row.client_id,
            scopes=_scopes(row.scopes),
            resource=row.resource,
            interval=timedelta(seconds=row.interval),
            expires_at=row.expires_at,
            polled_at=row.polled_at,
            answer=None if row.answer is None else _scopes(row.answer),
            grant_id=row.grant_id,
        )


def _open(now: datetime) -> ColumnElement[bool]:
    return and_(table.c.answer.is_(None), table.c.expires_at > now)


def _seconds(interval: timedelta) -> int:
    return int(interval.total_seconds())


def _scopes(names: list[str]) -> frozenset[Scope]:
    return frozenset(map(Scope, names))
