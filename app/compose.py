"""The composition root: settings in, one process's worth of Latchkey out.

Every part is made here and handed what it needs; a second process, the CLI and the tests are thin
doors to the same house.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from app.background import background
from app.connecting import connectors_of
from app.press import Press
from core.broadcast import Hints, open_broadcast
from core.domain.accounts import User
from core.domain.addresses import networks
from core.domain.devices import Device
from core.domain.errors import Missing, Unavailable
from core.domain.homes import SHARING_ROLES, Home
from core.domain.people import Lifetimes
from core.domain.ports import Clock, Ids, Throttle
from core.domain.time import SystemClock, Uuid7
from core.feed import Feed
from core.relay import Relay
from core.runner import Keeper, Runner
from core.services import (
    Accounts,
    Audit,
    Authorizations,
    ClientSecrets,
    Commands,
    Consents,
    DeviceCodes,
    Devices,
    Documents,
    Endpoints,
    Events,
    Grants,
    Homes,
    Invites,
    Outbox,
    PersonalKeys,
    Planner,
    Proofs,
    Registrations,
    Reports,
    Retention,
    Services,
    Sessions,
    Simulations,
    Uses,
)
from core.services.attempts import Attempts
from core.services.endpoint_keys import EndpointKeys
from core.services.letters import Letters
from core.services.repairs import repairs_of
from core.settings import Settings
from core.snapshots.access import Access
from core.snapshots.documents import Register
from core.snapshots.freshness import Freshness
from core.snapshots.homes import HomeSnapshots
from core.snapshots.rosters import Rosters
from core.store.audit import AuditRows
from core.store.backlog import Backlog
from core.store.committer import Committer
from core.store.database import Database
from core.store.documents import Documents as StoredDocuments
from core.store.endpoints import Endpoints as StoredEndpoints
from core.store.happenings import Happenings
from core.store.leases import Leases
from core.store.ledger import ACCESS
from core.store.logs import Logs
from core.store.oauth import OAuth
from core.store.parcels import Parcels
from core.store.people import People
from core.store.plans import Plans
from core.store.proofs import ShownProofs
from core.store.reads import Reads
from core.store.registrations import Registrations as StoredRegistrations
from core.store.retention import Bounds, KeptRows
from core.store.sends import Sends
from core.store.uses import UseRows
from core.store.workers import Workers
from core.tokens import Cursors, KeyRing, Passwords, Sealer, Tokens
from migrations import check, upgrade
from subscriptions.hub import Hub


@dataclass(frozen=True, slots=True)
class House:
    """The parts of one process, made and connected."""

    settings: Settings
    clock: Clock
    ids: Ids
    database: Database
    reads: Reads
    logs: Logs
    committer: Committer
    relay: Relay
    hints: Hints
    feed: Feed
    access: Access
    register: Register
    homes: HomeSnapshots
    fresh: Freshness
    press: Press
    ring: KeyRing
    tokens: Tokens
    cursors: Cursors
    sealer: Sealer
    oauth: OAuth
    services: Services
    throttle: Throttle
    hub: Hub
    runner: Runner | None
    dead: list[str]

    async def connected(self, scheme: str) -> list[tuple[Home, str]]:
        """The homes whose devices are reached by this scheme, with their connector URLs."""
        return await Backlog(self.database).connected(scheme)

    async def devices_of(self, home_id: str) -> list[Device]:
        """Every device of a home."""
        return await Backlog(self.database).devices_of(home_id)

    async def device(self, device_id: str) -> Device:
        """One device, whoever may see it.

        Raises:
            Missing: it is not there.
        """
        device = await Backlog(self.database).device(device_id)
        if device is None:
            sentence = f"There is no device {device_id}."
            raise Missing(sentence)
        return device

    async def sharable(self, user: User) -> set[str]:
        """The homes that the user may share."""
        roles = await self.reads.roles(user.id)
        return {home_id for home_id, role in roles.items() if role in SHARING_ROLES}

    @property
    def checks(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        """What must hold for people's data to be served; each raises what does not."""
        return {"database": self._database, "logs": self._logs, "tasks": self._tasks}

    async def _database(self) -> None:
        await self.logs.heads([ACCESS])

    async def _logs(self) -> None:
        if self.feed.stale():
            sentence = "The logs could not be read for more than 3 s."
            raise Unavailable(sentence)

    async def _tasks(self) -> None:
        if self.dead:
            sentence = f"A task of this process has died: {', '.join(self.dead)}. Restart it."
            raise Unavailable(sentence)


