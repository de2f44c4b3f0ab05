"""Running: what generated functions call when a value is not of the plain kind.

Each function here follows the one of graphql-core's `Executor` that its docstring names, so that
errors, their order and what is awaited together are the same.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from enum import Enum
from typing import Any, Final

from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    GraphQLResolveInfo,
    GraphQLSchema,
    OperationDefinitionNode,
    default_field_resolver,
    default_type_resolver,
    located_error,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.executor import CollectedErrors
from graphql.execution.values import VariableValues, get_argument_values
from graphql.pyutils import Undefined, gather_with_cancel, inspect

from engine.awaiting import awaits
from engine.compiler.spots import At, Spot
from engine.reference import Reference

_LASTING: Final = (str, int, float, bool, type(None), Enum)


class Stage:
    """What all runs of an operation share."""

    __slots__ = ("definitions", "fragments", "operation", "schema")

    def __init__(
        self,
        schema: GraphQLSchema,
        definitions: Mapping[str, FragmentDefinitionNode],
        operation: OperationDefinitionNode,
    ) -> None:
        self.schema = schema
        self.definitions = dict(definitions)
        self.fragments = {name: FragmentDetails(node) for name, node in definitions.items()}
        self.operation = operation


class Inputs:
    """Coerced variables, and the arguments that were made of them so far."""

    __slots__ = ("arguments", "lasting", "variables")

    def __init__(self, variables: VariableValues) -> None:
        self.variables = variables
        self.arguments: dict[Spot, Mapping[str, Any]] = {}
        self.lasting = lasting(variables.coerced)
        """Whether no resolver can change them, so that they may serve other requests."""


class Run:
    """One run of an operation, or one event of a subscription."""

    __slots__ = ("_errors", "_executor", "_shared", "context", "inputs", "root", "stage")

    def __init__(self, stage: Stage, inputs: Inputs, root: object, context: object) -> None:
        self.stage = stage
        self.inputs = inputs
        self.root = root
        self.context = context
        self._errors: CollectedErrors | None = None
        self._executor: Reference | None = None
        self._shared: tuple[Any, ...] | None = None

    @property
    def errors(self) -> CollectedErrors:
        """graphql-core's record of what failed, made when something first does."""
        if self._errors is None:
            self._errors = CollectedErrors()
        return self._errors

    @property
    def failed(self) -> tuple[GraphQLError, ...]:
        """What failed up to now."""
        return () if self._errors is None else tuple(self._errors.errors)

    @property
    def executor(self) -> Reference:
        """graphql-core's executor of this run, made when something first needs it."""
        if self._executor is None:
            stage = self.stage
            self._executor = Reference(
                stage.schema,
                stage.definitions,
                stage.fragments,
                self.root,
                self.context,
                stage.operation,
                self.inputs.variables,
                default_field_resolver,
                default_type_resolver,
                default_field_resolver,
                is_awaitable=awaits,
            )
            self._executor.collected_errors = self.errors
        return self._executor

    @property
    def shared(self) -> tuple[Any, ...]:
        """What every `info` of this run ends with."""
        if self._shared is None:
            executor = self.executor
            self._shared = (
                executor.schema,
                executor.fragment_definitions,
                self.root,
                executor.operation,
                executor.variable_values,
                self.context,
                executor.is_awaitable,
                None,
                executor.async_helpers,
            )
        return self._shared


def inform(run: Run, spot: Spot, at: At) -> GraphQLResolveInfo[Any]:
    """Make the `info` of a field, as `build_resolve_info` does."""
    name = spot.nodes[0].name.value
    own = (name, spot.nodes[:], spot.field.type, spot.parent, spot.field_path(at))
    return tuple.__new__(GraphQLResolveInfo, own + run.shared)


def arguments(run: Run, spot: Spot) -> Mapping[str, Any]:
    """Coerce the arguments of a field (spec 6.4.1); once a run where they cannot change."""
    inputs = run.inputs
    known = inputs.arguments.get(spot)
    if known is None:
        known = get_argument_values(spot.field, spot.nodes[0], inputs.variables)
        if spot.fetch.convert is not None:
            known = spot.fetch.convert(known)
        if lasting(known):
            inputs.arguments[spot] = known
    return known


