"""Connected apps: what each may see and do, since when, and taking it back."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.routing import Route

from app.pages.desk import Desk, seen
from app.pages.lately import Lately, lately
from app.pages.login import ACCOUNT
from app.pages.visits import Visit
from app.pages.words import SCOPES, Words
from core.domain.accounts import Client
from core.domain.consents import Offer
from core.domain.devices import Device
from core.domain.grants import Grant, Scope
from core.domain.homes import Home, Room
from core.domain.people import Person
from core.domain.ports import Clock
from core.services.consents import Consents
from core.services.uses import Uses
from core.snapshots.access import Access

REVOKE, LEAVE_OUT = "/account/apps/revoke", "/account/apps/leave-out"


@dataclass(frozen=True, slots=True)
class Seen:
    """What an app sees of a home: devices, and the parts where it will see what comes later."""

    home: Home
    whole: bool
    rooms: Sequence[Room]
    devices: Sequence[Device]


@dataclass(frozen=True, slots=True)
class App:
    """A connected app (or a personal access token), as the account shows it."""

    client: Client
    grant: Grant
    scopes: Sequence[Words]
    homes: Sequence[Seen]
    lately: Lately


class Apps:
    """The part of the account that is about apps."""

    def __init__(self, consents: Consents, uses: Uses, access: Access, clock: Clock) -> None:
        """Show and take back these consents, and show how they are used."""
        self._consents = consents
        self._uses = uses
        self._access = access
        self._clock = clock

    def routes(self, desk: Desk) -> list[Route]:
        """The routes."""
        return [
            desk.form(REVOKE, ACCOUNT, self.revoke),
            desk.form(LEAVE_OUT, ACCOUNT, self.leave_out),
        ]

    async def connected(self, person: Person) -> Sequence[App]:
        """Every app that has access, the newest first."""
        return await self.shown(self._consents.grants(person.user.id))

    async def shown(self, grants: Collection[Grant]) -> Sequence[App]:
        """What these grants open, and how they were last used."""
        offers = await self._consents.shown(grants)
        uses = await self._uses.of([grant.id for grant in grants])
        now = self._clock.now()
        return [
            App(
                client=self._access.clients[grant.client_id],
                grant=grant,
                scopes=[SCOPES[scope] for scope in Scope if scope in grant.scopes],
                homes=[_seen(grant, offer) for offer in touched],
                lately=lately(uses[grant.id], [offer.home for offer in touched], now),
            )
            for grant in grants
            for touched in [[offer for offer in offers if _touches(grant, offer)]]
        ]

    async def revoke(self, visit: Visit, person: Person) -> Response:
        """Take everything back from an app."""
        visit.check(REVOKE)
        grant = self._consents.grant(person.user.id, visit.one("grant"))
        await self._consents.take_back(grant)
        return seen(ACCOUNT)

    async def leave_out(self, visit: Visit, person: Person) -> Response:
        """Take one device back from an app."""
        visit.check(LEAVE_OUT)
        grant = self._consents.grant(person.user.id, visit.one("grant"))
        await self._consents.share_no_more(grant, visit.one("device"))
        return seen(f"{ACCOUNT}#{grant.id}")


def _touches(grant: Grant, offer: Offer) -> bool:
    return offer.home.id in grant.view.homes


def _seen(grant: Grant, offer: Offer) -> Seen:
    view = grant.view
    return Seen(
        home=offer.home,
        whole=offer.home.id in view.whole | view.homes_but_locks,
        rooms=[room for room in offer.rooms if room.id in view.rooms | view.rooms_but_locks],
        devices=[device for device in offer.devices if view.sees(device)],
    )
