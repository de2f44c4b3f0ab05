"""Running an operation of a valid document: by its compiled program, or on graphql-core.

Documents are not parsed or validated again here, and variables are coerced before anything runs:
a client's mistake in them is `Rejected`, not an error among the results.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Awaitable, Callable
from functools import cached_property
from typing import Any

from graphql import ExecutionResult, create_source_event_stream
from graphql.execution import execute_root_selection_set

from engine.awaiting import awaits
from engine.compiler.program import Program
from engine.compiler.running import Run
from engine.errors import Rejected
from engine.operations import Document, Operation, RenderingKey
from engine.results import Result


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
    answer = Rendering(document, operation, variables).answer(root, context)
    return answer if isinstance(answer, Result) else await answer


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
    rendering = Rendering(document, operation, variables)
    source = await rendering.source(context)
    if isinstance(source, ExecutionResult):
        yield None, Result(None, tuple(source.errors or ()), ran=False)
        return
    events = aiter(source)
    try:
        async for event in events:
            shown = rendering.answer(event, event_context(event))
            yield event, shown if isinstance(shown, Result) else await shown
    finally:
        if close := getattr(events, "aclose", None):
            await close()


class Rendering:
    """An operation with its variables, coerced once: it answers a root, or each event of many.

    Raises:
        Rejected: BAD_USER_INPUT, the variables do not fit.
    """

    def __init__(self, document: Document, operation: Operation, variables: object) -> None:
        if operation not in document.operations:
            raise ValueError("The operation is not of this document.")
        if variables is None:
            variables = {}
        if not isinstance(variables, dict):
            raise Rejected.at("BAD_USER_INPUT", 'Variables are an object, by name: {"first": 10}.')
        self._operation = operation
        self._inputs = operation.plan.inputs(variables)
        self._program: Program | None = operation.plan.program(self._inputs.variables)
        self._given = variables

    @cached_property
    def key(self) -> RenderingKey:
        """What its answers to an event depend on besides the event; see `Operation`."""
        return self._operation.rendering_key(self._given)

    def answer(self, root: object, context: object) -> Result | Awaitable[Result]:
        """Answer one root, or show one event.

        It is awaited only where something on the way has to be: an event whose resolvers do not
        wait is shown at once. What it shows depends on nothing but the `key`, the event and the
        context, as long as resolvers look at nothing else.

        Args:
            root: the event of a subscription, the root of any other operation.
            context: what resolvers find as `info.context`; one for each answer.
        """
        run = Run(self._operation.plan.stage, self._inputs, root, context)
        if self._program is not None:
            return self._program.answer(run)
        answer = execute_root_selection_set(run.executor)
        return _later(answer) if awaits(answer) else _result(answer)

    async def source(self, context: object) -> AsyncIterable[Any] | ExecutionResult:
        """Subscribe: the source of events, or a result with the error that prevents it."""
        executor = Run(self._operation.plan.stage, self._inputs, None, context).executor
        source: Any = create_source_event_stream(executor)
        found: AsyncIterable[Any] | ExecutionResult = await source if awaits(source) else source
        return found


async def _later(answer: Awaitable[ExecutionResult]) -> Result:
    return _result(await answer)


def _result(answer: Any) -> Result:
    return Result(answer.data, tuple(answer.errors or ()), answer.extensions or {})
