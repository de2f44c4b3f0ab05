"""Webhooks: endpoints, their deliveries, how far homes are planned; and events found by id."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("events", sa.Column("id", sa.String(), nullable=True))
    where = "body::json ->> 'id'"
    if op.get_context().dialect.name == "sqlite":
        where = "json_extract(body, '$.id')"
    op.execute(f"UPDATE events SET id = {where}")  # noqa: S608 - one of the two above
    op.create_index("ix_events_id", "events", ["id"])
    _endpoints()
    _deliveries()
    _progress()


def downgrade() -> None:
    for table in ("notices", "replays", "planned", "lines", "deliveries", "endpoints"):
        op.drop_table(table)
    op.drop_index("ix_events_id", "events")
    op.drop_column("events", "id")


def _endpoints() -> None:
    op.create_table(
        "endpoints",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("keys", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("active_since", sa.BigInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.Column("disabled_because", sa.String(), nullable=True),
        sa.Column("health", sa.Text(), nullable=False),
        sa.Column("breaker", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("planned", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_endpoints_client_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_endpoints")),
    )
    op.create_index("ix_endpoints_client_id", "endpoints", ["client_id", "id"])
    _partial(
        "ix_endpoints_next_at",
        "endpoints",
        ["next_at"],
        "status = 'ACTIVE' AND next_at IS NOT NULL",
    )


def _deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("home_id", sa.String(), nullable=False),
        sa.Column("device_id", sa.String(), nullable=True),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("previous", sa.BigInteger(), nullable=True),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("refusals", sa.BigInteger(), nullable=False),
        sa.Column("tried_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("replay_id", sa.String(), nullable=False),
        sa.Column("replay_of", sa.String(), nullable=True),
        sa.Column("by_hand", sa.Boolean(), nullable=False),
        sa.Column("claimed", sa.Boolean(), nullable=False),
        sa.Column("lane", sa.String(), nullable=False),
        sa.Column("ready", sa.Boolean(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["endpoints.id"], name=op.f("fk_deliveries_endpoint_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
    )
    op.create_index("ix_deliveries_number", "deliveries", ["endpoint_id", "number"], unique=True)
    op.create_index(
        "ix_deliveries_event_id",
        "deliveries",
        ["endpoint_id", "event_id", "replay_id"],
        unique=True,
    )
    op.create_index("ix_deliveries_client_id", "deliveries", ["client_id", "id"])
    pending = "status = 'PENDING'"
    _partial("ix_deliveries_ready", "deliveries", ["endpoint_id", "next_at"], "ready")
    _partial("ix_deliveries_lane", "deliveries", ["endpoint_id", "lane", "place"], pending)
    _partial("ix_deliveries_pins", "deliveries", ["home_id", "place"], pending)
    _partial(
        "ix_deliveries_replayed",
        "deliveries",
        ["endpoint_id", "replay_id"],
        f"{pending} AND replay_id != ''",
    )
    lost = "status IN ('FAILED', 'DEAD', 'CANCELLED')"
    _partial("ix_deliveries_lost", "deliveries", ["endpoint_id", "number"], lost)
    _partial("ix_deliveries_ended_at", "deliveries", ["ended_at"], "ended_at IS NOT NULL")


def _progress() -> None:
    op.create_table(
        "lines",
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("line", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["endpoints.id"], name=op.f("fk_lines_endpoint_id")
        ),
        sa.PrimaryKeyConstraint("endpoint_id", "line", name=op.f("pk_lines")),
    )
    op.create_table(
        "planned",
        sa.Column("home_id", sa.String(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("home_id", name=op.f("pk_planned")),
    )
    op.create_table(
        "replays",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("chosen", sa.Text(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("made", sa.BigInteger(), nullable=False),
        sa.Column("skipped", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["endpoint_id"], ["endpoints.id"], name=op.f("fk_replays_endpoint_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replays")),
    )
    op.create_index("ix_replays_endpoint_id", "replays", ["endpoint_id"])
    op.create_index("ix_replays_created_at", "replays", ["created_at"])
    _partial("ix_replays_next_at", "replays", ["next_at"], "next_at IS NOT NULL")
    op.create_table(
        "notices",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("endpoint_id", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_notices_client_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
    )
    op.create_index("ix_notices_client_id", "notices", ["client_id", "id"])
    op.create_index("ix_notices_at", "notices", ["at"])


def _partial(name: str, table: str, columns: list[str], where: str) -> None:
    text = sa.text(where)
    op.create_index(name, table, columns, sqlite_where=text, postgresql_where=text)
