"""The rows that say from where on the log of each home is kept."""

from sqlalchemy import BigInteger, Column, Double, Index, String, Table

from core.store.metadata import metadata
from core.store.types import Instant

kept = Table(
    "kept",
    metadata,
    # No foreign key: adding a row would have to wait for the home's lock, and commits for that.
    Column("home_id", String, primary_key=True),
    # Events up to this place are gone, and the newest of them had happened by `since`.
    Column("place", BigInteger, nullable=False),
    Column("since", Instant, nullable=False),
    # When to look at the home next, by the database's clock.
    Column("due_at", Double, nullable=False),
    Index("ix_kept_due_at", "due_at"),
)
