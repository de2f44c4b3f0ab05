"""Changing what a connected app sees and does: the choice of the consent page, after the fact."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route

from app.pages.consent import changed, state_of, ticks_of
from app.pages.desk import Desk, seen, show
from app.pages.login import ACCOUNT
from app.pages.visits import Visit
from app.pages.words import GUARDED, SCOPES
from core.domain.accounts import Client
from core.domain.consents import Offer, Ticks, shared, ticked
from core.domain.grants import Grant, Scope
from core.domain.people import Person
from core.services.consents import Consents
from core.services.grants import CHANGED
from core.snapshots.access import Access

CHANGE: Final = "/account/apps/change"
GRANT: Final = "grant"
NO_PLACE: Final = (
    "Tick at least one home, room or device. To share nothing any more, remove all access instead."
)
NO_SCOPE: Final = (
    "Tick at least one thing that the app may do. To let it do nothing, remove all access instead."
)


@dataclass(frozen=True, slots=True)
class Given:
    """What an app has, and what there is to give."""

    grant: Grant
    client: Client
    offers: Sequence[Offer]


class Change:
    """`/account/apps/change`."""

    def __init__(self, consents: Consents, access: Access) -> None:
        """Change these consents."""
        self._consents = consents
        self._access = access

    def routes(self, desk: Desk) -> list[Route]:
        """The routes."""
        return [
            desk.personal(CHANGE, "GET", self.ask),
            desk.personal(CHANGE, "POST", self.decide),
        ]

    async def ask(self, visit: Visit, person: Person) -> Response:
        """The form, with what the app has ticked."""
        given = await self._given(visit, person)
        return _form(visit, given, ticked(given.grant.shares, given.offers), given.grant.scopes)

    async def decide(self, visit: Visit, person: Person) -> Response:
        """Have the app see and do just what is ticked."""
        given = await self._given(visit, person)
        visit.check(_purpose(given.grant))
        ticks, chosen = ticks_of(visit), visit.many("scope")
        left = frozenset(scope for scope in given.grant.scopes if scope.value in chosen)
        if wrong := _wrong(visit, given, ticks, left):
            return _form(visit, given, ticks, left, wrong)
        shares = shared(ticks, given.offers, given.grant.shares)
        await self._consents.change(given.grant, left, shares)
        return seen(f"{ACCOUNT}#{given.grant.id}")

    async def _given(self, visit: Visit, person: Person) -> Given:
        user_id = person.user.id
        grant = self._consents.grant(user_id, visit.request.query_params.get(GRANT, ""))
        client = self._access.clients[grant.client_id]
        return Given(grant, client, await self._consents.offers(user_id, client))


def _wrong(visit: Visit, given: Given, ticks: Ticks, left: frozenset[Scope]) -> dict[str, str]:
    """What is wrong with the form, by the part of the page that it is about."""
    wrong: dict[str, str] = {}
    if changed(visit, ticks, given.grant, given.offers):
        wrong["places"] = CHANGED
    elif not ticks.all:
        wrong["places"] = NO_PLACE
    if not left:
        wrong["scopes"] = NO_SCOPE
    return wrong


def _form(
    visit: Visit,
    given: Given,
    ticks: Ticks,
    left: frozenset[Scope],
    wrong: dict[str, str] | None = None,
) -> Response:
    has = [scope for scope in Scope if scope in given.grant.scopes]
    return show(
        "change.html",
        visit,
        status=400 if wrong else 200,
        client=given.client,
        back=f"{ACCOUNT}#{given.grant.id}",
        purpose=_purpose(given.grant),
        scopes=[(scope, SCOPES[scope], scope in left) for scope in has],
        offers=given.offers,
        ticks=ticks.all,
        guarded=GUARDED,
        state=state_of(given.grant),
        wrong=wrong or {},
    )


def _purpose(grant: Grant) -> str:
    return f"{CHANGE}?{GRANT}={quote(grant.id, safe='')}"
