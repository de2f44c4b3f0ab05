"""OAuth's own rows: requests, codes, secrets, token families; what is secret of them as digests.

The functions are synchronous and work on the connection that `run_sync` hands them, so that
Authlib's callbacks can call them; what they do together is one transaction.
"""

from collections.abc import Callable
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    insert,
    or_,
    select,
    update,
)

from core.domain.accounts import Client
from core.domain.authorizations import IDLE, AuthorizationRequest, Code, TokenFamily
from core.domain.grants import Grant, Scope
from core.store import proofs, rows
from core.store.database import Database
from core.store.expiry import forget
from core.store.tables import (
    authorization_codes,
    authorization_requests,
    client_secrets,
    clients,
    grants,
    token_families,
    users,
)
from core.store.waiting import Waiting

T = TypeVar("T")


class Rows:
    """OAuth's rows within one transaction."""

    def __init__(self, connection: Connection) -> None:
        """Read and write through this connection; `waiting` are the devices that wait."""
        self._connection = connection
        self.waiting = Waiting(connection)

    def put_request(self, digest: str, request: AuthorizationRequest, now: datetime) -> None:
        """Keep a request, and forget those that nobody answered."""
        self._forget(authorization_requests, now)
        body = {
            "redirect_uri": request.redirect_uri,
            "uri_given": request.uri_given,
            "scopes": sorted(request.scopes),
            "state": request.state,
            "code_challenge": request.code_challenge,
            "resource": request.resource,
            "jkt": request.jkt,
            "device": request.device,
            "user_id": request.user_id,
        }
        values = {"client_id": request.client_id, "body": body, "expires_at": request.expires_at}
        self._connection.execute(insert(authorization_requests).values(digest=digest, **values))

    def request(self, digest: str) -> AuthorizationRequest | None:
        """A request that waits for its answer."""
        this = authorization_requests.c.digest == digest
        row = self._connection.execute(select(authorization_requests).where(this)).one_or_none()
        return None if row is None else _request_of(row)

    def take_request(self, digest: str) -> AuthorizationRequest | None:
        """A request, which is gone with that: of several who take it, one gets it."""
        this = authorization_requests.c.digest == digest
        taken = delete(authorization_requests).where(this).returning(authorization_requests)
        row = self._connection.execute(taken).one_or_none()
        return None if row is None else _request_of(row)

    def put_code(self, digest: str, code: Code, now: datetime) -> None:
        """Keep a code, and forget those that nobody redeemed."""
        self._forget(authorization_codes, now)
        body = {
            "scopes": sorted(code.scopes),
            "redirect_uri": code.redirect_uri,
            "uri_given": code.uri_given,
            "code_challenge": code.code_challenge,
            "resource": code.resource,
            "jkt": code.jkt,
        }
        values = {
            "digest": digest,
            "client_id": code.client_id,
            "grant_id": code.grant_id,
            "body": body,
            "expires_at": code.expires_at,
        }
        self._connection.execute(insert(authorization_codes).values(values))

    def take_code(self, digest: str, client_id: str, now: datetime) -> Code | None:
        """A code of this client that is in time; gone with that, so that one redeems it."""
        table = authorization_codes
        this = and_(
            table.c.digest == digest, table.c.client_id == client_id, table.c.expires_at > now
        )
        row = self._connection.execute(delete(table).where(this).returning(table)).one_or_none()
        return None if row is None else _code_of(row)

    def put_secret(self, digest: str, client_id: str, now: datetime, overlap: timedelta) -> None:
        """Give a client a secret; those that it has are good for `overlap` longer at most."""
        ours = client_secrets.c.client_id == client_id
        over = or_(
            client_secrets.c.expires_at.is_(None), client_secrets.c.expires_at > now + overlap
        )
        replaced = update(client_secrets).where(ours, over).values(expires_at=now + overlap)
        self._connection.execute(replaced)
        values = {"digest": digest, "client_id": client_id, "created_at": now}
        self._connection.execute(insert(client_secrets).values(values))
        self._forget(client_secrets, now)

    def knows_secret(self, digest: str, client_id: str, now: datetime) -> bool:
        """Whether this is a secret of the client that is good now."""
        table = client_secrets
        ours = and_(table.c.digest == digest, table.c.client_id == client_id)
        good = or_(table.c.expires_at.is_(None), table.c.expires_at > now)
        return (
            self._connection.execute(select(table.c.digest).where(ours, good)).first() is not None
        )

    def client(self, client_id: str) -> Client | None:
        """A client, as it is stored now."""
        query = select(clients).where(clients.c.id == client_id)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else rows.client_of(row)

    def grant(self, grant_id: str) -> Grant | None:
        """A grant that stands now: it is not taken back, and its user not disabled."""
        join = select(grants).join(users, users.c.id == grants.c.user_id)
        stands = and_(grants.c.revoked.is_(False), users.c.disabled.is_(False))
        row = self._connection.execute(join.where(grants.c.id == grant_id, stands)).one_or_none()
        return None if row is None else rows.grant_of(row)

    def put_family(self, family: TokenFamily, now: datetime) -> None:
        """Keep a new family, and forget those that are over."""
        self._forget(token_families, now)
        values = {**_plain(family), "scopes": sorted(family.scopes)}
        self._connection.execute(insert(token_families).values(values))

    def family(self, handle: str, *, locked: bool = True) -> TokenFamily | None:
        """The family whose refresh tokens begin so, locked where something will be decided."""
        return self._family(token_families.c.handle == handle, locked=locked)

    def family_of_code(self, digest: str, *, locked: bool = True) -> TokenFamily | None:
        """The family that this code has led to, locked where something will be decided."""
        return self._family(token_families.c.code_digest == digest, locked=locked)

    def rotate(self, family: TokenFamily, current: str, successor: str, now: datetime) -> None:
        """Let the next refresh token be the current one."""
        values = {
            "previous": family.current,
            "current": current,
            "successor": successor,
            "rotated_at": now,
            "expires_at": now + IDLE,
        }
        this = token_families.c.id == family.id
        self._connection.execute(update(token_families).where(this).values(values))

    def bind_family(self, family_id: str, jkt: str) -> None:
        """Bind the family's refresh tokens to the key with this thumbprint."""
        this = token_families.c.id == family_id
        self._connection.execute(update(token_families).where(this).values(jkt=jkt))

    def use(self, digest: str, until: datetime, now: datetime) -> bool:
        """Note that what may be shown once was shown; whether that was the first time."""
        return bool(proofs.put(self._connection, {digest: until}, now))

    def revoke_family(self, family_id: str) -> None:
        """Let no refresh token of the family be good any more."""
        this = token_families.c.id == family_id
        self._connection.execute(update(token_families).where(this).values(revoked=True))

    def _family(self, which: ColumnElement[bool], *, locked: bool) -> TokenFamily | None:
        query = select(token_families).where(which)
        query = query.with_for_update() if locked else query
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        return TokenFamily(**{**row._asdict(), "scopes": _scopes(row.scopes)})

    def _forget(self, table: Table, now: datetime) -> None:
        forget(self._connection, table, now)


