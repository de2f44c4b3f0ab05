"""What graphql-core itself answers wrongly, and every difference that was found between engines."""

import asyncio
from typing import Any

import pytest
from graphql import build_schema

from engine import Documents, Engine, run

SDL = "type Query { a: N b: N } type N { n: N x: Int y: Int }"


@pytest.mark.parametrize("engine", ["compiled", "reference"])
async def test_a_selection_is_not_taken_for_one_that_is_gone(engine: Engine) -> None:
    """graphql-core 3.3.0 remembers selections by the `id` of fields that it lets go of meanwhile.

    So `b { n { y } }` was answered with the `x` of an `a` that had ended before.
    """

    async def quick(*_: object) -> dict[str, Any]:
        return {"x": 1, "y": 2}

    async def slow(*_: object) -> dict[str, Any]:
        for _turn in range(3):
            await asyncio.sleep(0)
        return {"n": {"x": 1, "y": 2}}

    graph = build_schema(SDL)
    assert graph.query_type
    graph.query_type.fields["a"].resolve = quick
    graph.query_type.fields["b"].resolve = slow
    more = " ".join(f"a{number}: a {{ x }}" for number in range(10))
    document = Documents(graph, "scalar Nothing", engine=engine).get(
        "{ a { x } b { n { y } } " + more + " }"
    )
    for _ in range(50):
        result = await run(document, document.operation(), None, None)
        assert result.data is not None
        assert result.data["b"] == {"n": {"y": 2}}
