"""The tables. What the graph calls a schema is not here; these are rows.

Identifiers are the public ones (`device_0192…`), the same in the graph, the logs and the database.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    false,
)

from core.store.flows import (
    authorization_codes,
    authorization_requests,
    client_secrets,
    device_authorizations,
    initial_tokens,
    proofs,
    registration_tokens,
    token_families,
)
from core.store.happened import happenings
from core.store.keeping import kept
from core.store.metadata import metadata
from core.store.outbox import deliveries, endpoints, lines, notices, planned, replays
from core.store.sealing import audit, seals
from core.store.shards import leases, owners
from core.store.signins import passwords, sessions
from core.store.types import Bytewise, Instant, Json

__all__ = [
    "audit",
    "authorization_codes",
    "authorization_requests",
    "client_secrets",
    "deliveries",
    "device_authorizations",
    "endpoints",
    "happenings",
    "initial_tokens",
    "kept",
    "leases",
    "lines",
    "metadata",
    "notices",
    "owners",
    "passwords",
    "planned",
    "proofs",
    "registration_tokens",
    "replays",
    "seals",
    "sessions",
    "token_families",
]
"""What is not made here, so that whoever imports this has every table."""

users = Table(
    "users",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("disabled", Boolean, nullable=False),
    Column("operator", Boolean, nullable=False, server_default=false()),
    Column("created_at", Instant, nullable=False),
)

clients = Table(
    "clients",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    # The default is for the rows that were there before this column.
    Column("registered_only", Boolean, nullable=False, server_default=false()),
    # Likewise. What OAuth knows of it; a field that is not there has its default.
    Column("oauth", Json, nullable=False, server_default="{}"),
)

documents = Table(
    "documents",
    metadata,
    Column("client_id", ForeignKey("clients.id"), nullable=False),
    Column("sha256", String, nullable=False),
    Column("text", Text, nullable=False),
    Column("since", Instant, nullable=False),
    PrimaryKeyConstraint("client_id", "sha256"),
    Index("ix_documents_since", "since"),
)

signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", String, primary_key=True),
    Column("public", Json, nullable=False),
    Column("sealed", String, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("retired_at", Instant),
)

grants = Table(
    "grants",
    metadata,
    Column("id", String, primary_key=True),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("client_id", ForeignKey("clients.id"), nullable=False),
    Column("scopes", Json, nullable=False),
    Column("shares", Json, nullable=False),
    Column("since", Instant, nullable=False),
    Column("revoked", Boolean, nullable=False),
    # Of a personal access token, for which the grant is: its name, digest and end.
    Column("key", Json),
    Index("ix_grants_user_client", "user_id", "client_id"),
)

grant_uses = Table(
    "grant_uses",
    metadata,
    # What was last done with a grant, some seconds late: it is no part of what is decided.
    Column("grant_id", ForeignKey("grants.id"), primary_key=True),
    Column("read_at", Instant),
    Column("did_at", Instant),
    # The command that was asked for then, as people are told of it.
    Column("did", Json),
)

logs = Table(
    "logs",
    metadata,
    # The rows of the access log and of the audit. Like a home's row for the home's log, each holds
    # the head and is the lock under which places are given.
    Column("id", String, primary_key=True),
    Column("place", BigInteger, nullable=False),
)

dirty = Table(
    "dirty",
    metadata,
    Column("log_id", String, primary_key=True),
    Column("place", BigInteger, nullable=False),
    # By the database's clock, once somebody has broadcast this place.
    Column("hinted_at", Double),
)

access = Table(
    "access",
    metadata,
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("body", Json, nullable=False),
    Column("at", Instant, nullable=False),
)

homes = Table(
    "homes",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("name_key", Bytewise, nullable=False),
    Column("time_zone", String, nullable=False),
    Column("connector", String, nullable=False),
    # The head of its log. Whoever appends locks this row first, homes in sorted order.
    Column("place", BigInteger, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    # It follows from the id; it is here because homes and commands are looked for by it. The
    # default is for the rows that were there before this column, until they had theirs.
    Column("shard", SmallInteger, nullable=False, server_default="0"),
    Index("ix_homes_name_key", "name_key", "id"),
    Index("ix_homes_shard", "shard"),
)

members = Table(
    "members",
    metadata,
    Column("home_id", ForeignKey("homes.id"), nullable=False),
    Column("user_id", ForeignKey("users.id"), nullable=False),
    Column("role", String, nullable=False),
    PrimaryKeyConstraint("home_id", "user_id"),
    Index("ix_members_user_id", "user_id"),
)

invites = Table(
    "invites",
    metadata,
    Column("id", String, primary_key=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False),
    Column("digest", String, nullable=False, unique=True),
    Column("role", String, nullable=False),
    Column("made_by", String, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("used_by", ForeignKey("users.id")),
    Index("ix_invites_home_id", "home_id"),
)

rooms = Table(
    "rooms",
    metadata,
    Column("id", String, primary_key=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("name_key", Bytewise, nullable=False),
    Index("ix_rooms_home_id", "home_id", "name_key", "id"),
)

devices = Table(
    "devices",
    metadata,
    Column("id", String, primary_key=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False),
    Column("room_id", ForeignKey("rooms.id")),
    Column("name", String, nullable=False),
    Column("name_key", Bytewise, nullable=False),
    Column("kind", String, nullable=False),
    Column("capabilities", Json, nullable=False),
    Column("online", Boolean, nullable=False),
    Column("state", Json, nullable=False),
    Column("manufacturer", String),
    Column("model", String),
    Column("firmware", String),
    Column("address", String, nullable=False),
    # "sequence" counts its events; "ordinal" is its connector's number of the last report.
    Column("sequence", BigInteger, nullable=False),
    Column("ordinal", BigInteger, nullable=False),
    Column("updated_at", Instant, nullable=False),
    # Removed devices stay, because commands and grants name them; no read shows them.
    Column("removed", Boolean, nullable=False),
    Index("ix_devices_home_id", "home_id", "name_key", "id"),
    Index("ix_devices_room_id", "room_id"),
    Index("ix_devices_address", "home_id", "address"),
    Index("ix_devices_name_key", "name_key", "id"),
)

commands = Table(
    "commands",
    metadata,
    Column("id", String, primary_key=True),
    Column("home_id", ForeignKey("homes.id"), nullable=False),
    Column("device_id", ForeignKey("devices.id"), nullable=False),
    Column("grant_id", ForeignKey("grants.id"), nullable=False),
    Column("client_id", ForeignKey("clients.id"), nullable=False),
    Column("desired", Json, nullable=False),
    Column("holds", Json, nullable=False),
    Column("awaits", Json, nullable=False),
    Column("status", String, nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("deadline", Instant, nullable=False),
    Column("completed_at", Instant),
    Column("error", Json),
    # The home's.
    Column("shard", SmallInteger, nullable=False, server_default="0"),
)
_open = commands.c.completed_at.is_(None)
Index("ix_commands_device_id", commands.c.device_id, sqlite_where=_open, postgresql_where=_open)
Index("ix_commands_deadline", commands.c.deadline, sqlite_where=_open, postgresql_where=_open)
Index("ix_commands_shard", commands.c.shard, sqlite_where=_open, postgresql_where=_open)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("grant_id", ForeignKey("grants.id"), nullable=False),
    Column("key", String, nullable=False),
    Column("command_id", ForeignKey("commands.id"), nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("created_at", Instant, nullable=False),
    PrimaryKeyConstraint("grant_id", "key"),
    Index("ix_idempotency_keys_created_at", "created_at"),
)

events = Table(
    "events",
    metadata,
    Column("home_id", ForeignKey("homes.id"), nullable=False),
    Column("place", BigInteger, nullable=False),
    # Each has one: what was there before this column was given it then.
    Column("id", String),
    Column("type", String, nullable=False),
    Column("device_id", String),
    Column("sequence", BigInteger, nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("body", Json, nullable=False),
    PrimaryKeyConstraint("home_id", "place"),
    Index("ix_events_device_id", "device_id", "place"),
    Index("ix_events_id", "id"),
)
