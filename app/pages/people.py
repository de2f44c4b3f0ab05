"""The pages for people: signing in, consent, devices, the account and what belongs to it."""

from starlette.routing import Route

from app.compose import House
from app.pages.account import Account
from app.pages.apps import Apps
from app.pages.change import Change
from app.pages.consent import Consent
from app.pages.desk import Desk
from app.pages.device import DevicePage
from app.pages.homes import Homes
from app.pages.keys import Keys
from app.pages.login import Login
from app.pages.visits import Visits


def people(house: House) -> list[Route]:
    """Their routes."""
    services = house.services
    desk = Desk(Visits(services.sessions, house.settings))
    apps = Apps(services.consents, services.uses, house.access, house.clock)
    keys = Keys(
        services.personal_keys,
        services.consents,
        services.sessions,
        house.access,
        apps,
        house.clock,
    )
    return [
        *Login(services.sessions).routes(desk),
        *Consent(services.authorizations, services.consents).routes(desk),
        *DevicePage(services.device_codes).routes(desk),
        *Account(services.sessions, apps).routes(desk),
        *apps.routes(desk),
        *Homes(services.homes, services.invites).routes(desk),
        *Change(services.consents, house.access).routes(desk),
        *keys.routes(desk),
    ]
