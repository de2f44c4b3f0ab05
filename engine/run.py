"""Running an operation of a valid document on graphql-core.

Documents are not parsed or validated again here, and variables are coerced before anything runs:
a client's mistake in them is `Rejected`, not an error among the results.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeGuard

from graphql import (
    ExecutionResult,
    Executor,
    GraphQLError,
    create_source_event_stream,
)
from graphql.execution import execute_root_selection_set, execute_subscription_event
from graphql.pyutils import is_awaitable

from engine.errors import MAX_FAULTS, Rejected
from engine.operations import Document, Operation

_PLAIN: Final = frozenset({type(None), bool, int, float, str, bytes, list, tuple, dict})


@dataclass(frozen=True, slots=True)
class Result:
    """What an operation, or one event of a subscription, answered."""

    data: dict[str, Any] | None
    errors: tuple[GraphQLError, ...] = ()
    extensions: Mapping[str, Any] = field(default_factory=dict)
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


async def run(
    document: Document,
    operation: Operation,
    variables: object,
    context: object,
    root: object = None,
) -> Result:
    """Run a query or a mutation.

    Args:
        document: the one that the operation is of.
        operation: the one to run.
        variables: as the client sent them; unknown ones are ignored (spec 6.1.2).
        context: what resolvers find as `info.context`; one for each run.
        root: what resolvers of root fields get as their object.

    Raises:
        Rejected: BAD_USER_INPUT, the variables do not fit; nothing has run.
    """
    if operation.kind == "subscription":
        raise ValueError("A subscription is streamed, not run.")
    executor = _executor(document, operation, variables, context, root)
    return await _result(executor, execute_root_selection_set)


async def stream(
    document: Document,
    operation: Operation,
    variables: object,
    context: object,
    event_context: Callable[[Any], object],
) -> AsyncGenerator[tuple[Any, Result], None]:
    """Subscribe, and answer each event of the source with the operation's selection.

    Close it (`contextlib.aclosing`) to close the source. What the source raises after its first
    event is raised here as it is.

    Args:
        document: the one that the operation is of.
        operation: the subscription.
        variables: as for `run`.
        context: what the subscribing resolver finds as `info.context`.
        event_context: makes the context of one event, so that no loader outlives it.

    Yields:
        The event and its result. If the subscribing resolver fails: None and a result with its
        error that has not `ran`, once.

    Raises:
        Rejected: BAD_USER_INPUT, the variables do not fit; at the first step, before anything ran.
    """
    if operation.kind != "subscription":
        raise ValueError(f"A {operation.kind} is run, not streamed.")
    executor = _executor(document, operation, variables, context, None)
    source = await _source(executor)
    if isinstance(source, ExecutionResult):
        yield None, Result(None, tuple(source.errors or ()), ran=False)
        return
    events = aiter(source)
    try:
        async for event in events:
            fresh = _fresh(executor, event, event_context(event))
            yield event, await _result(fresh, execute_subscription_event)
    finally:
        if close := getattr(events, "aclose", None):
            await close()


def _executor(
    document: Document, operation: Operation, variables: object, context: object, root: object
) -> Executor[Any]:
    if variables is None:
        variables = {}
    if not isinstance(variables, dict):
        raise Rejected.at("BAD_USER_INPUT", 'Variables are an object, by name: {"first": 10}.')
    try:
        executor = Executor.build(
            document.schema,
            document.ast,
            root_value=root,
            context_value=context,
            raw_variable_values=variables,
            operation_name=operation.name,
            max_coercion_errors=MAX_FAULTS,
            is_awaitable=_is_awaitable,
        )
    except (RecursionError, ValueError):  # where graphql-core prints what does not fit
        message = "Variables are nested too deeply, or hold too long a number."
        raise Rejected.at("BAD_USER_INPUT", message) from None
    if isinstance(executor, list):
        raise Rejected.of("BAD_USER_INPUT", executor)
    return executor


def _fresh(executor: Executor[Any], event: object, context: object) -> Executor[Any]:
    """Make an executor of its own for one event.

    graphql-core would copy one executor for all events, which then share what it remembers of
    selections: in 3.3.1 and 3.3.2 that grows with every event.
    """
    return Executor(
        executor.schema,
        executor.fragment_definitions,
        executor.fragments,
        event,
        context,
        executor.operation,
        executor.variable_values,
        executor.field_resolver,
        executor.type_resolver,
        executor.subscribe_field_resolver,
        is_awaitable=_is_awaitable,
    )


async def _source(executor: Executor[Any]) -> AsyncIterable[Any] | ExecutionResult:
    source: Any = create_source_event_stream(executor)
    found: AsyncIterable[Any] | ExecutionResult = await source if _is_awaitable(source) else source
    return found


async def _result(executor: Executor[Any], execute: Callable[[Executor[Any]], Any]) -> Result:
    answer = execute(executor)
    if _is_awaitable(answer):
        answer = await answer
    return Result(answer.data, tuple(answer.errors or ()), answer.extensions or {})


def _is_awaitable(value: object) -> TypeGuard[Any]:
    """Ask graphql-core only of what could be: most values of an answer are plain."""
    return type(value) not in _PLAIN and is_awaitable(value)
