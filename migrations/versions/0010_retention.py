"""From where on the log of each home is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

TUNED = "autovacuum_vacuum_scale_factor", "autovacuum_vacuum_insert_scale_factor"


def upgrade() -> None:
    op.create_table(
        "kept",
        sa.Column("home_id", sa.String(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("home_id", name=op.f("pk_kept")),
    )
    op.create_index("ix_kept_due_at", "kept", ["due_at"])
    if op.get_context().dialect.name == "postgresql":
        # All of it is replaced within the time that it is kept. As it comes, the space of a fifth
        # of it would have to be free before any of that is used again.
        op.execute(f"ALTER TABLE events SET ({', '.join(f'{name} = 0.01' for name in TUNED)})")


def downgrade() -> None:
    # What was pruned stays so: the version before reads a log that begins later, and does not say.
    op.drop_table("kept")
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE events RESET ({', '.join(TUNED)})")
