"""The command line: what it prints, and how it refuses."""

import io
import json
import logging
import sqlite3
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from app.cli import main
from core.domain.grants import Scope
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
def test_people_of_a_home(run: Run) -> None:
    """Invited, joined, listed and removed; the code works once."""
    for name in ("alice", "bob", "eve"):
        run("user", "create", name)
    home = json.loads(run("home", "create", "--owner", "alice", "--json")[1])["home_id"]
    words = ("home", "invite", "--home", home, "--role", "guest", "--by", "alice", "--json")
    code = json.loads(run(*words)[1])["code"]
    joined = json.loads(run("home", "join", code, "--user", "bob", "--json")[1])
    assert joined == {"home_id": home, "role": "GUEST"}
    assert "There is no such invite, or it is over" in run("home", "join", code, "--user", "eve")[2]
    assert run("home", "members", "--home", home)[1] == "alice: OWNER\nbob: GUEST\n"
    assert run("home", "remove-member", "--home", home, "--user", "bob")[0] == 0
    assert run("home", "members", "--home", home)[1] == "alice: OWNER\n"


@pytest.mark.usefixtures("stored")
def test_the_audit(run: Run) -> None:
    """What commands decide is there, holds, and can be erased by person."""
    run("user", "create", "alice")
    client = json.loads(run("client", "create", "App", "--json")[1])["client_id"]
    run("home", "create", "--owner", "alice", "--devices", "2")
    run("token", "create", "--client", client, "--user", "alice")
    lines = list(map(json.loads, run("audit", "list", "--who", "operator")[1].splitlines()))
    kinds = ["token.issue", "grant.give", "home.create", "client.create", "user.create"]
    kinds += ["password.set", "secret.rotate"]
    assert sorted(line["kind"] for line in lines) == sorted(kinds)
    user = next(line["user_id"] for line in lines if line["kind"] == "user.create")
    assert json.loads(run("audit", "erase", "--user", user, "--json")[1]) == {"erased": 5}
    code, said, _ = run("audit", "verify", "--json")
    verdict = json.loads(said)
    assert (code, verdict["holds"], verdict["erased"]) == (0, True, 5)
    assert run("audit", "verify", "--anchor", verdict["anchor"])[0] == 0
    code, said, _ = run("audit", "verify", "--anchor", f"1:{'0' * 64}")
    assert (code, "broken: Seal 1 had the hash" in said) == (1, True)


@pytest.mark.usefixtures("stored")
def test_a_client_is_made_for_oauth(run: Run) -> None:
    """A confidential one is told its secret, once; a public one has none."""
    uris = ("--redirect-uri", "https://a.example/cb", "--redirect-uri", "a.example:/cb")
    made = json.loads(run("client", "create", "App", *uris, "--json")[1])
    assert made["redirect_uris"] == ["https://a.example/cb", "a.example:/cb"]
    assert made["scopes"] == sorted(Scope)
    rotated = json.loads(run("client", "rotate-secret", made["client_id"], "--json")[1])
    assert len({made["client_secret"], rotated["client_secret"]}) == 2
    words = ("client", "create", "App", "--public", "--scope", "devices:read", "--json")
    public = json.loads(run(*words)[1])
    assert (public["client_secret"], public["scopes"]) == (None, ["devices:read"])
    code, _, errors = run("client", "rotate-secret", public["client_id"])
    assert (code, "has no secret" in errors) == (1, True)


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
        (("user", "operator", "bob"), "no user named 'bob'"),
        (("client", "rotate-secret", "client_x"), "no client client_x"),
        (("client", "create", "x", "--redirect-uri", "http://a.example"), "be a redirect URI"),
        (("home", "create", "--owner", "bob"), "no user named 'bob'"),
        (("home", "invite", "--home", "home_x"), "no home home_x"),
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


@pytest.fixture
def client(run: Run, stored: None) -> str:
    """The id of a client in the database."""
    del stored
    found: str = json.loads(run("client", "create", "App", "--json")[1])["client_id"]
    return found


def test_documents_of_a_client(run: Run, client: str) -> None:
    """Registered by the bytes of the file, listed, removed, and registered again."""
    Path("homes.graphql").write_bytes(b"{ homes { totalCount } }\r\n")
    named = "sha256:" + sha256(b"{ homes { totalCount } }\r\n").hexdigest()
    words = ("document", "register", "homes.graphql", "--client", client)
    said = [json.loads(run(*words, "--json")[1]) for _ in range(2)]
    assert said == [{"id": named, "client_id": client}] * 2
    assert run("document", "list", "--client", client)[1].startswith(named)
    listed = json.loads(run("document", "list", "--client", client, "--json")[1])
    assert [one["text"] for one in listed["documents"]] == ["{ homes { totalCount } }\r\n"]
    assert run("document", "remove", named, "--client", client)[0] == 0
    assert run("document", "list", "--client", client) == (0, "", "")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"{\n  nothing\n}", "query.graphql:2:3: Cannot query field 'nothing' on type 'Query'."),
        (b"{", "query.graphql:1:2: Syntax Error"),
        (b"\xff", "query.graphql is not in UTF-8: byte 0"),
        (None, "query.graphql cannot be read: No such file"),
    ],
)
def test_a_document_that_is_not_registered(
    run: Run, client: str, data: bytes | None, said: str
) -> None:
    """The sentence says where in the file."""
    if data is not None:
        Path("query.graphql").write_bytes(data)
    code, _, errors = run("document", "register", "query.graphql", "--client", client)
    assert (code, said in errors, "Traceback" in errors) == (1, True, False)


def test_documents_of_nobody(run: Run, client: str) -> None:
    """Neither an unknown client nor an unknown document."""
    Path("a.graphql").write_text("{ __typename }")
    for words in (("register", "a.graphql"), ("list",)):
        assert "no client x" in run("document", *words, "--client", "x")[2]
    assert "no registered document" in run("document", "remove", "x", "--client", client)[2]


def test_a_client_is_restricted_and_freed(run: Run, stored: None, sqlite_url: str) -> None:
    """At its making or later; the same twice is no error."""
    del stored
    made = run("client", "create", "App", "--registered-only", "--json")
    client = json.loads(made[1])["client_id"]
    seen = [_restricted(sqlite_url)]
    for verb in ("unrestrict", "restrict", "restrict"):
        assert run("client", verb, client) == (0, "", "")
        seen.append(_restricted(sqlite_url))
    assert seen == [True, False, True, True]
    assert "no client x" in run("client", "restrict", "x")[2]


def _restricted(url: str) -> bool:
    with sqlite3.connect(url.partition("///")[2]) as connection:
        ((found,),) = connection.execute("SELECT registered_only FROM clients").fetchall()
    return bool(found)


@pytest.mark.usefixtures("stored")
def test_passwords_are_made_or_taken_from_the_input(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that was made is printed once; one from the input is not, and has to be good enough."""
    made = json.loads(run("user", "create", "alice", "--json")[1])["password"]
    other = json.loads(run("user", "password", "alice", "--json")[1])["password"]
    assert len({made, other}) == 2
    monkeypatch.setattr(sys, "stdin", io.StringIO("maple street in the rain\n"))
    code, said, _ = run("user", "create", "bob", "--password-stdin", "--json")
    assert (code, "password" in json.loads(said)) == (0, False)
    monkeypatch.setattr(sys, "stdin", io.StringIO("short\n"))
    code, _, errors = run("user", "create", "eve", "--password-stdin")
    assert (code, "15 to 256" in errors) == (1, True)
    assert "no user named 'eve'" in run("user", "disable", "eve")[2]
