"""Homes on the account: who belongs to each, inviting, joining and leaving."""

from datetime import timedelta
from typing import Final

from starlette.responses import Response
from starlette.routing import Route

from app.pages.desk import Desk, seen, show
from app.pages.visits import Visit
from app.pages.words import ROLES
from core.domain.audit import Actor
from core.domain.errors import Conflict, Invalid, Limited, Missing, Refused
from core.domain.homes import Role
from core.domain.people import Person
from core.services.homes import Homes as Service
from core.services.invites import Invites

HOMES: Final = "/account/homes"
INVITE, WITHDRAW, JOIN = f"{HOMES}/invite", f"{HOMES}/withdraw", f"{HOMES}/join"
ROLE, REMOVE = f"{HOMES}/role", f"{HOMES}/remove"
LASTS: Final = timedelta(hours=72)
UNKNOWN_ROLE: Final = "Choose what they may do."


class Homes:
    """`/account/homes`."""

    def __init__(self, homes: Service, invites: Invites) -> None:
        """Show and change who belongs to these homes."""
        self._homes = homes
        self._invites = invites

    def routes(self, desk: Desk) -> list[Route]:
        """The routes."""
        return [
            desk.personal(HOMES, "GET", self.show),
            desk.form(INVITE, HOMES, self.invite),
            desk.form(WITHDRAW, HOMES, self.withdraw),
            desk.form(JOIN, HOMES, self.join),
            desk.form(ROLE, HOMES, self.change),
            desk.form(REMOVE, HOMES, self.remove),
        ]

    async def show(self, visit: Visit, person: Person) -> Response:
        """Every home that one belongs to."""
        return await self._page(visit, person)

    async def invite(self, visit: Visit, person: Person) -> Response:
        """Make a code by which one person joins; it is shown on the page that answers, and once."""
        visit.check(INVITE)
        home_id = visit.one("home")
        try:
            role = _role(visit)
            code, _ = await self._invites.make(home_id, role, LASTS, by=Actor(person.user.id))
        except (Invalid, Limited, Missing, Refused) as error:
            return await self._page(visit, person, wrong={home_id: str(error)})
        return await self._page(visit, person, made={home_id: code})

    async def withdraw(self, visit: Visit, person: Person) -> Response:
        """Have a code work no more."""
        visit.check(WITHDRAW)
        by = Actor(person.user.id)
        await self._invites.withdraw(visit.one("home"), visit.one("invite"), by=by)
        return seen(HOMES)

    async def join(self, visit: Visit, person: Person) -> Response:
        """Become a member by a code."""
        visit.check(JOIN)
        try:
            used = await self._invites.join(visit.one("code").strip().lower(), person.user.id)
        except Missing as error:
            return await self._page(visit, person, wrong={"code": str(error)})
        except Conflict:
            sentence = "You belong to this home already."
            return await self._page(visit, person, wrong={"code": sentence})
        return seen(f"{HOMES}#{used.home_id}")

    async def change(self, visit: Visit, person: Person) -> Response:
        """Have a member be something else."""
        visit.check(ROLE)
        home_id, by = visit.one("home"), Actor(person.user.id)
        try:
            await self._homes.change_member(home_id, visit.one("user"), _role(visit), by=by)
        except (Invalid, Conflict) as error:
            return await self._page(visit, person, wrong={home_id: str(error)})
        return seen(f"{HOMES}#{home_id}")

    async def remove(self, visit: Visit, person: Person) -> Response:
        """Have somebody belong to a home no more, oneself included."""
        visit.check(REMOVE)
        home_id, by = visit.one("home"), Actor(person.user.id)
        try:
            await self._homes.remove_member(home_id, visit.one("user"), by=by)
        except Conflict as error:
            return await self._page(visit, person, wrong={home_id: str(error)})
        return seen(f"{HOMES}#{home_id}")

    async def _page(
        self,
        visit: Visit,
        person: Person,
        wrong: dict[str, str] | None = None,
        made: dict[str, str] | None = None,
    ) -> Response:
        households = await self._invites.households(person.user.id)
        # What is wrong in a home that one no longer belongs to has no place on the page.
        places = {"code", *(one.home.id for one in households)}
        told = {name if name in places else "code": said for name, said in (wrong or {}).items()}
        return show(
            "homes.html",
            visit,
            status=400 if told else 200,
            households=households,
            me=person.user.id,
            roles=ROLES,
            lasts=LASTS,
            wrong=told,
            made=made or {},
        )


def _role(visit: Visit) -> Role:
    try:
        return Role(visit.one("role"))
    except ValueError:
        raise Invalid(UNKNOWN_ROLE, "role") from None
