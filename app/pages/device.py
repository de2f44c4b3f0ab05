"""Devices without a browser: their user types the code that they show, and is asked (RFC 8628).

Opening a link that has the code in it asks for nothing: somebody else may have sent it (§5.4).
"""

from typing import Final
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from app.pages.consent import ALLOWED, CONSENT, DENIED, DEVICE, REQUEST, USER_CODE
from app.pages.desk import Desk, seen, show
from app.pages.visits import Visit
from core.domain.authorizations import user_code
from core.domain.errors import Invalid, Limited
from core.domain.people import Person
from core.services.device_codes import DeviceCodes

LONGEST: Final = 40
ANSWERS: Final = frozenset({ALLOWED, DENIED})


class DevicePage:
    """`/device`."""

    def __init__(self, codes: DeviceCodes) -> None:
        """Find who asks by these codes."""
        self._codes = codes

    def routes(self, desk: Desk) -> list[Route]:
        """The routes."""
        return [
            desk.personal(DEVICE, "GET", self.ask),
            desk.personal(DEVICE, "POST", self.enter),
        ]

    async def ask(self, visit: Visit, person: Person) -> Response:
        """The form, with the code of the link that led here; or what was answered just now."""
        del person
        told = visit.request.query_params
        if (answer := told.get("answer")) in ANSWERS:
            return show("answered.html", visit, allowed=answer == ALLOWED)
        typed = told.get(USER_CODE, "")[:LONGEST]
        return _form(visit, user_code(typed) or typed)

    async def enter(self, visit: Visit, person: Person) -> Response:
        """Go on to what the app of this device asks for."""
        visit.check(DEVICE)
        typed = visit.one(USER_CODE)
        try:
            request_id = await self._codes.enter(typed, person.user.id, visit.source)
        except (Invalid, Limited) as error:
            status = 429 if isinstance(error, Limited) else 400
            return _form(visit, typed[:LONGEST], str(error), status)
        told = {REQUEST: request_id, USER_CODE: user_code(typed)}
        return seen(f"{CONSENT}?{urlencode(told)}")


def _form(visit: Visit, code: str, wrong: str = "", status: int = 200) -> Response:
    told = {USER_CODE: wrong} if wrong else {}
    return show("device.html", visit, status=status, code=code, wrong=told)
