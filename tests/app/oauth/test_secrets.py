"""Nothing secret is logged or stored, over a whole flow; Authlib logs tokens if it may."""

import asyncio
import io
import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from core import observe
from core.store import tables
from tests.app.oauth.devices import plugged_in
from tests.app.oauth.registrar import Program
from tests.app.oauth.site import Site


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """All that is logged at the finest level."""
    root, stream = logging.getLogger(), io.StringIO()
    handlers, level = list(root.handlers), root.level
    observe.configure(pretty=False, level=logging.DEBUG, stream=stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)


async def test_nothing_secret_is_logged_or_stored(logged: io.StringIO, site: Site) -> None:
    """Codes, secrets and tokens are in no line and in no row, refusals included."""
    tokens = await site.tokens()
    await site.refresh(tokens["refresh_token"])
    code, _ = await site.code()
    await site.redeem(code, code_verifier="w" * 43)
    await site.redeem(code)
    await site.post("revoke", {"token": tokens["access_token"]})
    allowed, waiting = await plugged_in(site), await plugged_in(site)
    await allowed.allow()
    await waiting.typed()
    await asyncio.gather(allowed.poll(), waiting.poll())
    program = Program(site)
    registered = await program.registered()
    await program.register("lki_" + registered.body["client_secret"])
    await program.change(registered, client_name=None)
    every = [
        await site.estate.house.database.rows(select(t)) for t in tables.metadata.sorted_tables
    ]
    stored = repr(every)
    assert len(site.seen) >= 6
    assert "aiosqlite" in logged.getvalue() or "asyncio" in logged.getvalue()
    for secret in site.seen:
        assert secret not in logged.getvalue()
        assert secret not in stored