class OAuth:
    """The way to the rows: one transaction for each piece of work."""

    def __init__(self, database: Database) -> None:
        """Write to this database."""
        self._database = database

    async def do(self, work: Callable[[Rows], T]) -> T:
        """What `work` returned, once its changes are durable; where it raises, nothing is written.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.write() as connection:
            return await connection.run_sync(lambda sync: work(Rows(sync)))

    async def look(self, work: Callable[[Rows], T]) -> T:
        """What `work` returned, which only reads: it waits for no writer, and keeps none waiting.

        Raises:
            Unavailable: the database does not answer.
        """
        async with self._database.read() as connection:
            return await connection.run_sync(lambda sync: work(Rows(sync)))


def _request_of(row: Any) -> AuthorizationRequest:
    body = {**row.body, "scopes": _scopes(row.body["scopes"])}
    return AuthorizationRequest(client_id=row.client_id, expires_at=row.expires_at, **body)


def _code_of(row: Any) -> Code:
    body = {**row.body, "scopes": _scopes(row.body["scopes"])}
    return Code(client_id=row.client_id, grant_id=row.grant_id, expires_at=row.expires_at, **body)


def _scopes(names: list[str]) -> frozenset[Scope]:
    return frozenset(Scope(name) for name in names)


def _plain(family: TokenFamily) -> dict[str, Any]:
    return {field.name: getattr(family, field.name) for field in fields(family)}
