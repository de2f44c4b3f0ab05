"""Endpoints and their keys: what is kept, what two at a time do, and what is noted of it."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Unpack, cast

import pytest

from app.compose import House
from app.server import begin
from core.domain.accounts import Client, Viewer
from core.domain.audit import Actor, Detail, Kind, Outcome, Sought
from core.domain.breaker import THRESHOLD, Breaker, BreakerState, failed
from core.domain.definitions import Definition
from core.domain.endpoints import MOST, EndpointStatus, Signing, Turn, turned
from core.domain.errors import Conflict, Invalid, Missing
from core.domain.grants import Grant, Scope
from core.domain.mirrors import Mirror, Mirrored
from core.domain.sending import Held
from core.services import Endpoints
from core.services.endpoint_keys import MOST_FORMER, OVERLAP, EndpointKeys, Issued
from core.services.letters import Letters
from core.store.endpoints import Endpoints as Stored
from core.store.tables import endpoints as table
from core.tokens import Sealer
from tests.fakes import FakeClock

URL = "https://partner.example/hooks"
TEXT = "subscription { events { id type } }"


class Book:
    """Notes, as they are handed in."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.noted: list[tuple[Kind, Actor, Detail]] = []

    def note(
        self,
        kind: Kind,
        outcome: Outcome,
        *,
        actor: Actor,
        source: str | None = None,
        **detail: Unpack[Detail],
    ) -> None:
        """Keep it."""
        assert (outcome, source) == (Outcome.ALLOWED, None)
        self.noted.append((kind, actor, detail))


class Slow:
    """A mirror that lets something else happen before it answers."""

    def __init__(self, mirror: Mirror, meanwhile: Any) -> None:
        """The mirror behind it, and what happens."""
        self._mirror = mirror
        self._meanwhile = meanwhile

    async def document(self, text: str, variables: Mapping[str, Any]) -> Mirrored:
        """What the mirror says."""
        await self._meanwhile()
        return await self._mirror.document(text, variables)


@dataclass
class Bench:
    """The service on a real database, with a clock that stands still."""

    house: House
    client: Client
    clock: FakeClock
    book: Book
    changes: list[None]

    @property
    def stored(self) -> Stored:
        """What it keeps them in."""
        return Stored(self.house.database)

    @property
    def viewer(self) -> Viewer:
        """The client, for itself."""
        scopes = frozenset({Scope.WEBHOOKS_MANAGE})
        now = self.house.clock.now()
        own = Grant.own(self.client.id, scopes, now)
        return Viewer(self.client, None, own, scopes, now + timedelta(hours=1), "token_1")

    def service(self, mirror: Mirror | None = None, sealer: Sealer | None = None) -> Endpoints:
        """The service."""
        house = self.house
        letters = Letters(house.press, sealer or house.sealer, house.settings.public_url)
        return Endpoints(
            self.stored,
            EndpointKeys(letters),
            mirror or house.press,
            house.access,
            self.book,
            self.clock,
            house.ids,
            changed=lambda: self.changes.append(None),
        )

    async def create(self, **given: Any) -> Issued:
        """A new endpoint."""
        said = cast("Definition", {"url": URL, "document": TEXT, **given})
        return await self.service().create(self.viewer, said)

    async def found(self, endpoint_id: str) -> Held:
        """It as it is kept."""
        held = await self.stored.find(self.client.id, endpoint_id)
        assert held is not None
        return held


@pytest.fixture
async def bench(house: House) -> Bench:
    """A client, and the service."""
    begin(house)
    client = await house.services.accounts.create_client("Partner")
    return Bench(house, client, FakeClock(), Book(), [])


