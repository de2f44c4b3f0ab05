"""graphql-core's executor, for what is not compiled."""

from typing import Any

from graphql import Executor, GraphQLObjectType
from graphql.execution.collect_fields import CollectedFields, FieldDetails


class Reference(Executor[Any]):
    """An executor that remembers selections by fields that still exist.

    graphql-core 3.3.0 remembers what it collected below fields by their `id`, but lets go of the
    root's fields one by one while it awaits others: a field that is collected later can get the
    address of one that is gone, and with it the selection below that one.
    """

    _held: "dict[int, FieldDetails] | None" = None

    def collect_subfields(
        self, return_type: GraphQLObjectType, field_details_list: list[FieldDetails]
    ) -> CollectedFields:
        """Collect subfields, and keep what they are remembered by."""
        if self._held is None:
            self._held = {}
        self._held.update((id(each), each) for each in field_details_list)
        return super().collect_subfields(return_type, field_details_list)
