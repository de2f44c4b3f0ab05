"""The command line's clients: invited, shown, verified; a logo and keys from files."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.app.oauth.registrar import KEY
from tests.core.domain.pictures import png
from tests.system.test_cli import Run, run, stored

__all__ = ["run", "stored"]  # fixtures of the command line

BACK = ("--redirect-uri", "https://app.example/cb")


def told(run: Run, *words: str) -> Any:
    """What a command says in JSON."""
    code, said, errors = run("client", *words, "--json")
    assert code == 0, errors
    return json.loads(said)


@pytest.mark.usefixtures("stored")
def test_a_partner_is_invited(run: Run, sqlite_url: str) -> None:
    """The token is shown once and kept as a digest; what it is good for is said."""
    made = told(run, "invite", "Lamps Ltd", "--uses", "3", "--days", "2")
    assert (made["initial_access_token"][:4], made["uses"]) == ("lki_", 3)
    with sqlite3.connect(sqlite_url.partition("///")[2]) as connection:
        ((digest, name, left),) = connection.execute(
            "SELECT digest, name, left FROM initial_tokens"
        ).fetchall()
    assert (name, left, len(digest)) == ("Lamps Ltd", 3, 64)
    for wrong in (("--uses", "0"), ("--uses", "1001"), ("--days", "0"), ("--days", "366")):
        assert run("client", "invite", "x", *wrong)[0] == 2
    assert run("client", "invite", "\u202ex")[0] == 1


@pytest.mark.usefixtures("stored")
def test_a_client_is_made_with_all_there_is(run: Run) -> None:
    """It is shown as it was made, its logo in words, its keys as they are, and no secret."""
    Path("logo.png").write_bytes(png(64, 64))
    Path("keys.json").write_text(json.dumps({"keys": [KEY]}))
    made = told(
        run,
        *("create", "App", *BACK, "--jwks", "keys.json", "--logo", "logo.png", "--dpop"),
        *("--homepage", "https://app.example", "--flow", "authorization_code"),
    )
    assert made["client_secret"] is None
    shown = told(run, "show", made["client_id"])
    assert "secret" not in shown
    assert (shown["auth"], shown["jwks"], shown["dpop"]) == (
        "private_key_jwt",
        {"keys": [{**KEY, "use": "sig", "alg": "ES256"}]},
        True,
    )
    assert shown["flows"] == ["authorization_code", "refresh_token"]
    assert (shown["logo"][:10], shown["homepage"]) == ("image/png,", "https://app.example")


@pytest.mark.usefixtures("stored")
def test_clients_are_listed_and_verified(run: Run) -> None:
    """In words, or as JSON; verifying shows what was verified, and can be taken back."""
    ids = [told(run, "create", name)["client_id"] for name in ("First", "Second")]
    assert told(run, "verify", ids[1])["verified"]
    lines = run("client", "list")[1].splitlines()
    assert lines == [f"{ids[0]}  First  (not verified)", f"{ids[1]}  Second  (verified)"]
    assert not told(run, "verify", ids[1], "--off")["verified"]
    assert [one["verified"] for one in told(run, "list")["clients"]] == [False, False]
    assert f"client_id: {ids[0]}" in run("client", "show", ids[0])[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("show", "x"), "There is no client x."),
        (("verify", "x"), "There is no client x."),
        (("create", "L\u0430tchkey"), "letters of one alphabet"),
        (("create", "x", "--homepage", "http://a.example"), "A homepage is an https:// URL"),
        (("create", "x", "--logo", "none.png"), "none.png cannot be read: No such file"),
        (("create", "x", "--logo", "."), ". cannot be read: Is a directory"),
        (("create", "x", "--logo", "large"), "large is larger than 32000 bytes."),
        (("create", "x", "--logo", "text"), "A logo is a PNG, JPEG or WebP"),
        (("create", "x", "--jwks", "text"), "give a JWK Set"),
        (("create", "x", "--jwks", "private"), "leave out its private members"),
        (("create", "x", "--jwks", "text", "--public"), "give one of them"),
        (("create", "x", "--flow", "authorization_code"), "Give a redirect URI"),
        (("create", "x", "--flow", "client_credentials", "--public"), "Only a client that can"),
        (("create", "x", "--flow", "refresh_token"), "Name a flow"),
    ],
)
@pytest.mark.usefixtures("stored")
def test_what_cannot_be_is_said(run: Run, words: tuple[str, ...], said: str) -> None:
    """One sentence, and no client."""
    Path("large").write_bytes(png(8, 8) + b"\0" * 32_000)
    Path("text").write_text("{}")
    Path("private").write_text(json.dumps({"keys": [{**KEY, "d": KEY["x"]}]}))
    code, _, errors = run("client", *words)
    assert (code, said in errors, "Traceback" in errors) == (1, True, False), errors
    assert run("client", "list")[1] == ""
