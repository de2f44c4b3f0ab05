"""Signing in and out."""

from starlette.responses import Response
from starlette.routing import Route

from app.pages.desk import Desk, seen, show
from app.pages.visits import Visit, local
from core.domain.errors import Invalid, Limited
from core.domain.people import Person
from core.services.sessions import Sessions

LOGIN, LOGOUT, ACCOUNT = "/login", "/logout", "/account"
NEXT = "next"


class Login:
    """`/login` and `/logout`."""

    def __init__(self, sessions: Sessions) -> None:
        """Sign in to these sessions."""
        self._sessions = sessions

    def routes(self, desk: Desk) -> list[Route]:
        """The routes."""
        return [
            desk.open(LOGIN, "GET", self.ask),
            desk.open(LOGIN, "POST", self.sign_in),
            desk.form(LOGOUT, ACCOUNT, self.sign_out),
        ]

    async def ask(self, visit: Visit) -> Response:
        """The form; who is signed in goes on."""
        onward = local(visit.request.query_params.get(NEXT, ""), ACCOUNT)
        return seen(onward) if visit.person else _form(visit, onward)

    async def sign_in(self, visit: Visit) -> Response:
        """Sign in, with a new secret, and go on to where one was going."""
        visit.check(LOGIN)
        onward, name = local(visit.one(NEXT), ACCOUNT), visit.one("username").strip()
        try:
            secret, _ = await self._sessions.sign_in(name, visit.one("password"), visit.source)
        except (Invalid, Limited) as error:
            status = 429 if isinstance(error, Limited) else 400
            return _form(visit, onward, name, str(error), status)
        if visit.person:
            await self._sessions.end(visit.person.session)
        visit.secret = secret
        return seen(onward)

    async def sign_out(self, visit: Visit, person: Person) -> Response:
        """End this session."""
        visit.check(LOGOUT)
        await self._sessions.end(person.session)
        return seen(LOGIN)


def _form(
    visit: Visit, onward: str, name: str = "", wrong: str = "", status: int = 200
) -> Response:
    return show("login.html", visit, status=status, onward=onward, name=name, wrong=wrong)
