"""docs/engine.md: the function that it prints is the one that is made."""

import re
from pathlib import Path

from engine import Documents
from engine.compiler import plan, program
from engine.compiler.program import compile_program
from schema import build, sdl

PAGE = (Path(__file__).parents[2] / "docs/engine.md").read_text(encoding="utf-8")


def test_the_printed_function_is_the_generated_one() -> None:
    """The document on the page compiles to the function on the page."""
    text, shown = (re.findall(rf"^```{kind}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[0]
                   for kind in ("graphql", "python"))  # fmt: skip
    graph = build()._schema  # noqa: SLF001 - Strawberry offers no public way to it
    made = Documents(graph, sdl()).get(text).operation().plan
    sources: list[str] = []
    compile_program(made.stage, made.coerce({"id": "device_1"}), sources)
    assert len(sources) == 4
    assert shown in sources


def test_the_bounds_are_those_of_the_code() -> None:
    """Eight choices, so many fields, and so few objects."""
    assert f"at most {plan.FEW} objects" in PAGE
    assert plan.MOST_CHOICES == 8
    assert f"more than {program.MOST_FIELDS:,} fields" in PAGE
