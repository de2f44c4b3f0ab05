"""The compiled engine against graphql-core: the same graph, document and outcomes, compared."""

import asyncio
import gc
import json
from collections.abc import Iterator
from functools import lru_cache
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from engine import Documents, Limits, Rejected, Rendering, Result
from tests.engine.graphs import Graph, graph
from tests.engine.texts import Writer, variables

# graphql-core cancels what was begun beside an error, some of it before it could start.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")

SEEDS = st.integers(0, 2**48)
LIMITS = Limits(nodes=10**9, aliases=500, fields=5_000)
graphs = lru_cache(64)(graph)


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    """What was cancelled is gone before another test."""
    yield
    gc.collect()


@lru_cache(256)
def documents(seed: int) -> tuple[Graph, Documents, Documents]:
    """A graph, with its documents for both engines."""
    made = graphs(seed)
    ours = Documents(made.schema, made.sdl, LIMITS, capacity=4)
    return made, ours, Documents(made.schema, made.sdl, LIMITS, capacity=4, engine="reference")


def shown(result: Result) -> dict[str, Any]:
    """All that a client could see of a result, and what our own masks look at."""
    return {
        "data": json.dumps(result.data, default=repr),
        "errors": [
            (
                error.message,
                error.path,
                [tuple(place) for place in error.locations or ()],
                type(error.original_error),
                error.extensions,
            )
            for error in result.errors
        ],
    }


async def answered(made: Documents, text: str, given: Any, root: Any) -> Any:
    """What one engine makes of a request."""
    document = made.get(text)
    operation = document.operation()
    try:
        answer = Rendering(document, operation, given).answer(root, "context")
        result = answer if isinstance(answer, Result) else await answer
    except Rejected as rejected:
        return rejected.faults
    if abandoned := asyncio.all_tasks() - {asyncio.current_task()}:
        await asyncio.wait(abandoned)
    return shown(result)


def compare(schema: int, text: int, outcomes: int) -> str | None:
    """Run one case on both engines; None where the document is not valid."""
    made, ours, reference = documents(schema)
    draw = Random(f"text{text}")
    kind = draw.choice(["query", "query", "query", "mutation", "subscription"])
    written = Writer(made.schema, draw).document(kind)
    try:
        ours.get(written)
    except Rejected:
        return None
    chance = Random(f"outcomes{outcomes}")
    made.outcomes, made.calm, made.lazy = (
        outcomes,
        chance.choice([0.7, 0.9, 0.99]),
        chance.choice([0, 0.2, 0.6]),
    )
    given = variables(chance)
    root = getattr(made.schema, f"{kind}_type")
    expected = asyncio.run(answered(reference, written, given, made.root(root)))
    assert asyncio.run(answered(ours, written, given, made.root(root))) == expected, written
    assert set(ours.runs) <= {"compiled", "choices", "size"}
    return written


@settings(max_examples=500)
@given(st.integers(0, 30), SEEDS, SEEDS)
def test_both_engines_answer_alike(schema: int, text: int, outcomes: int) -> None:
    """Data with the order of its keys, and errors in their order, are those of graphql-core."""
    compare(schema, text, outcomes)


@pytest.mark.soak
@settings(max_examples=20_000)
@given(st.integers(0, 2_000), SEEDS, SEEDS)
def test_both_engines_answer_alike_for_long(schema: int, text: int, outcomes: int) -> None:
    """As above, over more graphs."""
    compare(schema, text, outcomes)
