"""Result: what an operation, or one event of a subscription, answered."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from graphql import GraphQLError

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


class Result(NamedTuple):
    """What an operation, or one event of a subscription, answered."""

    data: Any
    """A map, or null; or what stands for its JSON."""

    errors: tuple[GraphQLError, ...] = ()
    extensions: Mapping[str, Any] = _NOTHING
    ran: bool = True
    """False for a subscription that could not start: its answer has no `data` (spec 7.1.2)."""

    def payload(self, form: Callable[[GraphQLError], Mapping[str, Any]]) -> dict[str, Any]:
        """Build the response map (spec 7.1): `errors` first where there are any, then `data`.

        Args:
            form: turns one error into its map, and masks what clients must not see.
        """
        payload: dict[str, Any] = {}
        if self.errors:
            payload["errors"] = [form(error) for error in self.errors]
        if self.ran:
            payload["data"] = self.data
        if self.extensions:
            payload["extensions"] = dict(self.extensions)
        return payload


def result(data: Any, errors: tuple[GraphQLError, ...]) -> Result:
    """`Result(data, errors)`, without the call of Python's that a named tuple is made by."""
    return tuple.__new__(Result, (data, errors, _NOTHING, True))
