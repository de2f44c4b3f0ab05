"""The command line: what it prints, and how it refuses."""

import json
from pathlib import Path

import pytest

from tests.system.conftest import ROOT, SECRET, Starter


def _env(folder: Path) -> dict[str, str]:
    return {
        "LATCHKEY_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/latchkey.db",
        "LATCHKEY_SECRET_KEYS": SECRET,
    }


def test_it_prints_the_schema(starter: Starter) -> None:
    """What schema.graphql holds, byte for byte."""
    assert starter.run("schema") == (ROOT / "schema.graphql").read_text()


def test_accounts_homes_and_tokens(starter: Starter) -> None:
    """From an empty folder to a token; the same wish reuses the grant."""
    env = _env(starter.folder)
    starter.run("migrate", env=env)
    starter.run("user", "create", "alice", env=env)
    client = json.loads(starter.run("client", "create", "App", "--json", env=env))["client_id"]
    starter.run("home", "create", "--owner", "alice", "--devices", "2", env=env)
    words = ("token", "create", "--client", client, "--user", "alice", "--json")
    first = json.loads(starter.run(*words, env=env))
    again = json.loads(starter.run(*words, env=env))
    narrow = json.loads(starter.run(*words, "--scope", "devices:read", env=env))
    assert first["grant_id"] == again["grant_id"] != narrow["grant_id"]
    assert first["access_token"].count(".") == 2
    assert "key_id: key_" in starter.run("keys", "rotate", env=env)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("user", "create", "alice"), "already a user named 'alice'"),
        (("user", "disable", "bob"), "no user named 'bob'"),
        (("client", "disable", "client_x"), "no client client_x"),
        (("home", "create", "--owner", "bob"), "no user named 'bob'"),
        (("token", "create", "--client", "x", "--user", "alice"), "no client x"),
    ],
)
def test_a_refusal_is_one_sentence(starter: Starter, words: tuple[str, ...], said: str) -> None:
    """What was wrong, and no traceback."""
    env = _env(starter.folder)
    starter.run("migrate", env=env)
    starter.run("user", "create", "alice", env=env)
    refused = starter.refused(*words, env=env)
    assert said in refused
    assert "Traceback" not in refused


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({}, "LATCHKEY_SECRET_KEYS"),
        ({"LATCHKEY_SECRET_KEYS": "abc"}, "openssl rand -base64 32"),
        ({"LATCHKEY_SECRET_KEYS": SECRET, "LATCHKEY_PUBLIC_URL": "http://a.example"}, "https://"),
        (
            {"LATCHKEY_SECRET_KEYS": SECRET, "LATCHKEY_DATABASE_URL": "mysql://x"},
            "sqlite+aiosqlite",
        ),
        ({"LATCHKEY_SECRET_KEYS": SECRET}, "latchkey migrate"),
        ({"LATCHKEY_SECRET_KEY": SECRET}, "did you mean LATCHKEY_SECRET_KEYS?"),
        ({"LATCHKEY_BODY_BYTES": "abc"}, "LATCHKEY_BODY_BYTES: Input should be a valid integer"),
    ],
    ids=["no keys", "bad keys", "clear text", "database", "not migrated", "misspelt", "no number"],
)
def test_serve_refuses_what_is_unsafe(starter: Starter, env: dict[str, str], said: str) -> None:
    """One sentence that says what to set."""
    refused = starter.refused("serve", "--port", "0", env=env)
    assert said in refused
    assert "Traceback" not in refused
    assert env.get("LATCHKEY_SECRET_KEYS", "\0") not in refused
