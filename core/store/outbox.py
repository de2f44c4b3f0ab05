"""The tables of webhooks: endpoints, their deliveries, how far homes are planned, who sends."""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ColumnElement,
    Double,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    and_,
    literal_column,
    text,
)

from core.store.metadata import metadata
from core.store.types import Instant, Json

# An index of some rows is used by who asks for them in its own words alone, so these are no
# parameters: what a parameter will be is not known when a statement is planned.
ACTIVE: Final[ColumnElement[str]] = literal_column("'ACTIVE'", String)
"""The status of an endpoint that is sent to."""
PENDING: Final[ColumnElement[str]] = literal_column("'PENDING'", String)
"""The status of a delivery that waits."""
OWN: Final[ColumnElement[str]] = literal_column("''", String)
"""The `replay_id` of a delivery that is the event's own."""
WAITS: Final = "status <> 'PENDING' OR ready <> (behind IS NOT NULL)"
"""What waits is either the first of its lane or behind another, or nobody would ever send it."""
READY: Final = text("deliveries.ready")
"""Of a delivery: that it is the first of its lane."""

endpoints = Table(
    "endpoints",
    metadata,
    Column("id", String, primary_key=True),
    Column("client_id", ForeignKey("clients.id"), nullable=False),
    Column("status", String, nullable=False),
    # What its client said of it: URL, document, and the like.
    Column("definition", Json, nullable=False),
    # What its messages are signed with, sealed, the newest first, former ones with their end.
    Column("keys", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("active_since", Instant, nullable=False),
    Column("disabled_at", Instant),
    Column("disabled_because", String),
    Column("health", Json, nullable=False),
    Column("breaker", Json, nullable=False),
    # Grows with what its client changes, so that whoever sends to it notices.
    Column("version", BigInteger, nullable=False),
    # The number of its newest delivery. Whoever plans one locks the row.
    Column("planned", BigInteger, nullable=False),
    # When something is to be sent next; nothing is, where it is null.
    Column("next_at", Instant),
    # Who sends, until when by the database's clock, and the token that grows with each of them.
    Column("owner", String),
    Column("token", BigInteger, nullable=False),
    Column("leased_until", Double, nullable=False),
    # To whom it was given: until that time nobody else takes it.
    Column("promised", String),
    Index("ix_endpoints_client_id", "client_id", "id"),
)
_due = and_(endpoints.c.status == "ACTIVE", endpoints.c.next_at.is_not(None))
Index("ix_endpoints_next_at", endpoints.c.next_at, sqlite_where=_due, postgresql_where=_due)

deliveries = Table(
    "deliveries",
    metadata,
    # First, in their order, the fields of a `Delivery`, which is made of a row's values as they are
    # (`hooks.delivery_of`).
    Column("id", String, primary_key=True),
    Column("endpoint_id", ForeignKey("endpoints.id"), nullable=False),
    Column("event_id", String, nullable=False),
    Column("event_type", String, nullable=False),
    Column("home_id", String, nullable=False),
    Column("device_id", String),
    Column("place", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("since", Instant, nullable=False),
    Column("next_at", Instant, nullable=False),
    # Its place among those of its endpoint.
    Column("number", BigInteger, nullable=False),
    Column("previous", BigInteger),
    Column("status", String, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("refusals", BigInteger, nullable=False),
    Column("tried_at", Instant),
    Column("ended_at", Instant),
    Column("reason", Text),
    # "" where it is the event's own.
    Column("replay_id", String, nullable=False),
    Column("replay_of", String),
    Column("by_hand", Boolean, nullable=False),
    Column("claimed", Boolean, nullable=False),
    Column("client_id", String, nullable=False),
    # Whether it is the first of its lane, and so may be sent at its time.
    Column("ready", Boolean, nullable=False),
    # The number of the one before it in its lane, while that waits too.
    Column("behind", BigInteger),
    # Last, in this order, what else `parcels` takes.
    Column("lane", String, nullable=False),
    # The event of a test, which no log holds.
    Column("sample", Json),
    Column("attempts", Json, nullable=False),
    CheckConstraint(WAITS, name="ck_deliveries_waits").ddl_if("postgresql"),
    Index("ix_deliveries_number", "endpoint_id", "number", unique=True),
    Index("ix_deliveries_event_id", "endpoint_id", "event_id", "replay_id", unique=True),
    Index("ix_deliveries_client_id", "client_id", "id"),
)
_ready = deliveries.c.ready
Index(
    "ix_deliveries_ready",
    deliveries.c.endpoint_id,
    deliveries.c.next_at,
    sqlite_where=_ready,
    postgresql_where=_ready,
)
_behind = deliveries.c.behind.is_not(None)
Index(
    "ix_deliveries_behind",
    deliveries.c.endpoint_id,
    deliveries.c.behind,
    unique=True,
    sqlite_where=_behind,
    postgresql_where=_behind,
)
_pending = deliveries.c.status == "PENDING"
Index(
    "ix_deliveries_pins",
    deliveries.c.home_id,
    deliveries.c.place,
    sqlite_where=_pending,
    postgresql_where=_pending,
)
_replayed = and_(_pending, deliveries.c.replay_id != "")
Index(
    "ix_deliveries_replayed",
    deliveries.c.endpoint_id,
    deliveries.c.replay_id,
    sqlite_where=_replayed,
    postgresql_where=_replayed,
)
_lost = deliveries.c.status.in_(["FAILED", "DEAD", "CANCELLED"])
Index(
    "ix_deliveries_lost",
    deliveries.c.endpoint_id,
    deliveries.c.number,
    sqlite_where=_lost,
    postgresql_where=_lost,
)
_ended = deliveries.c.ended_at.is_not(None)
Index(
    "ix_deliveries_ended_at",
    deliveries.c.ended_at,
    sqlite_where=_ended,
    postgresql_where=_ended,
)

lines = Table(
    "lines",
    metadata,
    # What was planned last of a device, or of a home itself, for an endpoint.
    Column("endpoint_id", ForeignKey("endpoints.id"), nullable=False),
    Column("line", String, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    # Of the last state among it: what carries an earlier one is stale.
    Column("state", BigInteger),
    # The number of the last delivery in its lane, though that may have ended.
    Column("last", BigInteger),
    PrimaryKeyConstraint("endpoint_id", "line"),
)

planned = Table(
    "planned",
    metadata,
    # Up to this place of its log, a home's events have their deliveries. No foreign key, as in
    # `kept`: adding a row waits for no commit, and no commit for it.
    Column("home_id", String, primary_key=True),
    Column("place", BigInteger, nullable=False),
)

replays = Table(
    "replays",
    metadata,
    Column("id", String, primary_key=True),
    Column("endpoint_id", ForeignKey("endpoints.id"), nullable=False),
    # Which of its deliveries: what was asked for.
    Column("chosen", Json, nullable=False),
    # It goes through them by number: how far it is, and where it ends.
    Column("place", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("made", BigInteger, nullable=False),
    # Deliveries that were not made, since their events are no longer kept.
    Column("skipped", BigInteger, nullable=False),
    Column("created_at", Instant, nullable=False),
    # When it is to be gone on with; null once it is done.
    Column("next_at", Instant),
    Index("ix_replays_endpoint_id", "endpoint_id"),
    Index("ix_replays_created_at", "created_at"),
)
_running = replays.c.next_at.is_not(None)
Index("ix_replays_next_at", replays.c.next_at, sqlite_where=_running, postgresql_where=_running)

workers = Table(
    "workers",
    metadata,
    # One life of one process that sends.
    Column("id", String, primary_key=True),
    # By the database's clock.
    Column("until", Double, nullable=False),
    # At how many endpoints more is due than it sends in time, and to how many more it can send.
    Column("behind", BigInteger, nullable=False),
    Column("room", BigInteger, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("id", String, primary_key=True),
    Column("client_id", ForeignKey("clients.id"), nullable=False),
    Column("endpoint_id", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index("ix_notices_client_id", "client_id", "id"),
    Index("ix_notices_at", "at"),
)
