"""Nothing secret is logged or stored, over whole flows; Authlib logs tokens if it may."""

import asyncio
import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from core import observe
from core.domain.grants import Scope, Share
from core.store import tables
from tests.app.oauth.devices import plugged_in
from tests.app.oauth.registrar import Program
from tests.app.oauth.site import BACK, VERIFIER, App, Site, told
from tests.app.visitor import Visitor

NAME, PASSWORD, GUESS = "Ada", "maple street in the rain", "the harbour in the morning"
VERIFIERS = (VERIFIER, "w" * 43)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that is logged at the finest level."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = list(root.handlers), root.level
    observe.configure(pretty=False, level=logging.DEBUG, stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


async def by_hand(site: Site) -> set[str]:
    """Sign in, consent and sign out as a person does; the secrets that went over the wire."""
    await site.estate.house.services.sessions.set_password(site.estate.user.id, PASSWORD)
    visitor, seen = Visitor(site.http, site.base_url), {PASSWORD, GUESS}
    _, pushed = await site.post("par", site.request())
    uri = str(pushed["request_uri"])
    named = {"client_id": site.app.client.id, "request_uri": uri}
    _, path, _ = await site.authorize(named)
    await visitor.sign_in(NAME, GUESS, path)
    seen |= set(visitor.cookies.values())
    assert (await visitor.sign_in(NAME, PASSWORD, path)).status == 303
    seen |= set(visitor.cookies.values())
    page = await visitor.get(path)
    seen |= {value for name, value in page.forms[path] if name == "form_token"}
    fields = [*page.forms[path], ("home", site.estate.home.id), ("answer", "allow")]
    code = told((await visitor.post(path, fields)).location or "")["code"]
    await site.redeem(code)
    await visitor.fill(await visitor.get("/account"), "/logout")
    assert len(seen) == 5
    return {*seen, code, uri.rpartition(":")[2], path.rpartition("=")[2]}


async def by_program(site: Site) -> set[str]:
    """Every flow of an app, refusals included; the secrets that the site has not seen."""
    tokens = await site.tokens()
    await site.refresh(tokens["refresh_token"])
    code, _ = await site.code()
    await site.redeem(code, code_verifier=VERIFIERS[1])
    await site.redeem(code)
    allowed, waiting = await plugged_in(site), await plugged_in(site)
    await allowed.allow()
    await waiting.typed()
    await asyncio.gather(allowed.poll(), waiting.poll())
    program = Program(site)
    registered = await program.registered()
    await program.register("lki_" + registered.body["client_secret"])
    await program.change(registered, client_name=None)
    await site.post("token", {"grant_type": "client_credentials"})
    wrong = App(site.app.client, "a secret that is wrong")
    for path in ("token", "par", "introspect", "revoke"):
        form = {"grant_type": "refresh_token", "token": tokens["refresh_token"]}
        await site.post(path, form, wrong)
        await site.post(path, {**form, "client_secret": "a posted secret", "redirect_uri": BACK})
        await site.post(path, form)
    await site.ask(tokens["access_token"])
    keys, shares = site.estate.house.services.personal_keys, [Share(site.estate.home.id)]
    key, _ = await keys.make(site.estate.user.id, "terminal", [Scope.DEVICES_READ], shares, 7)
    assert [await site.ask(key), await site.ask(key + "x")] == [200, 401]
    return {key, "a secret that is wrong", "a posted secret", *VERIFIERS}


async def stored(site: Site) -> bytes:
    """Every row of every table; of SQLite the files too, where what was deleted still stands."""
    database = site.estate.house.database
    every = [await database.rows(select(table)) for table in tables.metadata.sorted_tables]
    url = site.estate.house.settings.database_url
    path = Path(url.removeprefix("sqlite+aiosqlite:///"))
    files = sorted(path.parent.glob(f"{path.name}*")) if database.sqlite else []
    return repr(every).encode() + b"".join(file.read_bytes() for file in files)


async def test_nothing_secret_is_logged_or_stored(logged: io.StringIO, site: Site) -> None:
    """RFC 6749 §10.3, §10.4, RFC 7592 §5: in no line and no row.

    Passwords, cookies, form tokens, secrets, codes, verifiers, tokens, names of requests.
    """
    secrets = {*await by_hand(site), *await by_program(site), *site.seen}
    secrets |= {token.rpartition(".")[2] for token in site.seen}
    await site.estate.house.services.audit.close()
    rows, lines = await stored(site), logged.getvalue()
    assert len(secrets) >= 25
    assert b"token.issue" in rows, "the audit is among them"
    assert site.app.client.id.encode() in rows
    assert "aiosqlite" in lines or "asyncio" in lines
    assert [one for one in secrets if one in lines] == []
    assert [one for one in secrets if one.encode() in rows] == []
