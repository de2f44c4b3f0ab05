"""A site: a served house with a partner's app that does OAuth over HTTP, step by step."""

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp

from core.domain.accounts import Client, ClientAuth
from core.domain.grants import Grant, Scope, Share
from tests.core.services.estate import Estate

BACK = "https://app.example/cb"
SCOPE = "devices:control devices:read"
VERIFIER = "v" * 43
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
)

Answer = tuple[int, dict[str, Any]]


def told(url: str) -> dict[str, str]:
    """What a redirect says in its query."""
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}


@dataclass
class App:
    """A client and its secret, if it has one."""

    client: Client
    secret: str | None = None

    @property
    def proof(self) -> dict[str, Any]:
        """What goes along with a form to say who asks."""
        if self.secret is None:
            return {}
        basic = aiohttp.encode_basic_auth(self.client.id, self.secret)
        return {"headers": {"Authorization": basic}}

    @property
    def named(self) -> dict[str, str]:
        """What a public client puts into the form."""
        return {"client_id": self.client.id} if self.secret is None else {}


@dataclass
class Site:
    """Where it is, who lives there, and whose app asks."""

    base_url: str
    http: aiohttp.ClientSession
    estate: Estate
    app: App
    seen: list[str] = field(default_factory=list)
    """Every secret that went over the wire."""

    async def new_app(self, auth: ClientAuth = ClientAuth.BASIC, *uris: str) -> App:
        """One more app."""
        services = self.estate.house.services
        uris = uris or (BACK,)
        client = await services.accounts.create_client("App", redirect_uris=uris, auth=auth)
        if auth is ClientAuth.NONE:
            return App(client)
        secret = await services.client_secrets.rotate(client.id)
        self.seen.append(secret)
        return App(client, secret)

    def request(self, app: App | None = None, /, **changes: str | None) -> dict[str, str]:
        """The parameters of a good authorization request, some changed or (None) left out."""
        good: dict[str, str | None] = {
            "response_type": "code",
            "client_id": (app or self.app).client.id,
            "redirect_uri": BACK,
            "scope": SCOPE,
            "state": "state-1",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
            **changes,
        }
        return {name: value for name, value in good.items() if value is not None}

    async def authorize(self, params: Any) -> tuple[int, str, str]:
        """Ask for authorization: status, where the browser is sent, and the page."""
        url = f"{self.base_url}/oauth/authorize"
        async with self.http.get(url, params=params, allow_redirects=False) as response:
            return response.status, response.headers.get("Location", ""), await response.text()

    async def grant(self, app: App | None = None) -> Grant:
        """What the user gives an app: the whole home, with every scope."""
        grants, client = self.estate.house.services.grants, (app or self.app).client
        return await grants.give(
            self.estate.user.id, client.id, frozenset(Scope), [Share(self.estate.home.id)]
        )

    async def code(self, app: App | None = None, /, **changes: str | None) -> tuple[str, Grant]:
        """A code, as the user's browser brings it to the app, and the grant behind it."""
        status, location, text = await self.authorize(self.request(app, **changes))
        assert status == 303, text
        grant = await self.grant(app)
        scopes = [Scope(word) for word in SCOPE.split()]
        back = await self.estate.house.services.authorizations.approve(
            told(location)["request"], grant.user_id, grant, scopes
        )
        code = told(back)["code"]
        self.seen.append(code)
        return code, grant

    async def post(self, path: str, form: Any, app: App | None = None, *proofs: str) -> Answer:
        """Post a form as an app, with proofs of DPoP: the status and the JSON of the answer."""
        app = app or self.app
        url = f"{self.base_url}/oauth/{path}"
        data = {**app.named, **form} if isinstance(form, dict) else form
        headers = [*app.proof.get("headers", {}).items(), *(("DPoP", proof) for proof in proofs)]
        async with self.http.post(url, data=data, headers=headers) as response:
            answer = await response.json()
            assert response.headers["Cache-Control"] == "no-store"
        self.seen += [answer[name] for name in ("access_token", "refresh_token") if name in answer]
        return response.status, answer

    async def redeem(self, code: str, app: App | None = None, /, **changes: str | None) -> Answer:
        """Redeem a code."""
        good: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
            **changes,
        }
        form = {name: value for name, value in good.items() if value is not None}
        return await self.post("token", form, app)

    async def tokens(self, app: App | None = None) -> dict[str, Any]:
        """The tokens of a whole flow."""
        code, _ = await self.code(app)
        status, answer = await self.redeem(code, app)
        assert status == 200, answer
        return answer

    async def refresh(self, token: str, app: App | None = None, /, **more: str) -> Answer:
        """Use a refresh token."""
        form = {"grant_type": "refresh_token", "refresh_token": token, **more}
        return await self.post("token", form, app)

    async def ask(self, access_token: str) -> int:
        """The status of a query with a token."""
        async with self.http.post(
            f"{self.base_url}/graphql",
            json={"query": "{ homes { totalCount } }"},
            headers={"Authorization": f"Bearer {access_token}"},
        ) as response:
            return response.status