async def test_a_key_is_kept_sealed(bench: Bench) -> None:
    """Nobody reads it in the database; only this process's secret keys open it."""
    for signing in Signing:
        issued = await bench.create(signing=signing)
        held = await bench.found(issued.held.endpoint.id)
        assert held == issued.held
        assert issued.key.text not in repr(held)
        service = bench.service()
        assert service.public_key(held.endpoint.id, held.keys) == issued.public_key
        stranger = bench.service(sealer=Sealer((b"another one, of 32 bytes of text",)))
        with pytest.raises(Invalid, match="rotate its secret"):
            stranger.public_key(held.endpoint.id, held.keys)
        assert await stranger.published(held.endpoint.id) == []


async def test_a_key_that_cannot_be_opened_ends_with_the_next(bench: Bench) -> None:
    """The operator took away what sealed it: rotating helps, as the sentence says."""
    id = (await bench.create()).held.endpoint.id
    later = bench.service(sealer=Sealer((b"another one, of 32 bytes of text",)))
    held = (await later.rotate(bench.viewer, id)).held
    assert len(held.keys) == 1
    assert later.public_key(id, held.keys) is None


async def test_former_keys_sign_along_for_a_day(bench: Bench) -> None:
    """A few at a time, the newest first; those whose time is over are dropped as another comes."""
    service, first = bench.service(), await bench.create(signing=Signing.ED25519)
    id, keys = first.held.endpoint.id, [first.public_key]
    for _ in range(MOST_FORMER):
        await bench.clock.advance(60)
        keys.insert(0, (await service.rotate(bench.viewer, id)).public_key)
    told = await service.published(id)
    assert [one.key.text for one in told] == keys
    now = bench.clock.now()
    ends = [now + OVERLAP - timedelta(minutes=n) for n in range(MOST_FORMER)]
    assert [one.until for one in told] == [None, *ends]
    with pytest.raises(Conflict, match=f"{MOST_FORMER} former keys .* after 2026-01-02T00:01:00Z"):
        await service.rotate(bench.viewer, id)
    await bench.clock.advance(OVERLAP.total_seconds() - 120)
    assert [one.key.text for one in await service.published(id)] == keys[:-1]
    newest = await service.rotate(bench.viewer, id)
    assert len((await bench.found(id)).keys) == MOST_FORMER + 1
    assert next(one.key.text for one in await service.published(id)) == newest.public_key


async def test_two_rotations_at_a_time(bench: Bench) -> None:
    """Each shows the key that it made, and both are kept."""
    service, first = bench.service(), await bench.create(signing=Signing.ED25519)
    id = first.held.endpoint.id
    both = await asyncio.gather(*(service.rotate(bench.viewer, id) for _ in range(2)))
    keys = {one.key.text for one in await service.published(id)}
    assert keys == {first.public_key, *(one.public_key for one in both)}
    assert len(keys) == 3


