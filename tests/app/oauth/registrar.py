"""A partner's program that registers itself, and looks after what it registered."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from core.domain.audit import OPERATOR
from tests.app.oauth.site import BACK, Site

KEY = {
    "kty": "EC",
    "crv": "P-256",
    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
}
"""The public key of RFC 7515 §A.3."""


@dataclass
class Said:
    """An answer."""

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(repr=False)

    @property
    def error(self) -> tuple[int, str]:
        """Its status and error."""
        return self.status, self.body.get("error", "")

    @property
    def kept(self) -> dict[str, Any]:
        """What a client sends back to say that it is as it was (RFC 7592 §2.2)."""
        ours = {
            "registration_access_token",
            "registration_client_uri",
            "client_secret_expires_at",
            "client_id_issued_at",
        }
        return {name: value for name, value in self.body.items() if name not in ours}


@dataclass
class Program:
    """Speaks to the registration endpoints of a site."""

    site: Site

    async def invited(self, uses: int = 100, days: float = 1) -> str:
        """An initial access token."""
        registrations = self.site.estate.house.services.registrations
        lasts = timedelta(days=days)
        token, _ = await registrations.invite("Partner", uses, lasts, by=OPERATOR)
        self.site.seen.append(token)
        return token

    async def register(self, token: str | None, /, **metadata: Any) -> Said:
        """Register an app that is in order, with some of it changed or (None) left out."""
        good = {"client_name": "Lamp Whisperer", "redirect_uris": [BACK], **metadata}
        members = {name: value for name, value in good.items() if value is not None}
        return await self.send("POST", "", token, json=members)

    async def registered(self, **metadata: Any) -> Said:
        """An app that was registered."""
        said = await self.register(await self.invited(), **metadata)
        assert said.status == 201, said.body
        return said

    async def read(self, said: Said, token: str | None = None) -> Said:
        """What is registered."""
        return await self._own("GET", said, token)

    async def change(self, said: Said, token: str | None = None, /, **members: Any) -> Said:
        """Send what is registered, with some of it changed or (None) left out."""
        changed = {**said.kept, **members}
        told = {name: value for name, value in changed.items() if value is not None}
        return await self._own("PUT", said, token, json=told)

    async def remove(self, said: Said, token: str | None = None) -> Said:
        """Register it no more."""
        return await self._own("DELETE", said, token)

    async def _own(self, method: str, said: Said, token: str | None, **more: Any) -> Said:
        token = token or said.body["registration_access_token"]
        return await self.send(method, f"/{said.body['client_id']}", token, **more)

    async def send(self, method: str, path: str, token: str | None, **more: Any) -> Said:
        """Send anything."""
        headers = more.pop("headers", {})
        if token is not None:
            headers = {"Authorization": f"Bearer {token}", **headers}
        url = f"{self.site.base_url}/oauth/register{path}"
        async with self.site.http.request(method, url, headers=headers, **more) as response:
            body = {} if response.status == 204 else await response.json()
            assert response.headers["Cache-Control"] == "no-store"
            secrets = ("client_secret", "registration_access_token")
            self.site.seen += [body[name] for name in secrets if name in body]
            return Said(response.status, body, dict(response.headers))
