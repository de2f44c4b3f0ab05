"""Shards: who runs which homes, and the number of each home's and command's shard."""

from zlib import crc32

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SHARDS = 64
PAGE = 1_000


def upgrade() -> None:
    op.create_table(
        "owners",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_owners")),
    )
    leases = op.create_table(
        "leases",
        sa.Column("shard", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("shard", name=op.f("pk_leases")),
    )
    op.bulk_insert(leases, [{"shard": shard, "token": 0} for shard in range(SHARDS)])
    for table in ("homes", "commands"):
        # The default is for the rows that are there, and only until they have their own.
        op.add_column(
            table, sa.Column("shard", sa.SmallInteger(), nullable=False, server_default="0")
        )
    _number_homes()
    op.execute(
        "UPDATE commands SET shard = (SELECT shard FROM homes WHERE homes.id = commands.home_id)"
    )
    op.create_index("ix_homes_shard", "homes", ["shard"])
    still = sa.text("completed_at IS NULL")
    op.create_index(
        "ix_commands_shard", "commands", ["shard"], sqlite_where=still, postgresql_where=still
    )


def downgrade() -> None:
    op.drop_index("ix_commands_shard", "commands")
    op.drop_index("ix_homes_shard", "homes")
    op.drop_column("commands", "shard")
    op.drop_column("homes", "shard")
    op.drop_table("leases")
    op.drop_table("owners")


def _number_homes() -> None:
    homes = sa.table("homes", sa.column("id", sa.String()), sa.column("shard", sa.SmallInteger()))
    connection, last = op.get_bind(), ""
    number = (
        homes.update()
        .where(homes.c.id == sa.bindparam("home"))
        .values(shard=sa.bindparam("number"))
    )
    page = sa.select(homes.c.id).order_by(homes.c.id).limit(PAGE)
    while ids := list(connection.execute(page.where(homes.c.id > last)).scalars()):
        shards = [{"home": one, "number": crc32(one.encode()) % SHARDS} for one in ids]
        connection.execute(number, shards)
        last = ids[-1]
