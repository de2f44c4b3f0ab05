"""The desk: where requests of people are received. It knows who visits, and makes errors pages."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from app import errors
from app.pages import press
from app.pages.visits import Visit, Visits
from core.domain.errors import LatchkeyError
from core.domain.people import Person

Act = Callable[[Visit], Awaitable[Response]]
PersonalAct = Callable[[Visit, Person], Awaitable[Response]]
LOST: Final[Mapping[int, str]] = {
    404: "There is no such page. Look whether its address is whole.",
    405: "This page cannot be asked for in this way.",
}


class Desk:
    """Turns what a page does into routes."""

    def __init__(self, visits: Visits) -> None:
        """Receive these visits."""
        self._visits = visits

    def open(self, path: str, method: str, act: Act) -> Route:
        """A route for everybody."""

        async def answer(request: Request) -> Response:
            try:
                visit = await self._visits.of(request)
            except LatchkeyError as error:
                return trouble(error)
            try:
                response = await act(visit)
            except LatchkeyError as error:
                response = trouble(error, visit)
            self._visits.keep(visit, response)
            return response

        return Route(path, answer, methods=[method])

    def personal(self, path: str, method: str, act: PersonalAct) -> Route:
        """A route for who is signed in; others sign in first, and come back to it."""

        async def received(visit: Visit) -> Response:
            if visit.person is None:
                return seen(f"/login?{urlencode({'next': visit.path})}")
            return await act(visit, visit.person)

        return self.open(path, method, received)

    def form(self, path: str, page: str, act: PersonalAct) -> Route:
        """A route for a form of who is signed in; whoever loads it by GET goes back to its page."""
        sent = self.personal(path, "POST", act)

        async def answer(request: Request) -> Response:
            if request.method != "POST":
                return seen(page)
            response: Response = await sent.endpoint(request)
            return response

        return Route(path, answer, methods=["GET", "POST"])


def show(template: str, visit: Visit, **facts: Any) -> Response:
    """A page with what every page of people has: who is signed in, and tokens for its forms."""
    person = visit.person
    return press.page(
        template, person=person.user.name if person else None, token=visit.token, **facts
    )


def seen(path: str) -> Response:
    """Go on to another page or an app, by GET (RFC 9110 §15.4.4); it is not told from where."""
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return RedirectResponse(path, 303, headers)


def lost(pages: Iterable[Route]) -> Callable[[Request, Exception], Response]:
    """What answers an address that is not there, or not for this method: by these, with a page."""
    places = {_place(route.path) for route in pages}

    def answer(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        if _place(request.url.path) not in places or error.status_code not in LOST:
            return PlainTextResponse(error.detail, error.status_code, error.headers)
        sentence = LOST[error.status_code]
        response = press.page("trouble.html", status=error.status_code, sentence=sentence)
        response.headers.update(error.headers or {})
        return response

    return answer


def _place(path: str) -> str:
    """The first part of a path."""
    return path.split("/", 2)[1]


def trouble(error: LatchkeyError, visit: Visit | None = None) -> Response:
    """The page of an error."""
    sentence, status = str(error), errors.status(error)
    if visit is None:
        return press.page("trouble.html", status=status, sentence=sentence)
    return show("trouble.html", visit, status=status, sentence=sentence)
