"""Running operations and streams, on both engines."""

import asyncio
import gc
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest
import strawberry
from graphql import GraphQLError, GraphQLSchema
from hypothesis import given, settings, strategies as st

from engine import Document, Documents, Engine, Operation, Rejected, Result, run, stream
from engine.results import result
from tests.engine.world import refusal

CLOSED: list[str] = []


@strawberry.type
class Tick:
    """An event."""

    number: int

    @strawberry.field
    async def seen(self, info: strawberry.Info) -> int:
        """Say which context this event has."""
        await asyncio.sleep(0)
        return int(info.context)

    @strawberry.field
    def broken(self) -> str:
        """Fail."""
        raise LookupError("secret")


@strawberry.input
class Pair:
    """Two numbers."""

    left: int
    right: int = 1
    inner: "Pair | None" = None


@strawberry.type
class Query:
    """The root of queries."""

    @strawberry.field
    async def add(self, pair: Pair) -> int:
        """Add two numbers."""
        return pair.left + pair.right

    @strawberry.field
    def context(self, info: strawberry.Info) -> str:
        """Say what the context is."""
        return f"{info.context} {info.root_value} {info.variable_values}"

    @strawberry.field
    def echo(self, number: float) -> float:
        """Answer a number."""
        return number

    @strawberry.field
    def fails(self) -> int:
        """Fail where null is not allowed."""
        raise LookupError("secret")

    @strawberry.field
    def maybe(self) -> int | None:
        """Fail where null is allowed."""
        raise LookupError("secret")


@strawberry.type
class Mutation:
    """The root of mutations."""

    @strawberry.mutation
    async def push(self, info: strawberry.Info, item: int) -> int:
        """Push an item onto the context, after those pushed before."""
        await asyncio.sleep(0.002 if item == 1 else 0)
        info.context.append(item)
        return item


@strawberry.type
class Subscription:
    """The root of subscriptions."""

    @strawberry.subscription
    async def ticks(self, info: strawberry.Info, upto: int = 3) -> AsyncGenerator[Tick, None]:
        """Count."""
        try:
            for number in range(upto):
                yield Tick(number=number)
            if upto == 4:
                raise ConnectionError("gone")
            if upto == 5:
                await asyncio.Event().wait()
        finally:
            CLOSED.append(f"{upto} {info.context}")

    @strawberry.subscription
    async def refused(self) -> AsyncGenerator[int, None]:
        """Fail when called."""
        raise PermissionError("not yours")

    @strawberry.subscription
    async def unstarted(self) -> AsyncGenerator[int, None]:
        """Fail at the first step."""
        for number in range(1):
            if number == 0:
                raise PermissionError("not yours")
            yield number


def graph() -> GraphQLSchema:
    """Build the graph anew."""
    return strawberry.Schema(Query, Mutation, Subscription)._schema  # noqa: SLF001  graphql-core's


GRAPH = graph()
BOTH: dict[Engine, Documents] = {
    "compiled": Documents(GRAPH, "scalar Nothing"),
    "reference": Documents(GRAPH, "scalar Nothing", engine="reference"),
}
DOCUMENTS = BOTH["compiled"]
RECURSION = "query ($pair: Pair!) { add(pair: $pair) }"


