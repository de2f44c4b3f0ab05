"""Rows of webhooks as values."""

from dataclasses import fields

from core.domain.deliveries import Delivery
from core.store.parcels import _BEHIND, _HEADS
from core.store.tables import deliveries


def test_a_delivery_is_made_of_a_row_by_position() -> None:
    """So its table begins with its fields, in their order, and ends with those of a parcel."""
    names = [one.name for one in fields(Delivery)]
    columns = [column.name for column in deliveries.columns]
    assert columns[: len(names)] == names
    assert columns[-3:] == ["lane", "sample", "attempts"]


def test_so_is_a_parcel() -> None:
    """Its rows have one value more, the last."""
    for query in (_HEADS, _BEHIND):
        assert list(query.selected_columns.keys())[-4:] == ["lane", "sample", "attempts", "state"]
