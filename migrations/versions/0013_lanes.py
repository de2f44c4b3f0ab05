"""Lanes as chains: what waits has the number of the one before it."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_LANE = "ix_deliveries_lane", "deliveries", ["endpoint_id", "lane", "place"]
_BEHIND = "ix_deliveries_behind", "deliveries", ["endpoint_id", "behind"]


def upgrade() -> None:
    op.add_column("deliveries", sa.Column("behind", sa.BigInteger(), nullable=True))
    op.add_column("lines", sa.Column("last", sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE deliveries SET behind = ("
        " SELECT ahead.number FROM deliveries AS ahead"
        " WHERE ahead.endpoint_id = deliveries.endpoint_id AND ahead.lane = deliveries.lane"
        " AND ahead.status = 'PENDING' AND ahead.place < deliveries.place"
        " ORDER BY ahead.place DESC LIMIT 1"
        ") WHERE status = 'PENDING'"
    )
    op.execute(
        "UPDATE lines SET last = ("
        " SELECT waits.number FROM deliveries AS waits"
        " WHERE waits.endpoint_id = lines.endpoint_id AND waits.lane = lines.line"
        " AND waits.status = 'PENDING' ORDER BY waits.place DESC LIMIT 1"
        ")"
    )
    op.drop_index("ix_deliveries_lane", "deliveries")
    where = sa.text("behind IS NOT NULL")
    op.create_index(*_BEHIND, unique=True, sqlite_where=where, postgresql_where=where)
    if op.get_context().dialect.name == "postgresql":
        # So that processes of before, which plan and end in another way, are refused and not lost.
        waits = "status <> 'PENDING' OR ready <> (behind IS NOT NULL)"
        op.create_check_constraint(op.f("ck_deliveries_waits"), "deliveries", waits)


def downgrade() -> None:
    if op.get_context().dialect.name == "postgresql":
        op.drop_constraint("ck_deliveries_waits", "deliveries")
    op.drop_index("ix_deliveries_behind", "deliveries")
    where = sa.text("status = 'PENDING'")
    op.create_index(*_LANE, sqlite_where=where, postgresql_where=where)
    op.drop_column("lines", "last")
    op.drop_column("deliveries", "behind")
