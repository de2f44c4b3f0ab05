"""Registrations in the store: initial tokens, and what a registered client is known by; digests."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, or_, select, update

from core.domain.accounts import Client
from core.domain.clients import InitialToken
from core.store import rows
from core.store.database import Database
from core.store.ledger import Ledger, Needs
from core.store.steps import Steps
from core.store.tables import client_secrets, clients, initial_tokens, registration_tokens


class Registrations:
    """The tokens of this database, read without waiting for who writes."""

    def __init__(self, database: Database) -> None:
        """Read from this database."""
        self._database = database

    async def initial(self, digest: str) -> InitialToken | None:
        """The initial token with this digest."""
        query = select(initial_tokens).where(initial_tokens.c.digest == digest)
        found = await self._database.rows(query)
        return _initial(found[0]) if found else None

    async def client(self, digest: str) -> tuple[Client, datetime] | None:
        """The client whose registration token has this digest, and when it was made."""
        theirs = registration_tokens.c.client_id == clients.c.id
        query = select(clients).join(registration_tokens, theirs)
        found = await self._database.rows(query.where(registration_tokens.c.digest == digest))
        return (rows.client_of(found[0]), found[0].created_at) if found else None


def load(connection: Connection, ledger: Ledger, needs: Needs) -> None:
    """Read the initial tokens that `needs` names, and what its clients are known by now."""
    named = initial_tokens.c.digest.in_(needs.initial)
    for row in connection.execute(select(initial_tokens).where(named)):
        ledger.initial_tokens.load(row.digest, _initial(row))
    theirs = registration_tokens.c.client_id.in_(needs.registrations)
    for row in connection.execute(select(registration_tokens).where(theirs)):
        ledger.registration_tokens.load(row.client_id, row.digest)
    expires = client_secrets.c.expires_at
    good = client_secrets.c.client_id.in_(needs.registrations) & or_(
        expires.is_(None), expires > ledger.now
    )
    for row in connection.execute(select(client_secrets).where(good)):
        ledger.secrets.load(row.digest, row.client_id)


def write(steps: Steps, ledger: Ledger) -> None:
    """Write what was made, used and removed."""
    _write_initial(steps, ledger)
    table = registration_tokens
    for client_id, digest, before in ledger.registration_tokens.written():
        if before is not None:
            steps.now(delete(table).where(table.c.client_id == client_id))
        if digest is not None:
            steps.now(insert(table).values(client_id=client_id, digest=digest))
    secrets = client_secrets
    for digest, owner, before in ledger.secrets.written():
        if before is not None:
            steps.now(delete(secrets).where(secrets.c.digest == digest))
        if owner is not None:
            values = {"digest": digest, "client_id": owner, "created_at": ledger.now}
            steps.now(insert(secrets).values(values))


def _write_initial(steps: Steps, ledger: Ledger) -> None:
    """Write initial tokens; each new one takes along those that have expired."""
    table = initial_tokens
    for digest, token, before in ledger.initial_tokens.written():
        if token is None:
            steps.now(delete(table).where(table.c.digest == digest))
        elif before is not None:
            left = update(table).where(table.c.digest == digest).values(left=token.left)
            steps.now(left)
        else:
            steps.now(delete(table).where(table.c.expires_at <= ledger.now))
            values = {"name": token.name, "left": token.left, "expires_at": token.expires_at}
            steps.now(insert(table).values(digest=digest, **values))


def _initial(row: rows.Fetched) -> InitialToken:
    return InitialToken(row.name, row.left, row.expires_at)