def reader(source: object) -> Callable[[str], Any]:
    """Read a field from what is no plain dict: the first half of `default_field_resolver`."""
    if isinstance(source, Mapping):
        return source.get
    return lambda name: getattr(source, name, None)


def lasting(values: Mapping[str, Any]) -> bool:
    """Whether arguments are of kinds that no resolver can change."""
    return all(isinstance(value, _LASTING) for value in values.values())


def fail(run: Run, error: Exception, spot: Spot, at: At) -> None:
    """Locate an error and record it, or raise it to what allows null: `handle_field_error`."""
    path = spot.path(at)
    located = located_error(error, spot.nodes, path.as_list())
    if spot.non_null:
        raise located
    run.errors.add(located, path)


def odd(run: Run, spot: Spot, at: At, value: Any, info: Any = None) -> Any:
    """Complete a value that is not of the plain kind: the rest of `execute_field`."""
    if info is None and spot.informed:
        info = inform(run, spot, at)
    if spot.default and callable(value):
        value = value(info or inform(run, spot, at), **arguments(run, spot))
    if awaits(value):
        return later(run, spot, at, value, info)
    done = spot.complete(value, run, at, info)
    return guard(run, spot, at, done) if awaits(done) else done


async def later(run: Run, spot: Spot, at: At, value: Awaitable[Any], info: Any) -> Any:
    """Complete what has to be awaited: `complete_awaitable_value` and its like for items."""
    try:
        done = spot.complete(await value, run, at, info)
        if awaits(done):
            done = await done
    except Exception as error:  # noqa: BLE001 - whatever a resolver raises is the answer's
        fail(run, error, spot, at)
        return None
    return done


async def guard(run: Run, spot: Spot, at: At, done: Awaitable[Any]) -> Any:
    """Await a value whose parts are still awaited: `await_completed`."""
    try:
        return await done
    except Exception as error:  # noqa: BLE001 - as in `later`
        fail(run, error, spot, at)
        return None


def again(run: Run, spot: Spot, at: At, value: Any, written: Any) -> Any:
    """Judge what a scalar's own function made of a value: the end of `complete_leaf_value`."""
    written = judged(spot.field.type, value, written)
    return guard(run, spot, at, written) if awaits(written) else written


def judged(kind: Any, value: Any, written: Any) -> Any:
    """Refuse that a leaf became nothing.

    Raises:
        TypeError: in graphql-core's words.
    """
    if written is None or written is Undefined:
        kind = getattr(kind, "of_type", kind)
        raise TypeError(
            f"Expected `{inspect(kind)}.coerce_output_value({inspect(value)})`"
            f" to return non-nullable value, returned: {inspect(written)}"
        )
    return written


def abandon(run: Run, parts: Mapping[Any, Any] | list[Any], rest: Any = ()) -> None:
    """Let what was begun come to its end unseen, after an error beside it: `execute_fields`."""
    values = list(parts.values() if isinstance(parts, Mapping) else parts)
    with suppress(Exception):
        values.extend(rest)
    if waiting := [value for value in values if awaits(value)]:
        run.executor.settle_in_background(waiting)


def pending(answer: dict[str, Any]) -> Any:
    """Await the fields that have to be; the object itself where none has: `get_results`."""
    keys = [key for key, value in answer.items() if awaits(value)]
    return _filled(answer, keys) if keys else answer


def pending_items(items: list[Any]) -> Any:
    """As `pending`, for a list: `get_completed_results`."""
    places = [place for place, value in enumerate(items) if awaits(value)]
    return _filled(items, places) if places else items


async def _filled(parts: Any, keys: list[Any]) -> Any:
    if len(keys) == 1:
        parts[keys[0]] = await parts[keys[0]]
        return parts
    done = await gather_with_cancel(*(parts[key] for key in keys))
    for key, value in zip(keys, done, strict=True):
        parts[key] = value
    return parts
