"""The account: connected apps, sessions and the password."""

from starlette.responses import Response
from starlette.routing import Route

from app import errors
from app.pages.apps import Apps
from app.pages.desk import Desk, seen, show
from app.pages.login import ACCOUNT
from app.pages.visits import Visit
from core.domain.errors import Invalid, Limited
from core.domain.people import Person
from core.services.sessions import Sessions

PASSWORD, ELSEWHERE = "/account/password", "/account/sign-out-elsewhere"


class Account:
    """`/account` and its forms."""

    def __init__(self, sessions: Sessions, apps: Apps) -> None:
        """Show these apps, and show and change these sessions."""
        self._sessions = sessions
        self._apps = apps

    def routes(self, desk: Desk) -> list[Route]:
        """The routes."""
        return [
            desk.personal(ACCOUNT, "GET", self.show),
            desk.personal(PASSWORD, "GET", self.ask_password),
            desk.personal(PASSWORD, "POST", self.change_password),
            desk.form(ELSEWHERE, ACCOUNT, self.sign_out_elsewhere),
        ]

    async def show(self, visit: Visit, person: Person) -> Response:
        """What there is."""
        sessions = await self._sessions.of(person)
        apps = await self._apps.connected(person)
        here = person.session.id
        return show("account.html", visit, apps=apps, sessions=sessions, here=here)

    async def ask_password(self, visit: Visit, person: Person) -> Response:
        """The form for another password."""
        del person
        return show("password.html", visit, wrong={})

    async def change_password(self, visit: Visit, person: Person) -> Response:
        """Set another password; it ends every session, and begins one here."""
        visit.check(PASSWORD)
        try:
            await self._sessions.check_password(person, visit.one("current"), visit.source)
        except (Invalid, Limited) as error:
            status, wrong = errors.status(error), {"current": str(error)}
            return show("password.html", visit, status=status, wrong=wrong)
        try:
            password = visit.one("password")
            await self._sessions.set_password(person.user.id, password, source=visit.source)
        except Invalid as error:
            return show("password.html", visit, status=400, wrong={"password": str(error)})
        visit.secret, _ = await self._sessions.sign_in(person.user.name, password, visit.source)
        return seen(ACCOUNT)

    async def sign_out_elsewhere(self, visit: Visit, person: Person) -> Response:
        """End every session but this one."""
        visit.check(ELSEWHERE)
        await self._sessions.end_others(person)
        return seen(ACCOUNT)
