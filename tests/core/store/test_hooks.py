"""Rows of webhooks as values."""

from dataclasses import fields

from core.domain.deliveries import Delivery
from core.store.database import Database
from core.store.parcels import _HEADS, Parcels
from core.store.tables import deliveries


def test_a_delivery_is_made_of_a_row_by_position() -> None:
    """So its table begins with its fields, in their order, and ends with those of a parcel."""
    names = [one.name for one in fields(Delivery)]
    columns = [column.name for column in deliveries.columns]
    assert columns[: len(names)] == names
    assert columns[-3:] == ["lane", "sample", "attempts"]


async def test_so_is_a_parcel(database: Database) -> None:
    """Its rows have one value more, the last."""
    parcels = Parcels(database)
    for query in (_HEADS, parcels._behind):  # noqa: SLF001 - the statements themselves
        assert list(query.selected_columns.keys())[-4:] == ["lane", "sample", "attempts", "state"]
