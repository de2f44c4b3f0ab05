"""Programs: an operation compiled for one choice of what `@skip` and `@include` leave of it.

Selections are collected by graphql-core's CollectFields (spec 6.3.2), for every object type that
can answer at a place. From the leaves up, each becomes a function that calls those below it.
"""

from collections.abc import Awaitable, Iterable, Sequence
from typing import Any, Final

from graphql import (
    GraphQLError,
    GraphQLLeafType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    TypeNameMetaFieldDef,
    get_nullable_type,
    is_abstract_type,
    is_leaf_type,
    is_object_type,
)
from graphql.execution.collect_fields import GroupedFieldSet, collect_fields, collect_subfields
from graphql.execution.values import VariableValues

from engine.awaiting import awaits
from engine.compiler import completers
from engine.compiler.completers import Execute
from engine.compiler.fetching import fetch
from engine.compiler.leaves import Leaf, leaf
from engine.compiler.peeping import reads
from engine.compiler.running import Run, Stage
from engine.compiler.spots import OUTSIDE, At, Complete, Spot
from engine.compiler.writing import Constant, write
from engine.results import Result, result

MOST_FIELDS: Final = 1_000
"""Fields of one program, counted for every object type that can answer them: some 60 ms of work,
during which the process does nothing else."""


class Unsupported(Exception):
    """An operation that is not compiled; the message is the reason that is counted."""


class Program:
    """Answers one operation, or each event of a subscription."""

    __slots__ = ("_execute",)

    def __init__(self, execute: Execute) -> None:
        self._execute = execute

    def answer(self, run: Run) -> Result | Awaitable[Result]:
        """Run it, as `execute_operation` does; what has to be awaited makes the result awaited."""
        try:
            data = self._execute(run.root, run, OUTSIDE, None)
        except GraphQLError as error:
            run.errors.add(error, None)
            data = None
        return _awaited(data, run) if awaits(data) else result(data, run.failed)


async def _awaited(data: Awaitable[Any], run: Run) -> Result:
    try:
        done = await data
    except GraphQLError as error:
        run.errors.add(error, None)
        done = None
    return result(done, run.failed)


def compile_program(
    stage: Stage, flags: VariableValues, sources: list[str] | None = None
) -> Program:
    """Compile an operation for these values of the variables of its `@skip` and `@include`.

    Args:
        stage: the operation.
        flags: the values.
        sources: gets the source of each generated function, for who wants to see it; what is
            selected below comes first.

    Raises:
        Unsupported: it is too large.
    """
    return _Compiler(stage, flags, [] if sources is None else sources).program()


class _Compiler:
    def __init__(self, stage: Stage, flags: VariableValues, sources: list[str]) -> None:
        self._stage = stage
        self._flags = flags
        self._left = MOST_FIELDS
        self._leaves: dict[GraphQLLeafType, Leaf] = {}
        self._sources = sources

    def program(self) -> Program:
        stage = self._stage
        operation = stage.operation
        root = stage.schema.get_root_type(operation.operation)
        if root is None:  # validated: KnownOperationTypesRule
            raise AssertionError(operation.operation)
        selected = collect_fields(stage.schema, stage.fragments, self._flags, root, operation)
        fields = selected.grouped_field_set
        if operation.operation.value != "mutation":
            return Program(self._function(root, fields, None))
        steps = [self._function(root, {key: fields[key]}, None) for key in fields]
        return Program(_serial(steps))

    def _function(
        self, parent: GraphQLObjectType, fields: GroupedFieldSet, above: Spot | None
    ) -> Execute:
        """Compile what is selected of an object of this type."""
        written = write(list(self._fields(parent, fields, above)), self._leaf)
        self._sources.append(written.source)
        return written.function

    def _fields(
        self, parent: GraphQLObjectType, fields: GroupedFieldSet, above: Spot | None
    ) -> Iterable[Spot | Constant]:
        for key, details in fields.items():
            self._left -= 1
            if self._left < 0:
                raise Unsupported("size")
            node = details[0].node
            field = self._stage.schema.get_field(parent, node.name.value)
            if field is TypeNameMetaFieldDef:
                yield Constant(key, parent.name)
            elif field is not None:
                spot = Spot(above, key, parent, field, details, fetch(field, node))
                self._complete(spot, spot.type)
                yield spot

    def _complete(self, spot: Spot, kind: GraphQLOutputType) -> None:
        """Make the completers of a spot for values of this type; the spot then has them."""
        if isinstance(kind, GraphQLNonNull):
            coordinate = f"{spot.parent}.{spot.nodes[0].name.value}"
            self._complete(spot, kind.of_type)
            spot.complete = completers.present(spot.complete, coordinate=coordinate)
            return
        if isinstance(kind, GraphQLList):
            spot.plain = self._list(spot, kind)
        elif is_leaf_type(kind):
            spot.plain, spot.complete = self._leaf(kind).completers
            return
        elif is_abstract_type(kind):
            possible = {
                each.name: self._object(spot, each)
                for each in self._stage.schema.get_possible_types(kind)
            }
            spot.informed |= kind.resolve_type is None or reads(kind.resolve_type, 1)
            spot.plain = completers.of_abstract(kind, possible, spot)
        elif is_object_type(kind):
            spot.plain = self._object(spot, kind)
        spot.complete = completers.anything(spot.plain)

    def _object(self, spot: Spot, kind: GraphQLObjectType) -> Complete:
        stage = self._stage
        fields = collect_subfields(
            stage.schema, stage.fragments, self._flags, stage.operation, kind, spot.details
        ).grouped_field_set
        spot.informed |= kind.is_type_of is not None and reads(kind.is_type_of, 1)
        return completers.of_object(kind, self._function(kind, fields, spot), spot)

    def _list(self, spot: Spot, kind: GraphQLList[Any]) -> Complete:
        items = spot.item(kind.of_type)
        self._complete(items, items.type)
        spot.informed |= items.informed
        complete = completers.of_list(kind, items, spot)
        inner = get_nullable_type(kind.of_type)
        return (
            completers.of_leaves(self._leaf(inner), complete) if is_leaf_type(inner) else complete
        )

    def _leaf(self, kind: GraphQLLeafType) -> Leaf:
        """Give what completes a type of leaf, the same for all its fields."""
        if kind not in self._leaves:
            self._leaves[kind] = leaf(kind, completers.anything)
        return self._leaves[kind]


def _serial(steps: Sequence[Execute]) -> Execute:
    """Run root fields one after the other (spec 6.2.2): `execute_fields_serially`."""

    def execute(source: Any, run: Run, at: At, info: None) -> Any:
        answer: dict[str, Any] = {}
        rest = iter(steps)
        for step in rest:
            part = step(source, run, at, info)
            if awaits(part):
                return after(part, answer, rest, source, run)
            answer.update(part)
        return answer

    async def after(
        part: Any, answer: dict[str, Any], rest: Iterable[Execute], source: Any, run: Run
    ) -> dict[str, Any]:
        answer.update(await part)
        for step in rest:
            part = step(source, run, OUTSIDE, None)
            answer.update(await part if awaits(part) else part)
        return answer

    return execute
