"""A device without a browser: it shows a code, waits, and is answered by its user elsewhere."""

from dataclasses import dataclass
from typing import Any

from core.domain.accounts import Flow
from core.domain.grants import Scope
from tests.app.oauth.site import SCOPE, Answer, App, Site

SOURCE = "192.0.2.1"


@dataclass
class Box:
    """A device of an app, with the codes that it was given."""

    site: Site
    app: App
    told: dict[str, Any]

    async def poll(self, app: App | None = None, **more: str) -> Answer:
        """Ask whether its user has answered."""
        form = {"grant_type": Flow.DEVICE.value, "device_code": self.told["device_code"], **more}
        return await self.site.post("token", form, app or self.app)

    async def error(self, app: App | None = None, **more: str) -> str:
        """The error of a poll that must fail."""
        status, answer = await self.poll(app, **more)
        assert status == 400, answer
        assert answer["error_description"]
        return str(answer["error"])

    async def typed(self, user_id: str | None = None) -> str:
        """Its user types the code: the id of the request that they answer."""
        estate = self.site.estate
        who = user_id or estate.user.id
        return await estate.house.services.device_codes.enter(self.told["user_code"], who, SOURCE)

    async def allow(self, *scopes: Scope) -> None:
        """Its user allows all that it asked for, or this."""
        authorizations = self.site.estate.house.services.authorizations
        grant = await self.site.grant(self.app)
        chosen = scopes or [Scope(word) for word in SCOPE.split()]
        back = await authorizations.approve(await self.typed(), grant.user_id, grant, chosen)
        assert back == ""

    async def deny(self) -> None:
        """Its user does not allow it."""
        services, user = self.site.estate.house.services, self.site.estate.user
        assert await services.authorizations.deny(await self.typed(), user.id) == ""


async def plugged_in(site: Site, app: App | None = None, **more: str) -> Box:
    """A device that has asked."""
    app = app or site.app
    status, told = await site.post("device", {"scope": SCOPE, **more}, app)
    assert status == 200, told
    site.seen += [told["device_code"], told["user_code"], told["user_code"].replace("-", "")]
    return Box(site, app, told)
