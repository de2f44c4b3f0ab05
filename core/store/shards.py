"""The tables of shards: who lives that runs devices, and who runs which shard.

A process that runs devices has a row that it renews, so a lease costs one small write a second
however many shards are in it; all leases of a process end together, with that row.
"""

from sqlalchemy import BigInteger, Column, Double, SmallInteger, String, Table

from core.store.metadata import metadata

owners = Table(
    "owners",
    metadata,
    # One life of one process: a process that lost its leases goes on under another id.
    Column("id", String, primary_key=True),
    # By the database's clock. Whoever finds it past may take the row away, and then the shards.
    Column("until", Double, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    # Every shard has its row, from the migration on.
    Column("shard", SmallInteger, primary_key=True, autoincrement=False),
    Column("owner", String),
    # Grows with every change of owner; writes and commands carry it.
    Column("token", BigInteger, nullable=False),
)
