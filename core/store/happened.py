"""The table of what was asked to happen in simulated homes."""

from sqlalchemy import Column, ForeignKey, String, Table

from core.store.metadata import metadata
from core.store.types import Instant, Json

happenings = Table(
    "happenings",
    metadata,
    # What was asked to happen in simulated homes; answered by the process that runs them.
    Column("id", String, primary_key=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False),
    Column("body", Json, nullable=False),
    Column("asked_at", Instant, nullable=False),
    # When it was taken up, which happens once; what nobody has taken up may be withdrawn.
    Column("taken_at", Instant),
    Column("answer", Json),
)
