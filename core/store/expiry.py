"""What is over: deleted by whoever writes next to the same table."""

from datetime import datetime

from sqlalchemy import Connection, Table, delete, select


def forget(connection: Connection, table: Table, now: datetime) -> None:
    """Delete what is over, but for what others are deleting: so none waits in a circle."""
    (key,) = table.primary_key.columns
    over = select(key).where(table.c.expires_at <= now).with_for_update(skip_locked=True)
    connection.execute(delete(table).where(key.in_(over)))
