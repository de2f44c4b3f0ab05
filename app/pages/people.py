"""The pages for people: signing in, the account."""

from starlette.routing import Route

from app.compose import House
from app.pages.account import Account
from app.pages.desk import Desk
from app.pages.login import Login
from app.pages.visits import Visits


def people(house: House) -> list[Route]:
    """Their routes."""
    services = house.services
    desk = Desk(Visits(services.sessions, house.settings))
    return [*Login(services.sessions).routes(desk), *Account(services.sessions).routes(desk)]
