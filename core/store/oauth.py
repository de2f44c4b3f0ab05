"""OAuth's own rows: requests and codes, each kept as the digest of what stands for it.

The functions are synchronous and work on the connection that `run_sync` hands them, so that
Authlib's callbacks can call them; what they do together is one transaction.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, and_, delete, insert, select

from core.domain.authorizations import AuthorizationRequest, Code
from core.domain.grants import Scope
from core.store.database import Database
from core.store.tables import authorization_codes, authorization_requests

T = TypeVar("T")


class Rows:
    """OAuth's rows within one transaction."""

    def __init__(self, connection: Connection) -> None:
        """Read and write through this connection."""
        self._connection = connection

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

    def _forget(self, table: Table, now: datetime) -> None:
        self._connection.execute(delete(table).where(table.c.expires_at <= now))


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


def _request_of(row: Any) -> AuthorizationRequest:
    body = {**row.body, "scopes": _scopes(row.body["scopes"])}
    return AuthorizationRequest(client_id=row.client_id, expires_at=row.expires_at, **body)


def _code_of(row: Any) -> Code:
    body = {**row.body, "scopes": _scopes(row.body["scopes"])}
    return Code(client_id=row.client_id, grant_id=row.grant_id, expires_at=row.expires_at, **body)


def _scopes(names: list[str]) -> frozenset[Scope]:
    return frozenset(Scope(name) for name in names)
