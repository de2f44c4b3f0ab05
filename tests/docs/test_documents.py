"""The documents are as true as the code: links, paths, names, tables, diagrams, GraphQL."""

import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from inspect import isclass, isfunction
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from graphql import build_schema, parse, print_ast, validate
from typer.core import TyperGroup

from app import guide
from app.cli import cli
from core.domain.commands import MOVES, OPEN
from core.services.attempts import RULES
from core.settings import Settings
from engine.errors import Code
from schema.errors import CODES, INTERNAL

ROOT = Path(__file__).parents[2]
README, CHANGELOG = ROOT / "README.md", ROOT / "CHANGELOG.md"
GLOSSARY, PATH = ROOT / "docs/glossary.md", ROOT / "docs/path.md"
OPERATE = ROOT / "docs/operate.md"
SCHEMA = ROOT / "schema.graphql"
DOCUMENTS = [README, CHANGELOG, *sorted((ROOT / "docs").glob("*.md"))]

WRITTEN = {".latchkey/", ".venv/", "build/screenshots/"}
"""Folders that running it makes."""

UNITS = {"s": 1, "min": 60, "h": 3_600, "days": 86_400}
"""How times are written, in seconds."""

CODE_BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
PATH_SPAN = re.compile(r"`(?!/)([\w./-]+(?:/|\.(?:graphql|lock|md|py|toml)))`")
NAME_SPAN = re.compile(r"`([\w/]+)\.py: ([^`]+)`")
SPAN = re.compile(r"`([^`]+)`")
ROW = re.compile(r"^\| (.+) \|$", re.MULTILINE)
ARROW = re.compile(r"^ +(\S+) --> (\S+?)(?:: (.+))?$", re.MULTILINE)
PASTED = re.compile(r'"?query"?(?:: | = )"([^"]+)"')

every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)


def _prose(path: Path) -> str:
    """A document without its blocks of code."""
    return CODE_BLOCK.sub("", path.read_text(encoding="utf-8"))


def _headings(path: Path, level: int | None = None) -> list[str]:
    found = HEADING.findall(_prose(path))
    return [text for marks, text in found if level in {None, len(marks)}]


def _anchors(path: Path) -> set[str]:
    """The anchors that a reader's browser finds, made as GitHub makes them."""
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _headings(path))
    return {heading.replace(" ", "-") for heading in kept}


def _resolves(path: Path, link: str) -> bool:
    name, _, anchor = link.partition("#")
    target = (path.parent / name).resolve() if name else path
    return target.exists() and (not anchor or anchor in _anchors(target))


