"""Workers: who is there to send webhooks, and which endpoint one gives to which other."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "workers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("behind", sa.BigInteger(), nullable=False),
        sa.Column("room", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.add_column("endpoints", sa.Column("promised", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("endpoints", "promised")
    op.drop_table("workers")