async def test_a_client_has_so_many_at_most(bench: Bench) -> None:
    """Also of those that come together; one that is deleted makes room."""
    there = await bench.create()
    copies = [
        replace(
            there.held, endpoint=replace(there.held.endpoint, id=bench.house.ids.new("endpoint"))
        )
        for _ in range(MOST - 3)
    ]
    for one in copies:
        await bench.stored.add(one)
    results = await asyncio.gather(*(bench.create() for _ in range(4)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in results) == ["Conflict"] * 2 + ["Issued"] * 2
    with pytest.raises(Conflict, match=f"{MOST} are the most"):
        await bench.create()
    await bench.service().delete(bench.viewer, copies[0].endpoint.id)
    await bench.create()
    assert await bench.service().count(bench.client.id) == MOST


async def test_two_updates_at_a_time(bench: Bench) -> None:
    """What the graph did not check together is not kept together; all else is."""
    id = (await bench.create()).held.endpoint.id

    async def meanwhile() -> None:
        await bench.service().update(bench.viewer, id, {"variables": {"a": 1}, "rate_limit": 5})

    slow = bench.service(Slow(bench.house.press, meanwhile))
    with pytest.raises(Conflict, match="at the same time"):
        await slow.update(bench.viewer, id, {"document": TEXT + " "})
    await slow.update(bench.viewer, id, {"description": "Mine"})
    endpoint = (await bench.found(id)).endpoint
    assert (endpoint.document, endpoint.variables) == (TEXT, {"a": 1})
    assert (endpoint.rate_limit, endpoint.description) == (5, "Mine")


async def test_an_endpoint_that_is_down_is_resumed(bench: Bench) -> None:
    """Its breaker closes and it is due at once, each time: one device alone may wait."""
    id = (await bench.create()).held.endpoint.id
    await bench.clock.advance(5)
    now, down = bench.clock.now(), Breaker()
    for _ in range(THRESHOLD):
        down = failed(down, down.ticket, now)
    assert down.state is BreakerState.OPEN

    def fail(held: Held) -> Held:
        health = held.endpoint.health.failed(now, "It said 500.")
        return replace(held, endpoint=replace(held.endpoint, health=health), breaker=down)

    before = await bench.stored.change(bench.client.id, id, fail)
    assert before is not None
    await bench.clock.advance(1)
    after = await bench.service().resume(bench.viewer, id)
    assert (after.breaker.state, after.breaker.until) == (BreakerState.CLOSED, None)
    assert after.breaker.ticket > down.ticket
    assert (after.endpoint.health.failing, after.endpoint.active_since) == (
        False,
        before.endpoint.active_since,
    )
    assert after.version == before.version + 1
    async with bench.house.database.read() as connection:
        row = (await connection.execute(table.select().where(table.c.id == id))).one()
    assert row.next_at == bench.clock.now()
    again = await bench.service().resume(bench.viewer, id)
    assert (again.endpoint, again.version) == (after.endpoint, after.version + 1)


async def test_a_disabled_endpoint_cannot_be_paused(bench: Bench) -> None:
    """It is resumed first; then why it was disabled is forgotten."""
    id = (await bench.create()).held.endpoint.id
    now = bench.clock.now()

    def disable(held: Held) -> Held:
        return replace(held, endpoint=turned(held.endpoint, Turn.DISABLE, now, "It said 410."))

    await bench.stored.change(bench.client.id, id, disable)
    with pytest.raises(Conflict, match="Resume it first"):
        await bench.service().pause(bench.viewer, id)
    endpoint = (await bench.service().resume(bench.viewer, id)).endpoint
    assert (endpoint.status, endpoint.disabled_because) == (EndpointStatus.ACTIVE, None)


async def test_what_is_noted(bench: Bench) -> None:
    """Each change with client and endpoint, once, and the planner is told; no change is no note."""
    service, viewer = bench.service(), bench.viewer
    id = (await bench.create()).held.endpoint.id
    for _ in range(2):
        await service.update(viewer, id, {"rate_limit": 9})
        await service.pause(viewer, id)
    await service.resume(viewer, id)
    await service.rotate(viewer, id)
    await service.delete(viewer, id)
    for act in (service.delete, service.pause, service.rotate):
        with pytest.raises(Missing):
            await act(viewer, id)
    assert [(kind.value, detail.get("method")) for kind, _, detail in bench.book.noted] == [
        ("endpoint.create", None),
        ("endpoint.change", "update"),
        ("endpoint.change", "pause"),
        ("endpoint.change", "resume"),
        ("endpoint.rotate", "rotate"),
        ("endpoint.delete", None),
    ]
    for _, actor, detail in bench.book.noted:
        assert (actor.id, detail["client_id"]) == (bench.client.id, bench.client.id)
        assert detail["endpoint_id"] == id
    assert len(bench.changes) == len(bench.book.noted)


async def test_the_audit_takes_the_notes(bench: Bench) -> None:
    """With nothing withheld."""
    services = bench.house.services
    issued = await services.endpoints.create(bench.viewer, {"url": URL, "document": TEXT})
    await services.audit.close()
    (row,) = await services.audit.listed(Sought(kind=Kind.ENDPOINT_CREATE), 9)
    detail = {"client_id": bench.client.id, "endpoint_id": issued.held.endpoint.id}
    assert row.content
    assert json.loads(row.content["detail"]) == detail
