"""The command line: what it prints, and how it refuses."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.cli import main
from tests.processes import ROOT, SECRET, Starter

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Run]:
    """Run a command in this process: its exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    handlers, level = logging.root.handlers[:], logging.root.level

    def command(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["latchkey", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        code = ended.value.code
        if isinstance(code, str):  # what the interpreter does with a sentence
            return 1, said.out, said.err + code
        return code or 0, said.out, said.err

    yield command
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch, sqlite_url: str) -> None:
    """Settings of a migrated, empty database."""
    monkeypatch.setenv("LATCHKEY_DATABASE_URL", sqlite_url)
    monkeypatch.setenv("LATCHKEY_SECRET_KEYS", SECRET)


def test_it_prints_the_schema(starter: Starter) -> None:
    """What schema.graphql holds, byte for byte, by the real program."""
    assert starter.run("schema") == (ROOT / "schema.graphql").read_text()


@pytest.mark.usefixtures("stored")
def test_accounts_homes_and_tokens(run: Run) -> None:
    """From an empty database to a token; the same wish reuses the grant."""
    assert run("user", "create", "alice")[0] == 0
    client = json.loads(run("client", "create", "App", "--json")[1])["client_id"]
    run("home", "create", "--owner", "alice", "--devices", "2")
    words = ("token", "create", "--client", client, "--user", "alice", "--json")
    first, again = (json.loads(run(*words)[1]) for _ in range(2))
    narrow = json.loads(run(*words, "--scope", "devices:read")[1])
    assert first["grant_id"] == again["grant_id"] != narrow["grant_id"]
    assert first["access_token"].count(".") == 2
    assert "key_id: key_" in run("keys", "rotate")[1]


@pytest.mark.usefixtures("stored")
def test_the_audit(run: Run) -> None:
    """What commands decide is there, holds, and can be erased by person."""
    run("user", "create", "alice")
    client = json.loads(run("client", "create", "App", "--json")[1])["client_id"]
    run("home", "create", "--owner", "alice", "--devices", "2")
    run("token", "create", "--client", client, "--user", "alice")
    lines = list(map(json.loads, run("audit", "list", "--who", "operator")[1].splitlines()))
    kinds = ["token.issue", "grant.give", "home.create", "client.create", "user.create"]
    assert sorted(line["kind"] for line in lines) == sorted(kinds)
    user = next(line["user_id"] for line in lines if line["kind"] == "user.create")
    assert json.loads(run("audit", "erase", "--user", user, "--json")[1]) == {"erased": 4}
    code, said, _ = run("audit", "verify", "--json")
    verdict = json.loads(said)
    assert (code, verdict["holds"], verdict["erased"]) == (0, True, 4)
    assert run("audit", "verify", "--anchor", verdict["anchor"])[0] == 0
    code, said, _ = run("audit", "verify", "--anchor", f"1:{'0' * 64}")
    assert (code, "broken: Seal 1 had the hash" in said) == (1, True)


def test_migrating(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """`migrate` makes what the others need, and needs no keys."""
    monkeypatch.setenv("LATCHKEY_DATABASE_URL", "sqlite+aiosqlite:///new.db")
    assert run("migrate")[0] == 0
    monkeypatch.setenv("LATCHKEY_SECRET_KEYS", SECRET)
    assert run("user", "create", "alice")[0] == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("user", "create", "alice"), "already a user named 'alice'"),
        (("user", "disable", "bob"), "no user named 'bob'"),
        (("client", "disable", "client_x"), "no client client_x"),
        (("home", "create", "--owner", "bob"), "no user named 'bob'"),
        (("audit", "erase", "--user", "bob"), "'bob' is no id of a user"),
        (("audit", "verify", "--anchor", "x"), "--anchor is NUMBER:HASH"),
        (("token", "create", "--client", "x", "--user", "alice"), "no client x"),
    ],
)
@pytest.mark.usefixtures("stored")
def test_a_refusal_is_one_sentence(run: Run, words: tuple[str, ...], said: str) -> None:
    """What was wrong, and no traceback."""
    run("user", "create", "alice")
    code, _, errors = run(*words)
    assert code == 1
    assert said in errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, "LATCHKEY_SECRET_KEYS"),
        ({"SECRET_KEYS": "abc"}, "openssl rand -base64 32"),
        ({"SECRET_KEYS": SECRET, "PUBLIC_URL": "http://a.example"}, "https://"),
        ({"SECRET_KEYS": SECRET, "DATABASE_URL": "mysql://x"}, "sqlite+aiosqlite"),
        ({"SECRET_KEYS": SECRET}, "latchkey migrate"),
        ({"SECRET_KEY": SECRET}, "did you mean LATCHKEY_SECRET_KEYS?"),
        ({"BODY_BYTES": "abc"}, "LATCHKEY_BODY_BYTES: Input should be a valid integer"),
    ],
    ids=["no keys", "bad keys", "clear", "database", "not migrated", "misspelt", "no number"],
)
def test_serve_refuses_what_is_unsafe(
    run: Run, monkeypatch: pytest.MonkeyPatch, env: dict[str, str], said: str
) -> None:
    """One sentence that says what to set, and never the value."""
    for name, value in env.items():
        monkeypatch.setenv(f"LATCHKEY_{name}", value)
    code, _, errors = run("serve", "--port", "0")
    assert code == 1
    assert said in errors
    assert "Traceback" not in errors
    assert SECRET not in errors
