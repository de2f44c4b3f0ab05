"""The tables of signing in. No log holds anything of them; secrets are here as hashes."""

from sqlalchemy import Column, ForeignKey, Index, String, Table

from core.store.metadata import metadata
from core.store.types import Instant

passwords = Table(
    "passwords",
    metadata,
    Column("user_id", ForeignKey("users.id"), primary_key=True),
    Column("hash", String, nullable=False),
    Column("changed_at", Instant, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", String, primary_key=True),
    # SHA-256 of the secret in the browser's cookie: who reads the table cannot sign in by it.
    Column("digest", String, nullable=False, unique=True),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("seen_at", Instant, nullable=False),
    Index("ix_sessions_user_id", "user_id"),
)