@pytest.fixture(params=BOTH, autouse=True)
def _engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test runs on both engines."""
    monkeypatch.setitem(globals(), "DOCUMENTS", BOTH[request.param])


def chosen(text: str, of: Documents | None = None) -> tuple[Document, Operation]:
    """Prepare a text with one operation."""
    document = (of or DOCUMENTS).get(text)
    return document, document.operation()


async def answer(text: str, variables: object = None, context: object = None) -> Result:
    """Run a text with one operation."""
    return await run(*chosen(text), variables, context, root="root")


def said(error: GraphQLError) -> dict[str, Any]:
    """Form an error as short as can be."""
    return {"message": error.message}


def nested(depth: int) -> dict[str, Any]:
    """Put pairs into pairs."""
    pair: dict[str, Any] = {"left": 1}
    for _ in range(depth):
        pair = {"left": 1, "inner": pair}
    return pair


async def test_variables_reach_the_resolvers() -> None:
    """Values, defaults of variables and of input fields are coerced as the spec says."""
    text = "query ($n: Int! = 2) { add(pair: {left: $n, right: 5}) }"
    assert (await answer(text)).data == {"add": 7}
    assert (await answer(text, {"n": 3, "unknown": 1})).data == {"add": 8}
    assert (await answer(RECURSION, {"pair": {"left": 1}})).data == {"add": 2}


async def test_context_and_root_reach_the_resolvers() -> None:
    """Strawberry's `info` has them, and the variables as a plain dict."""
    text = "query ($n: Int = 1) { context add(pair: {left: 1, right: $n}) }"
    result = await answer(text, {"n": 1}, "ours")
    assert result.data is not None
    assert result.data["context"] == "ours root {'n': 1}"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ([], "Variables are an object"),
        ("{}", "Variables are an object"),
        (0, "Variables are an object"),
        ({}, "'.pair' has invalid value: Expected a value of non-null type"),
        ({"pair": None}, "'.pair'"),
        ({"pair": {"left": "x"}}, "'.pair' has invalid value at .left"),
        ({"pair": {"left": 1, "more": 1}}, "'.pair' has invalid value"),
        ({"pair": {"left": "\ud800"}}, "'.pair'"),
        ({"pair": {"left": 10**5_000}}, "too long a number"),
        ({"pair": {"left": "x" * 10**6}}, "'.pair'"),
        ({"pair": nested(3_000)}, "nested too deeply"),
    ],
)
async def test_variables_that_do_not_fit_are_rejected(variables: object, words: str) -> None:
    """A client's mistake is told apart from what happens while an operation runs."""
    with pytest.raises(Rejected, match=words) as caught:
        await answer(RECURSION, variables)
    assert caught.value.code == "BAD_USER_INPUT"
    assert all(len(error.message.encode()) < 2_000 for error in caught.value.errors)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["pair", "n", "x"]), JSON | st.fixed_dictionaries(
    {}, optional={"left": JSON, "right": JSON, "inner": JSON, "x": JSON})))  # fmt: skip
def test_any_variables_are_coerced_or_rejected(variables: dict[str, Any]) -> None:
    """Whatever JSON a client sends, the count and the run answer or refuse it."""
    text = "query ($pair: Pair!, $n: Float = 1) { add(pair: $pair) echo(number: $n) }"
    document, operation = chosen(text)
    operation.check(variables)
    rejected = refusal(lambda: asyncio.run(run(document, operation, variables, None)))
    if rejected:
        assert rejected.code == "BAD_USER_INPUT"
        assert all(error.message.encode() for error in rejected.errors)


async def test_nothing_runs_where_variables_do_not_fit() -> None:
    """No resolver is called before all variables are coerced."""
    pushed: list[int] = []
    with pytest.raises(Rejected):
        await answer("mutation ($n: Int!) { a: push(item: 1) push(item: $n) }", {"n": "x"}, pushed)
    assert pushed == []


async def test_mutations_run_one_after_the_other() -> None:
    """Root fields of a mutation are serial (spec 6.2.2)."""
    pushed: list[int] = []
    await answer("mutation { a: push(item: 1) b: push(item: 2) }", None, pushed)
    assert pushed == [1, 2]


async def test_errors_of_resolvers_are_in_the_result() -> None:
    """They keep path and original error, for the caller to form; null goes up to what allows it."""
    result = await answer("{ maybe }")
    [error] = result.errors
    assert result.payload(said) == {"errors": [{"message": "secret"}], "data": {"maybe": None}}
    assert error.path == ["maybe"]
    assert isinstance(error.original_error, LookupError)
    assert (await answer("{ fails }")).payload(said) == {
        "errors": [{"message": "secret"}], "data": None
    }  # fmt: skip


async def test_the_chosen_operation_runs() -> None:
    """Of several operations only the one is run."""
    document = DOCUMENTS.get("query A { add(pair: {left: 1}) } query B { add(pair: {left: 2}) }")
    result = await run(document, document.operation("B"), None, None)
    assert result.data == {"add": 3}


def test_a_payload_has_errors_first_and_only_what_there_is() -> None:
    """The order of the spec; no `data` where nothing ran, no empty `extensions`."""
    error = GraphQLError("No.")
    full = Result({"a": 1}, (error,), {"cursor": "c"})
    assert list(full.payload(said)) == ["errors", "data", "extensions"]
    assert list(Result({"a": 1}).payload(said)) == ["data"]
    assert list(Result(None, (error,), ran=False).payload(said)) == ["errors"]


def test_the_quick_way_makes_the_same_result() -> None:
    """It says by hand what the constructor fills in."""
    errors = (GraphQLError("no"),)
    assert result({"one": 1}, errors) == Result({"one": 1}, errors)
    assert type(result(None, ())) is Result


async def test_each_event_is_answered_in_a_context_of_its_own() -> None:
    """The selection runs for every event, asynchronous fields included."""
    contexts: list[int] = []

    def fresh(event: Tick) -> int:
        contexts.append(event.number * 10)
        return contexts[-1]

    text = "subscription ($n: Int) { x: ticks(upto: $n) { number seen } }"
    events = stream(*chosen(text), {"n": 2}, "start", fresh)
    answers = [(event.number, result.data) async for event, result in events]
    assert answers == [
        (0, {"x": {"number": 0, "seen": 0}}),
        (1, {"x": {"number": 1, "seen": 10}}),
    ]
    assert CLOSED[-1] == "2 start"


