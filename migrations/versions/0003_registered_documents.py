"""Documents that clients have registered, and clients that may run no others."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "documents",
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["clients.id"], name=op.f("fk_documents_client_id")),
        sa.PrimaryKeyConstraint("client_id", "sha256", name=op.f("pk_documents")),
    )
    op.create_index("ix_documents_since", "documents", ["since"])
    op.add_column(
        "clients",
        sa.Column("registered_only", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    op.drop_column("clients", "registered_only")
    op.drop_table("documents")
