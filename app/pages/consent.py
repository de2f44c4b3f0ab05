"""Consent: who asks, for what, and which homes, rooms and devices one shares with them."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.responses import Response
from starlette.routing import Route

from app.pages.desk import Desk, seen, show
from app.pages.visits import Visit
from app.pages.words import GUARDED, SCOPES
from core.domain.authorizations import PendingRequest, user_code
from core.domain.consents import Offer, Ticks, shared, strange, ticked
from core.domain.errors import Conflict, LatchkeyError
from core.domain.grants import Grant, Scope, Share
from core.domain.people import Person
from core.services.authorizations import Authorizations
from core.services.consents import Consents
from core.services.grants import CHANGED

CONSENT: Final = "/consent"
REQUEST: Final = "request"
DEVICE: Final = "/device"
USER_CODE: Final = "user_code"
ALLOWED, DENIED = "allowed", "denied"
EXPIRED: Final = "This request is too old. Go back to the app and start again."
NO_PLACE: Final = "Tick at least one home, room or device."
NO_SCOPE: Final = "Tick at least one thing that the app may do."


@dataclass(frozen=True, slots=True)
class Asked:
    """A request before a person: what is asked, what there is to give, what was given before."""

    id: str
    user_code: str | None
    pending: PendingRequest
    grant: Grant | None
    offers: tuple[Offer, ...]

    @property
    def path(self) -> str:
        """Where it is shown."""
        told = {REQUEST: self.id} | ({USER_CODE: self.user_code} if self.user_code else {})
        return f"{CONSENT}?{urlencode(told)}"

    @property
    def by_device(self) -> bool:
        """Whether a device waits for the answer, and nobody is led anywhere with it."""
        return not self.pending.redirect_uri

    @property
    def before(self) -> frozenset[Scope]:
        """What of it the app may do already."""
        return self.pending.scopes & self.grant.scopes if self.grant else frozenset()

    @property
    def new(self) -> frozenset[Scope]:
        """What of it is new."""
        return self.pending.scopes - self.before

    @property
    def state(self) -> str:
        """What the app has, in a form's field."""
        return state_of(self.grant)


class Consent:
    """`/consent`."""

    def __init__(self, authorizations: Authorizations, consents: Consents) -> None:
        """Answer these requests by these grants."""
        self._authorizations = authorizations
        self._consents = consents

    def routes(self, desk: Desk) -> list[Route]:
        """The routes."""
        return [
            desk.personal(CONSENT, "GET", self.ask),
            desk.personal(CONSENT, "POST", self.decide),
        ]

    async def ask(self, visit: Visit, person: Person) -> Response:
        """The request, with what the app has already ticked, and nothing else."""
        asked = await self._asked(visit, person)
        shares = asked.grant.shares if asked.grant else ()
        return _form(visit, asked, ticked(shares, asked.offers), asked.new)

    async def decide(self, visit: Visit, person: Person) -> Response:
        """Yes or no; either leads back to the app, or to where one reads that its device knows."""
        asked = await self._asked(visit, person)
        visit.check(asked.path)
        if visit.one("answer") != "allow":
            back = await self._authorizations.deny(asked.id, person.user.id)
            return seen(back or f"{DEVICE}?answer={DENIED}")
        ticks = ticks_of(visit)
        chosen = frozenset(scope for scope in asked.new if scope.value in visit.many("scope"))
        if wrong := _wrong(asked, visit, ticks, chosen):
            return _form(visit, asked, ticks, chosen, wrong)
        back = await self._allow(asked, person, ticks, chosen)
        return seen(back or f"{DEVICE}?answer={ALLOWED}")

    async def _allow(
        self, asked: Asked, person: Person, ticks: Ticks, chosen: frozenset[Scope]
    ) -> str:
        had = asked.grant
        shares: tuple[Share, ...] = shared(ticks, asked.offers, had.shares if had else ())
        scopes = chosen | (had.scopes if had else frozenset())
        client, user_id = asked.pending.client, person.user.id
        grant = await self._consents.allow(user_id, client, had, scopes, shares)
        try:
            return await self._authorizations.approve(
                asked.id, user_id, grant, asked.before | chosen
            )
        except LatchkeyError:
            # Somebody else answered the device meanwhile, say: the app gets nothing by this answer.
            await self._consents.undo(grant, had)
            raise

    async def _asked(self, visit: Visit, person: Person) -> Asked:
        request_id = visit.request.query_params.get(REQUEST, "")
        pending = await self._authorizations.pending(request_id, person.user.id)
        if pending.expired:
            raise Conflict(EXPIRED)
        client, user_id = pending.client, person.user.id
        offers = await self._consents.offers(user_id, client)
        grant = self._consents.current(user_id, client)
        code = user_code(visit.request.query_params.get(USER_CODE, ""))
        return Asked(request_id, code, pending, grant, tuple(offers))


def state_of(grant: Grant | None) -> str:
    """What an app has, in a form's field: a yes is to this and nothing else."""
    if grant is None:
        return ""
    has = (grant.id, sorted(grant.scopes), grant.shares)
    return sha256(repr(has).encode()).hexdigest()


def ticks_of(visit: Visit) -> Ticks:
    """The boxes of homes, rooms and devices that were ticked."""
    return Ticks(visit.many("home"), visit.many("room"), visit.many("device"))


def changed(visit: Visit, ticks: Ticks, grant: Grant | None, offers: Sequence[Offer]) -> bool:
    """Whether the app has something else by now than the form says, or what is ticked is gone."""
    return visit.one("state") != state_of(grant) or strange(ticks, offers)


def _wrong(asked: Asked, visit: Visit, ticks: Ticks, chosen: frozenset[Scope]) -> dict[str, str]:
    """What is wrong with the form, by the part of the page that it is about."""
    wrong: dict[str, str] = {}
    if changed(visit, ticks, asked.grant, asked.offers):
        wrong["places"] = CHANGED
    elif not ticks.all:
        wrong["places"] = NO_PLACE
    if not asked.before | chosen:
        wrong["scopes"] = NO_SCOPE
    return wrong


def _form(
    visit: Visit,
    asked: Asked,
    ticks: Ticks,
    chosen: frozenset[Scope],
    wrong: dict[str, str] | None = None,
) -> Response:
    order = list(Scope)
    return show(
        "consent.html",
        visit,
        status=400 if wrong else 200,
        leads_to=None if asked.by_device else _leads_to(asked.pending.redirect_uri),
        client=asked.pending.client,
        place=None if asked.by_device else _place(asked.pending.redirect_uri),
        code=asked.user_code,
        purpose=asked.path,
        had=asked.grant is not None,
        before=[SCOPES[scope] for scope in order if scope in asked.before],
        new=[(scope, SCOPES[scope], scope in chosen) for scope in order if scope in asked.new],
        offers=asked.offers,
        ticks=ticks.all,
        guarded=GUARDED,
        state=asked.state,
        wrong=wrong or {},
    )


def _leads_to(uri: str) -> str:
    """What of a redirect URI a policy can name: its origin, or its scheme (CSP 3 §2.3.1)."""
    parts = urlsplit(uri)
    host = parts.hostname or ""
    plain = host.replace("-", "").replace(".", "").isalnum() and host.isascii()
    if parts.scheme not in {"http", "https"} or not plain:
        return f"{parts.scheme}:"
    return f"{parts.scheme}://{host}:{parts.port}" if parts.port else f"{parts.scheme}://{host}"


def _place(uri: str) -> str:
    """Where one is led, for people to read."""
    parts = urlsplit(uri)
    return parts.netloc or f"the app on this device ({parts.scheme})"