def build(settings: Settings, clock: Clock | None = None, ids: Ids | None = None) -> House:
    """Make the parts. Nothing runs and nothing is dialled before `running`."""
    clock, ids = clock or SystemClock(), ids or Uuid7()
    throttle = Attempts(clock)
    database = Database(settings.database_url)
    logs, reads, backlog = Logs(database), Reads(database), Backlog(database)
    hints = open_broadcast(settings.broadcast_url)
    relay = Relay(logs, hints)
    feed = Feed(logs, relay, hints, clock)
    committer = Committer(database, clock, ids, relay.committed)
    access = Access(logs, feed, clock)
    sealer = Sealer(settings.secret_keys)
    stored = StoredDocuments(database)
    oauth = OAuth(database)
    ring = KeyRing(access.keys.values, sealer, clock)
    cursors = Cursors(sealer)
    homes = HomeSnapshots(reads, feed, clock, settings.snapshot_devices)
    grants = Grants(committer, ids)
    uses = Uses(UseRows(database), clock)
    audit = Audit(AuditRows(database), clock, ids)
    press, rosters = Press(settings), Rosters(logs, feed)
    sending = Sends(database), Parcels(database), Workers(database)
    letters = Letters(press, sealer, settings.public_url)
    keys, allowed = EndpointKeys(letters), networks(settings.webhook_allow)
    planner = Planner(Plans(database, ids), feed, access, press, clock)
    services = Services(
        accounts=Accounts(committer, ids, clock, ring),
        audit=audit,
        authorizations=Authorizations(oauth, access, audit, clock, settings.public_url),
        commands=Commands(committer, backlog, feed, access, homes, uses, clock, ids),
        consents=Consents(grants, access, reads, backlog),
        device_codes=DeviceCodes(oauth, throttle, audit, clock),
        devices=Devices(committer, ids),
        client_secrets=ClientSecrets(oauth, access, audit, clock),
        documents=Documents(committer, stored, settings.client_documents),
        endpoints=Endpoints(
            StoredEndpoints(database), keys, press, access, audit, clock, ids, allowed, planner.look
        ),
        events=Events(logs, reads),
        grants=grants,
        homes=Homes(committer, ids),
        invites=Invites(committer, reads, clock, ids),
        outbox=Outbox(*sending, letters, access, rosters, clock, ids),
        personal_keys=PersonalKeys(grants, access, throttle, clock),
        planner=planner,
        registrations=Registrations(committer, StoredRegistrations(database), throttle, clock, ids),
        proofs=Proofs(ShownProofs(database), clock),
        repairs=repairs_of(settings, database, logs, access, letters, clock, ids, audit),
        reports=Reports(committer),
        retention=Retention(KeptRows(database), relay, clock, _bounds(settings)),
        sessions=Sessions(
            People(database), access, Passwords(), throttle, audit, clock, ids, _lifetimes(settings)
        ),
        simulations=Simulations(Happenings(database), backlog, access, clock, ids),
        uses=uses,
    )
    connectors = connectors_of(settings, clock)
    keeper = Keeper(Leases(database), clock, ids)
    return House(
        settings=settings,
        clock=clock,
        ids=ids,
        database=database,
        reads=reads,
        logs=logs,
        committer=committer,
        relay=relay,
        hints=hints,
        feed=feed,
        access=access,
        register=Register(access, stored, feed),
        homes=homes,
        fresh=Freshness(logs, feed, clock),
        press=press,
        ring=ring,
        tokens=Tokens(ring, clock, ids, settings.public_url, f"{settings.public_url}/graphql"),
        cursors=cursors,
        sealer=sealer,
        oauth=oauth,
        services=services,
        throttle=throttle,
        hub=Hub(services.events, feed, rosters, access, cursors, clock),
        runner=Runner(services, backlog, feed, clock, keeper, connectors) if connectors else None,
        dead=[],
    )


def _bounds(settings: Settings) -> Bounds:
    return Bounds(settings.retention_hours * 3_600, settings.retention_events)


def _lifetimes(settings: Settings) -> Lifetimes:
    idle, most = settings.session_idle_seconds, settings.session_seconds
    return Lifetimes(idle=timedelta(seconds=idle), most=timedelta(seconds=most))


@asynccontextmanager
async def running(
    house: House, *, migrate: bool = False, alone: bool = False
) -> AsyncIterator[House]:
    """Run the house's tasks while the block runs, then end them in order and hang up.

    Who knows to be `alone` on the database waits for no lease of a process that has died.

    Raises:
        Unavailable: the database does not answer, or its tables are not of this version.
    """
    async with AsyncExitStack() as stack:
        stack.push_async_callback(house.database.close)
        await (upgrade if migrate else check)(house.database)
        # First, so that it ends last: whoever is still at work has decisions to note.
        stack.push_async_callback(house.services.audit.close)
        await stack.enter_async_context(background(house.dead, house.services.audit.run))
        stack.push_async_callback(house.services.uses.close)
        await stack.enter_async_context(background(house.dead, house.services.uses.run))
        await house.hints.connect()
        stack.push_async_callback(house.hints.disconnect)
        stack.push_async_callback(house.feed.close)
        await stack.enter_async_context(background(house.dead, house.services.proofs.run))
        # Ended in reverse, so whoever writes ends before the committer, which ends what it took.
        await stack.enter_async_context(background(house.dead, house.committer.run))
        stack.push_async_callback(house.committer.close)
        for work in (house.relay.say, house.feed.hear, house.feed.poll):
            await stack.enter_async_context(background(house.dead, work))
        await house.access.start()
        if not house.access.keys:
            await house.services.accounts.rotate_keys()
        stack.push_async_callback(house.homes.close)
        await stack.enter_async_context(background(house.dead, house.homes.tidy))
        for work in (house.services.commands.keep_time, house.services.retention.run):
            await stack.enter_async_context(background(house.dead, work))
        if house.runner is not None:
            if alone:
                await house.runner.keeper.alone()
            await stack.enter_async_context(background(house.dead, house.runner.run))
        yield house
