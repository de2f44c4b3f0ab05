"""Personal access tokens: those that there are, making one, and revoking."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from starlette.responses import Response
from starlette.routing import Route

from app import errors
from app.pages.apps import Apps
from app.pages.consent import NO_PLACE, ticks_of
from app.pages.desk import Desk, seen, show
from app.pages.visits import Visit
from app.pages.words import GUARDED, SCOPES
from core.domain.accounts import EXPLORER
from core.domain.consents import Offer, Ticks, shared, strange
from core.domain.errors import Conflict, Invalid, LatchkeyError, Limited, Missing, Refused
from core.domain.grants import Grant, Scope
from core.domain.people import Person
from core.domain.personal_keys import OFFERED
from core.domain.ports import Clock
from core.services.consents import Consents
from core.services.personal_keys import PersonalKeys
from core.services.sessions import Sessions
from core.snapshots.access import Access

KEYS, REVOKE = "/account/keys", "/account/keys/revoke"
CHOICES: Final = (7, 30, 90, 365)
USUAL: Final = 30
NO_SCOPE: Final = "Tick at least one thing that it may do."
CHANGED: Final = "What you may share has changed meanwhile. Look again, then tick."


@dataclass(frozen=True, slots=True)
class Wish:
    """What the form says."""

    name: str
    days: int
    scopes: frozenset[Scope]
    ticks: Ticks

    @classmethod
    def of(cls, visit: Visit) -> "Wish":
        """What was filled in; what nobody could choose is not there."""
        days = visit.one("days")
        return cls(
            name=visit.one("name").strip(),
            days=int(days) if days in map(str, CHOICES) else 0,
            scopes=frozenset(scope for scope in OFFERED if scope.value in visit.many("scope")),
            ticks=ticks_of(visit),
        )


class Made(NamedTuple):
    """A new one; its text is shown this once."""

    text: str
    grant: Grant


class Wrong(NamedTuple):
    """What is wrong with the form, by the part of the page that it is about."""

    fields: dict[str, str]
    status: int = 400


EMPTY: Final = Wish("", USUAL, frozenset({Scope.DEVICES_READ}), Ticks())


class Keys:
    """`/account/keys`."""

    def __init__(
        self,
        keys: PersonalKeys,
        consents: Consents,
        sessions: Sessions,
        access: Access,
        apps: Apps,
        clock: Clock,
    ) -> None:
        """Make and revoke these; the others say what there is to share, and who it is."""
        self._keys = keys
        self._consents = consents
        self._sessions = sessions
        self._access = access
        self._apps = apps
        self._clock = clock

    def routes(self, desk: Desk) -> list[Route]:
        """The routes."""
        return [
            desk.personal(KEYS, "GET", self.show),
            desk.personal(KEYS, "POST", self.make),
            desk.form(REVOKE, KEYS, self.revoke),
        ]

    async def show(self, visit: Visit, person: Person) -> Response:
        """What there is, and an empty form."""
        return await self._page(visit, person, EMPTY)

    async def make(self, visit: Visit, person: Person) -> Response:
        """Make one, and show its text this once; it takes the password again."""
        visit.check(KEYS)
        wish = Wish.of(visit)
        made = await self._make(visit, person, wish)
        if isinstance(made, Wrong):
            return await self._page(visit, person, wish, wrong=made)
        return await self._page(visit, person, EMPTY, made=made)

    async def revoke(self, visit: Visit, person: Person) -> Response:
        """Take one back."""
        visit.check(REVOKE)
        await self._keys.revoke(person.user.id, visit.one("grant"))
        return seen(KEYS)

    async def _make(self, visit: Visit, person: Person, wish: Wish) -> Made | Wrong:
        offers = await self._offers(person)
        if wrong := _wrong(wish, offers):
            return Wrong(wrong)
        try:
            await self._sessions.check_password(person, visit.one("current"), visit.source)
        except (Invalid, Limited) as error:
            return Wrong({"current": str(error)}, errors.status(error))
        lines = shared(wish.ticks, offers)
        try:
            text, grant = await self._keys.make(
                person.user.id, wish.name, wish.scopes, lines, wish.days
            )
        except (Conflict, Invalid, Limited, Missing, Refused) as error:
            return Wrong(_where(error), errors.status(error))
        return Made(text, grant)

    async def _offers(self, person: Person) -> list[Offer]:
        client = self._access.clients.get(EXPLORER)
        return list(await self._consents.offers(person.user.id, client)) if client else []

    async def _page(
        self,
        visit: Visit,
        person: Person,
        wish: Wish,
        *,
        made: Made | None = None,
        wrong: Wrong | None = None,
    ) -> Response:
        held = await self._apps.shown(self._keys.of(person.user.id))
        return show(
            "keys.html",
            visit,
            status=wrong.status if wrong else 200,
            made=made,
            now=self._clock.now(),
            held=held,
            wish=wish,
            choices=CHOICES,
            scopes=[(scope, SCOPES[scope], scope in wish.scopes) for scope in OFFERED],
            offers=await self._offers(person),
            ticks=wish.ticks.all,
            guarded=GUARDED,
            wrong=wrong.fields if wrong else {},
        )


def _wrong(wish: Wish, offers: list[Offer]) -> dict[str, str]:
    wrong: dict[str, str] = {}
    if not wish.scopes:
        wrong["scopes"] = NO_SCOPE
    if strange(wish.ticks, offers):
        wrong["places"] = CHANGED
    elif not wish.ticks.all:
        wrong["places"] = NO_PLACE
    return wrong


def _where(error: LatchkeyError) -> dict[str, str]:
    """Which part of the page a refusal is about."""
    if isinstance(error, Missing | Refused):
        return {"places": CHANGED}
    if isinstance(error, Invalid):
        return {error.field or "places": str(error)}
    return {"name": str(error)}