async def test_an_error_in_one_event_leaves_the_next_alone() -> None:
    """Errors belong to their event."""
    events = stream(*chosen("subscription { ticks { broken } }"), None, None, lambda _: 0)
    counts = [len(result.errors) async for _, result in events]
    assert counts == [1, 1, 1]


async def test_a_source_that_fails_at_its_first_step_raises() -> None:
    """What the source raises is the caller's to judge, at its first step as at any later one."""
    events = stream(*chosen("subscription { unstarted }"), None, None, lambda _: 0)
    with pytest.raises(PermissionError, match="not yours"):
        await anext(events)


async def test_a_subscription_that_cannot_start_is_one_result_without_data() -> None:
    """What the resolver raises when it is called is an error of a result."""
    events = stream(*chosen("subscription { x: refused }"), None, None, lambda _: 0)
    [(event, result)] = [each async for each in events]
    assert event is None
    assert result.payload(said) == {"errors": [{"message": "not yours"}]}
    [error] = result.errors
    assert (error.path, error.locations) == (["x"], [(1, 16)])
    assert isinstance(error.original_error, PermissionError)


async def test_variables_of_a_subscription_are_rejected_before_it_starts() -> None:
    """As for a query."""
    text = "subscription ($n: Int!) { ticks(upto: $n) { number } }"
    with pytest.raises(Rejected) as caught:
        await anext(stream(*chosen(text), {"n": "x"}, None, lambda _: 0))
    assert caught.value.code == "BAD_USER_INPUT"


async def test_what_a_source_raises_later_is_raised_as_it_is() -> None:
    """A failing source ends the stream with its own error, after what it gave."""
    events = stream(*chosen("subscription { ticks(upto: 4) { number } }"), None, "e", lambda _: 0)
    assert [(await anext(events))[0].number for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ConnectionError, match="gone"):
        await anext(events)


async def test_closing_a_stream_closes_its_source() -> None:
    """The source is closed when the consumer is done, not when garbage is collected."""
    CLOSED.clear()
    text = "subscription { ticks(upto: 9) { number } }"
    async with aclosing(stream(*chosen(text), None, "early", lambda _: 0)) as events:
        await anext(events)
        assert CLOSED == []
    assert CLOSED == ["9 early"]


async def test_cancelling_a_consumer_closes_the_source() -> None:
    """A consumer that waits for the next event can be cancelled."""
    CLOSED.clear()
    text = "subscription { ticks(upto: 5) { number } }"

    async def consume() -> None:
        async with aclosing(stream(*chosen(text), None, "late", lambda _: 0)) as events:
            async for _ in events:
                pass

    task = asyncio.create_task(consume())
    await asyncio.sleep(0.02)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert CLOSED == ["5 late"]


async def test_a_source_may_be_any_async_iterable() -> None:
    """Not only generators: what has no `aclose` is not closed."""

    class Once:
        done = False

        def __aiter__(self) -> AsyncIterator[str]:
            return self

        async def __anext__(self) -> str:
            if self.done:
                raise StopAsyncIteration
            self.done = True
            return "event"

    own = graph()
    assert own.subscription_type is not None
    own.subscription_type.fields["ticks"].subscribe = lambda *_, **__: Once()
    ours = Documents(own, "scalar Nothing")
    text = "subscription { ticks { __typename } }"
    events = [event async for event, _ in stream(*chosen(text, ours), None, None, lambda _: 0)]
    assert events == ["event"]


async def test_a_kind_is_not_run_as_another() -> None:
    """Which of the two to call is the caller's to know."""
    with pytest.raises(ValueError, match="streamed, not run"):
        await answer("subscription { ticks { number } }")
    with pytest.raises(ValueError, match="query is run, not streamed"):
        await anext(stream(*chosen("{ context }"), None, None, lambda _: 0))


async def test_a_long_stream_does_not_grow() -> None:
    """Five thousand events leave nothing behind (graphql-core 3.3.1 kept 2 KiB of each)."""
    text = "subscription { ticks(upto: 6000) { number seen ... on Tick { again: number } } }"
    async with aclosing(stream(*chosen(text), None, None, lambda _: 0)) as events:
        for _ in range(500):
            await anext(events)
        gc.collect()
        tracemalloc.start()
        try:
            for _ in range(5_000):
                await anext(events)
            gc.collect()
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert held < 100_000  # 20 bytes per event
