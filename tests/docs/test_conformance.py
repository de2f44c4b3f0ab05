"""docs/conformance.md: each row names tests that name its section, and no section is left out."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs/conformance.md").read_text(encoding="utf-8")
PART = re.compile(r"^## RFC (\d+): [^\n]+\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)
ROW = re.compile(r"^\| ([\d.]+) \| (.+?) \| (.+) \|$", re.MULTILINE)
NAMED = re.compile(r"`([\w/]+)::(\w+)`")
CITED = re.compile(r"RFC (\d+) (§[\d.]*\d(?:, §[\d.]*\d)*)")
NEEDED = {
    *("6749", "6750", "7009", "7523", "7591", "7592", "7636", "7662", "8414", "8628"),
    *("8707", "9068", "9126", "9207", "9449", "9700", "9728"),
}
"""RFCs that the server follows: each has a part of its own."""

ROWS = [(rfc, *row) for rfc, text in PART.findall(PAGE) for row in ROW.findall(text)]
every_row = pytest.mark.parametrize(
    ("rfc", "section", "proof"),
    [(rfc, section, proof) for rfc, section, _, proof in ROWS],
    ids=[f"{rfc}-{section}" for rfc, section, _, _ in ROWS],
)


@cache
def sources(module: str) -> dict[str, str]:
    """The source of each test of a module, with its rows."""
    path = TESTS / (f"{module}.py" if "/" in module else f"app/oauth/{module}.py")
    text = path.read_text(encoding="utf-8")
    return {
        node.name: "\n".join(ast.unparse(one) for one in (*node.decorator_list, node))
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def cited(source: str) -> list[tuple[str, str]]:
    """The sections that a test names: the RFC, and each of those that follow it."""
    return [
        (rfc, section.removeprefix("§"))
        for rfc, sections in CITED.findall(source)
        for section in sections.split(", ")
    ]


def within(at: str, section: str) -> bool:
    """Whether a section is this one, or one below it."""
    return at == section or at.startswith(f"{section}.")


def test_every_rfc_has_its_part() -> None:
    """With a heading, and rows below it."""
    assert {rfc for rfc, *_ in ROWS} == NEEDED


@every_row
def test_a_row_is_proved(rfc: str, section: str, proof: str) -> None:
    """By tests that name the section; a row without one says why there is none."""
    found = NAMED.findall(proof)
    assert bool(found) is not proof.startswith("Not "), proof
    for module, name in found:
        told = cited(sources(module)[name])
        assert any(one == rfc and within(at, section) for one, at in told), (module, name)


def test_what_is_proved_has_a_row() -> None:
    """Whatever section of these RFCs a test of the server names is one of the rows, or below it."""
    told = {rfc: [section for one, section, _, _ in ROWS if one == rfc] for rfc, *_ in ROWS}
    missing = {
        (name, rfc, at)
        for path in (TESTS / "app/oauth").glob("test_*.py")
        for name, source in sources(path.stem).items()
        for rfc, at in cited(source)
        if rfc in told and not any(within(at, section) for section in told[rfc])
    }
    assert missing == set()
