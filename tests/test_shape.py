"""The shape of the house: what must hold of every file, whatever it says."""

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
FOLDERS = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]

LINES = 300
NAMELESS = {"common", "helper", "helpers", "misc", "util", "utils"}
LATER = re.compile(r"\b(?:TO[D]O|FIX[M]E)\b")
ADDRESS = re.compile(r"https?://")
SHELL_BLOCK = re.compile(r"^```(?:sh|bash|shell|console)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _modules(*folders: str) -> list[str]:
    paths = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(path.relative_to(ROOT).as_posix() for path in paths)


def _locks() -> list[str]:
    """Every file that pins what is installed; hidden folders are not ours."""
    patterns = [
        f"{at}{name}"
        for at in ("", "[!.]*/**/")
        for name in ("*.lock", "*-lock.*", "requirements*")
    ]
    paths = {path.relative_to(ROOT) for pattern in patterns for path in ROOT.glob(pattern)}
    return sorted(path.as_posix() for path in paths if "node_modules" not in path.parts)


def _first_commands() -> list[str]:
    """The commands of the README's first shell block, without prompts and comments."""
    block = SHELL_BLOCK.search(_text("README.md"))
    assert block, "README.md has no shell block"
    lines = (line.split("#")[0].removeprefix("$ ").strip() for line in block[1].splitlines())
    return [line for line in lines if line]


EVERY = _modules(*FOLDERS, "bench", "tests")
OURS = [name for name in EVERY if not name.startswith(("bench/", "migrations/", "tests/"))]


def test_a_module_fits_in_the_head() -> None:
    """No module of ours is longer than the house allows."""
    lengths = {name: len(_text(name).splitlines()) for name in OURS}
    assert {name: lines for name, lines in lengths.items() if lines > LINES} == {}


def test_a_module_says_what_it_is() -> None:
    """Every module begins with a docstring."""
    assert [name for name in EVERY if not ast.get_docstring(ast.parse(_text(name)))] == []


def test_a_module_has_a_name_of_its_own() -> None:
    """No file or folder is named for holding what has no place."""
    assert [name for name in EVERY if NAMELESS & set(Path(name).with_suffix("").parts)] == []


def test_nothing_is_left_for_later() -> None:
    """Work that waits is an issue, not a comment."""
    assert [name for name in EVERY if LATER.search(_text(name))] == []


def test_every_package_stands_under_the_contracts() -> None:
    """A package that exists is one whose imports are checked."""
    contracted = PROJECT["tool"]["importlinter"]["root_packages"]
    assert sorted(contracted) == sorted(folder for folder in FOLDERS if _modules(folder))


def test_lock_files_name_no_address() -> None:
    """What is installed is pinned by its hash, wherever it comes from."""
    locks = _locks()
    folders = ("bench/peers", "docs/examples/receivers/node", "tests/clients")
    on_node = {f"{folder}/package-lock.json" for folder in folders}
    assert {"requirements.lock", *on_node} <= {*locks}
    assert [name for name in locks if ADDRESS.search(_text(name))] == []


def test_the_readme_starts_with_two_commands() -> None:
    """A newcomer needs to know how to run it and how to test it, and no more."""
    assert _first_commands() == ["make demo", "make test"]


def test_ci_runs_what_the_readme_says() -> None:
    """CI brings what is missing, then ends by running the README's test command."""
    assert _text(".ci/run").rstrip().splitlines()[-1] == f"exec {_first_commands()[-1]}"
