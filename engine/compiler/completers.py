"""Completers: from what a field gave to what the answer holds (spec 6.4.3), for each type.

They follow `complete_value` of graphql-core and what it calls. Objects are completed by generated
functions, which `writing` makes; everything around them is here.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from graphql import (
    GraphQLAbstractType,
    GraphQLList,
    GraphQLObjectType,
    default_type_resolver,
)
from graphql.execution.executor import invalid_return_type_error
from graphql.pyutils import Undefined, is_iterable

from engine.awaiting import PLAIN, awaits
from engine.compiler.leaves import Leaf
from engine.compiler.running import Run, abandon, fail, guard, inform, odd, pending_items
from engine.compiler.spots import At, Complete, Spot

MOST_CLASSES: Final = 100
"""Classes that a type remembers as its own."""

Execute: TypeAlias = Complete
"""Answers the selection of one object (spec 6.3): the object, the run, where it is."""


def present(complete: Complete, *, coordinate: str) -> Complete:
    """Refuse null: the completer of a non-null type around another."""

    def non_null(value: Any, run: Run, at: At, info: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        done = complete(value, run, at, info)
        if done is None:
            raise TypeError(f"Cannot return null for non-nullable field {coordinate}.")
        return done

    return non_null


def anything(plain: Complete) -> Complete:
    """Complete whatever a resolver may give by what completes plain values."""

    def complete(value: Any, run: Run, at: At, info: Any) -> Any:
        if isinstance(value, Exception):
            raise value
        return None if value is None or value is Undefined else plain(value, run, at, info)

    return complete


def of_object(kind: GraphQLObjectType, execute: Execute, spot: Spot) -> Complete:
    """Complete objects of one type: `complete_object_value`."""
    is_type_of = kind.is_type_of
    if is_type_of is None:
        return execute
    known = set[type]()
    by_class = getattr(is_type_of, "by_class", False)

    def complete(value: Any, run: Run, at: At, info: Any) -> Any:
        if value.__class__ in known:
            return execute(value, run, at, info)
        right = is_type_of(value, info)
        if right is True:
            if by_class and len(known) < MOST_CLASSES:
                known.add(value.__class__)
        else:
            if awaits(right):
                return awaited(right, value, run, at)
            if not right:
                raise invalid_return_type_error(kind, value, spot.details)
        return execute(value, run, at, info)

    async def awaited(right: Any, value: Any, run: Run, at: At) -> Any:
        if not await right:
            raise invalid_return_type_error(kind, value, spot.details)
        done = execute(value, run, at, None)
        return await done if awaits(done) else done

    return complete


def of_abstract(
    kind: GraphQLAbstractType, possible: Mapping[str, Complete], spot: Spot
) -> Complete:
    """Complete values of one of several types: `complete_abstract_value`."""
    resolve = kind.resolve_type or default_type_resolver

    def complete(value: Any, run: Run, at: At, info: Any) -> Any:
        name = resolve(value, info, kind)
        if name.__class__ is str and name in possible:
            return possible[name](value, run, at, info)
        if awaits(name):
            return awaited(name, value, run, at, info)
        return possible[ensured(name, value, run, info)](value, run, at, info)

    async def awaited(name: Any, value: Any, run: Run, at: At, info: Any) -> Any:
        known = ensured(await name, value, run, info)
        done = possible[known](value, run, at, info)
        return await done if awaits(done) else done

    def ensured(name: Any, value: Any, run: Run, info: Any) -> str:
        executor = run.executor
        return executor.ensure_valid_runtime_type(name, kind, spot.details, info, value).name

    return complete


def of_list(kind: GraphQLList[Any], items: Spot, spot: Spot) -> Complete:
    """Complete lists of anything: `complete_list_value`."""
    each = _of_items(items)

    def complete(value: Any, run: Run, at: At, info: Any) -> Any:
        if value.__class__ is list or value.__class__ is tuple:
            return each(iter(value), run, at, info)
        if hasattr(value, "__aiter__") or not is_iterable(value):
            info, path = info or inform(run, spot, at), spot.path(at)
            return run.executor.complete_value(kind, spot.details, info, path, value, None)
        return each(iter(value), run, at, info)

    return complete


def _of_items(items: Spot) -> Complete:
    """Complete what an iterator gives: `complete_iterable_value`."""
    complete_item = items.plain

    def complete(rest: Iterator[Any], run: Run, at: At, info: Any) -> Any:
        done: list[Any] = []
        waits = False
        try:
            for item in rest:
                here = (at, len(done))
                try:
                    if item.__class__ in PLAIN:
                        part = complete_item(item, run, here, info)
                        if part.__class__ not in PLAIN and awaits(part):
                            part = guard(run, items, here, part)
                            waits = True
                    else:
                        part = odd(run, items, here, item, info)
                        waits = waits or awaits(part)
                except Exception as error:  # noqa: BLE001 - whatever a resolver raises
                    part = None
                    fail(run, error, items, here)
                done.append(part)
        except Exception:
            abandon(run, done, rest)
            raise
        return pending_items(done) if waits else done

    return complete


def of_leaves(leaf: Leaf, otherwise: Complete) -> Complete:
    """Complete lists of leaves; a list with anything unusual is completed by `otherwise`."""
    if leaf.names is not None:
        name_of = leaf.names.get

        def named(value: Any, run: Run, at: At, info: Any) -> Any:
            if value.__class__ is list or value.__class__ is tuple:
                names = [name_of(id(each)) for each in value]
                if None not in names:
                    return names
            return otherwise(value, run, at, info)

        return named
    if leaf.kept is not None:
        kept = leaf.kept

        def same(value: Any, run: Run, at: At, info: Any) -> Any:
            if value.__class__ is list or value.__class__ is tuple:
                for each in value:
                    if each.__class__ is not kept:
                        break
                else:
                    return list(value)
            return otherwise(value, run, at, info)

        return same
    return otherwise