def _rows(path: Path, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, without its head."""
    section = re.split(r"^#+ ", _prose(path).split(f"# {heading}\n")[1], flags=re.MULTILINE)[0]
    rows = [[cell.strip() for cell in row.split(" | ")] for row in ROW.findall(section)]
    return rows[1:]


def _dotted(module: str) -> str:
    return module.replace("/", ".").removesuffix(".__init__")


def _named(module: str, name: str) -> Any:
    found: Any = import_module(_dotted(module))
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _names(text: str) -> Iterator[tuple[str, str]]:
    for module, names in NAME_SPAN.findall(text):
        yield from ((module, name) for name in names.split(", "))


def _exists(module: str, name: str) -> bool:
    """Whether the name is there, and made there rather than imported."""
    try:
        found = _named(module, name)
    except (AttributeError, ImportError):
        return False
    return not (isclass(found) or isfunction(found)) or found.__module__ == _dotted(module)


def _spelled(limit: int | timedelta) -> list[str]:
    """The ways to write a limit: a number, or a time in any unit that fits."""
    if not isinstance(limit, timedelta):
        return [str(limit)]
    seconds = limit.total_seconds()
    return [f"{seconds / unit:g} {name}" for name, unit in UNITS.items()]


def _commands(group: TyperGroup, prefix: str = "latchkey") -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}"


def _pasted() -> list[str]:
    """The GraphQL that the README gives to paste, as graphql-core prints it."""
    found = PASTED.findall(README.read_text(encoding="utf-8"))
    return [print_ast(parse(text)) for text in found]


@every_document
def test_a_link_leads_somewhere(path: Path) -> None:
    """Links between documents find their file, and in it their heading."""
    links = [link for link in LINK.findall(_prose(path)) if "://" not in link]
    assert [link for link in links if not _resolves(path, link)] == []


@every_document
def test_a_file_that_is_named_is_there(path: Path) -> None:
    """A path in a document is a path of the repository."""
    text = _prose(path)
    named = {*PATH_SPAN.findall(text), *(f"{module}.py" for module, _ in _names(text))}
    assert sorted(name for name in named - WRITTEN if not (ROOT / name).exists()) == []


@every_document
def test_a_name_of_code_is_there(path: Path) -> None:
    """A function, class or constant that a document names is where it says."""
    named = sorted(set(_names(_prose(path))))
    assert [f"{module}.py: {name}" for module, name in named if not _exists(module, name)] == []


def test_the_settings_table_is_the_settings() -> None:
    """Every setting is in the README with its default, and nothing else is."""
    told = {
        SPAN.findall(name)[0]: default.split(":")[0] if "`" not in default else default.strip("`")
        for name, _, default, _ in _rows(README, "Settings")
    }
    settled = {
        f"LATCHKEY_{name.upper()}": str(field.default) if field.default not in {"", ()} else "none"
        for name, field in Settings.model_fields.items()
    }
    assert told == settled


def test_the_command_table_is_the_command_line() -> None:
    """Every command is in the README, and nothing else is."""
    group = typer.main.get_command(cli)
    assert isinstance(group, TyperGroup)
    told = [SPAN.findall(name)[0] for name, _ in _rows(README, "Commands")]
    assert sorted(told) == sorted(_commands(group))


def test_the_error_table_is_the_codes() -> None:
    """Every code that can be met today is in the README, and nothing else is."""
    told = [SPAN.findall(code)[0] for code, _, _ in _rows(README, "Errors")]
    later = {"RATE_LIMITED"}
    assert sorted(told) == sorted({*CODES.values(), *get_args(Code), INTERNAL} - later)


def test_the_limit_table_is_the_constants() -> None:
    """A limit in the README is the constant that sets it."""
    for limit, value, where in _rows(README, "Limits"):
        for module, name in _names(where):
            constant = _named(module, name)
            if constant is RULES:
                continue  # has a table of its own
            for number in constant if isinstance(constant, tuple) else (constant,):
                assert any(re.search(rf"\b{one}\b", value) for one in _spelled(number)), limit


def test_the_table_of_guesses_is_the_rules() -> None:
    """What may be tried how often is as the throttle has it, by its kind."""
    found = OPERATE.read_text(encoding="utf-8").split("| at once | then one in |")[1]
    told = {
        kind: (int(burst), seconds)
        for kind, burst, seconds in re.findall(
            r"^\| [^|]+ \| `(\w+)` \| (\d+) \| ([\d.]+ \w+) \|$", found, re.MULTILINE
        )
    }
    assert told.keys() == RULES.keys()
    for kind, (burst, rest) in told.items():
        assert burst == RULES[kind].burst, kind
        assert rest in _spelled(timedelta(seconds=RULES[kind].seconds)), kind


def test_the_diagram_is_the_table_of_moves() -> None:
    """The life of commands is drawn as `core.domain.commands` has it."""
    arrows = set(ARROW.findall(PATH.read_text(encoding="utf-8")))
    moves = {
        (status.value, after.value, move.value)
        for status, found in MOVES.items()
        for move, after in found.items()
    }
    ends = {(status.value, "[*]", "") for status in MOVES.keys() - OPEN}
    assert arrows == {*moves, *ends, ("[*]", "ACCEPTED", "")}


def test_a_word_has_one_meaning() -> None:
    """Each word of the glossary is explained once."""
    words = _headings(GLOSSARY, level=3)
    assert [word for word, times in Counter(words).items() if times > 1] == []


def test_what_is_pasted_is_what_the_demo_prints() -> None:
    """README and demo give the same three documents."""
    printed = [guide.QUERY, guide.MUTATION, guide.SUBSCRIPTION]
    assert _pasted() == [print_ast(parse(text)) for text in printed]


def test_what_is_pasted_fits_the_graph() -> None:
    """The published graph takes the README's documents."""
    graph = build_schema(SCHEMA.read_text(encoding="utf-8"))
    assert [error.message for text in _pasted() for error in validate(graph, parse(text))] == []


def test_the_newest_change_is_this_version() -> None:
    """The changelog begins with the version of the project."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert _headings(CHANGELOG, level=2)[0].split()[0] == project["version"]
