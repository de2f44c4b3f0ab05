"""Rows of webhooks as values."""

from dataclasses import fields

from core.domain.deliveries import Delivery
from core.store.tables import deliveries


def test_a_delivery_is_made_of_a_row_by_position() -> None:
    """So its table begins with its fields, in their order, and ends with those of a parcel."""
    names = [one.name for one in fields(Delivery)]
    columns = [column.name for column in deliveries.columns]
    assert columns[: len(names)] == names
    assert columns[-3:] == ["lane", "sample", "attempts"]
