"""Costs: what asking for something costs, said on fields, and enforced from the SDL alone.

The directives are those of the GraphQL Cost Directives specification (IBM).
"""

from typing import Final

import strawberry
from strawberry.schema_directive import Location

from resolvers.paging import USUAL


@strawberry.schema_directive(
    name="cost",
    locations=[
        Location.ARGUMENT_DEFINITION,
        Location.ENUM,
        Location.FIELD_DEFINITION,
        Location.INPUT_FIELD_DEFINITION,
        Location.OBJECT,
        Location.SCALAR,
    ],
    description=(
        "What one of it weighs, a number. Where this is not said, whatever is an object, answers "
        "objects or takes an input object weighs 1, and all else 0."
    ),
)
class Cost:
    """`@cost` (section 7)."""

    weight: str


@strawberry.schema_directive(
    name="listSize",
    locations=[Location.FIELD_DEFINITION],
    description=(
        "How long a list is at most, for the cost: as the largest of `slicingArguments` says (a "
        "number, or the length of a list; after a dot, what is in an input object), else "
        "`assumedSize`. With `sizedFields` it is not the field itself that is the list, but those "
        "below it."
    ),
)
class ListSize:
    """`@listSize` (section 8)."""

    assumed_size: int | None = strawberry.UNSET
    slicing_arguments: list[str] | None = strawberry.UNSET
    sized_fields: list[str] | None = strawberry.UNSET
    require_one_slicing_argument: bool | None = True


def _page(*slicing: str) -> ListSize:
    return ListSize(
        assumed_size=USUAL,
        slicing_arguments=list(slicing),
        sized_fields=["nodes", "edges"],
        require_one_slicing_argument=False,
    )


PAGE: Final = _page("first", "last")
FORWARD: Final = _page("first")
"""A page of what is only read from the start."""

ACTION: Final = Cost(weight="10")
"""What a device is asked to do, or made to: it is written, and somebody may wait for it."""

READING: Final = Cost(weight="10")
"""What is read from the database each time, never from memory."""

WRITING: Final = Cost(weight="10")
"""What is written to the database, while others who write there wait."""

COUNTING: Final = Cost(weight="5")
"""What is counted over a whole list."""


def assumed(size: int) -> ListSize:
    """A list that nothing slices, and that is hardly ever longer."""
    return ListSize(assumed_size=size, require_one_slicing_argument=strawberry.UNSET)


def given(argument: str) -> ListSize:
    """A list that has one entry for each that is given in this argument."""
    return ListSize(slicing_arguments=[argument], require_one_slicing_argument=strawberry.UNSET)
