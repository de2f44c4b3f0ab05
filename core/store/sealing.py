"""The tables of the audit: its rows, which are never changed, and the seals over them."""

from sqlalchemy import BigInteger, Column, Index, String, Table

from core.store.metadata import metadata
from core.store.types import Instant

audit = Table(
    "audit",
    metadata,
    Column("id", String, primary_key=True),
    # Given with the seal; no row that is not sealed yet has one.
    Column("place", BigInteger, unique=True),
    Column("commitment", String, nullable=False),
    # What follows is gone once the row is erased.
    Column("salt", String),
    Column("at", Instant),
    Column("kind", String),
    Column("outcome", String),
    Column("actor", String),
    Column("user_id", String),
    Column("source", String),
    Column("detail", String),
    Index("ix_audit_actor", "actor"),
    Index("ix_audit_user_id", "user_id"),
)

seals = Table(
    "seals",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    # The place of the last row that it seals.
    Column("last", BigInteger, nullable=False),
    Column("at", Instant, nullable=False),
    Column("hash", String, nullable=False),
)
