"""Who visits a page: the cookie, who is signed in by it, and whether a form is one of ours.

There is one cookie, with 256 random bits. Who signs in gets another one, whose digest stands in the
row of their session. A form carries a token made of the cookie and of what the form is for, so no
other site can make one, and none is good for another form or for somebody else.
"""

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs, urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from core.domain.errors import Invalid, Refused
from core.domain.people import Person
from core.services.sessions import Sessions
from core.settings import Settings
from core.tokens import new_secret

FORM: Final = "application/x-www-form-urlencoded"
TOKEN: Final = "form_token"  # noqa: S105 - the name of a field
MOST_FIELDS: Final = 10_000
FOREIGN: Final = "This form was sent by another site. Open the page here and send it again."
OLD: Final = "This form is out of date. Open the page again, then send it again."


@dataclass(slots=True)
class Visit:
    """One request of a browser: its cookie's secret, and who it belongs to."""

    request: Request
    secret: str
    person: Person | None
    form: Mapping[str, Sequence[str]]

    @property
    def path(self) -> str:
        """Where the browser is, with the query."""
        url = self.request.url
        return f"{url.path}?{url.query}" if url.query else url.path

    @property
    def source(self) -> str:
        """The address it comes from; empty where the server does not know it."""
        return self.request.client.host if self.request.client else ""

    def token(self, purpose: str) -> str:
        """What a form for this purpose carries."""
        digest = hmac.digest(self.secret.encode(), purpose.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def check(self, purpose: str) -> None:
        """Make sure that what was sent is a form that was made here, for this browser and purpose.

        Raises:
            Refused: it is not.
        """
        if not hmac.compare_digest(self.one(TOKEN).encode(), self.token(purpose).encode()):
            raise Refused(OLD)

    def one(self, name: str) -> str:
        """The value of a field; empty where it was not sent."""
        return (self.form.get(name) or ("",))[0]

    def many(self, name: str) -> frozenset[str]:
        """The values of boxes that were ticked."""
        return frozenset(self.form.get(name, ()))


class Visits:
    """Makes visits of requests, and keeps the cookie."""

    def __init__(self, sessions: Sessions, settings: Settings) -> None:
        """Visits at the public URL, where pages are at home."""
        self._sessions = sessions
        self._most = settings.body_bytes
        self._seconds = settings.request_seconds
        url = urlsplit(settings.public_url)
        self._origin = f"{url.scheme}://{url.netloc}"
        self._loopback = settings.loopback
        self._secure = url.scheme == "https"
        # A cookie named __Host- must be Secure, and browsers keep no such cookie over plain http.
        # On loopback, where each port is a program of its own, the name holds the port.
        self.cookie = "__Host-latchkey" if self._secure else f"latchkey-{url.port or 80}"

    async def of(self, request: Request) -> Visit:
        """The visit of a request.

        Raises:
            Refused: a form was sent by another site.
            Invalid: what was sent is no form, or too long.
            Unavailable: it cannot be known who visits.
        """
        secret = request.cookies.get(self.cookie, "")
        person = await self._sessions.find(secret) if secret else None
        sent = request.method == "POST"
        if sent:
            self._check_origin(request)
        form = await self._read(request) if sent else {}
        return Visit(request, secret or new_secret(), person, form)

    def keep(self, visit: Visit, response: Response) -> None:
        """Give the browser the visit's secret, if it has another one or none."""
        if visit.request.cookies.get(self.cookie) != visit.secret:
            response.set_cookie(
                self.cookie,
                visit.secret,
                path="/",
                secure=self._secure,
                httponly=True,
                samesite="lax",
            )

    def _check_origin(self, request: Request) -> None:
        """What a browser says of where a form was; the token of the form is checked besides."""
        site = request.headers.get("sec-fetch-site", "same-origin")
        origin = request.headers.get("origin")
        ours = {self._origin}
        if self._loopback:  # which has several names
            ours.add(f"http://{request.headers.get('host')}")
        if site != "same-origin" or (origin is not None and origin not in ours):
            raise Refused(FOREIGN)

    async def _read(self, request: Request) -> Mapping[str, Sequence[str]]:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
            sentence = f"Send forms as {FORM}."
            raise Invalid(sentence)
        body = bytearray()
        try:
            async with asyncio.timeout(self._seconds):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > self._most:
                        sentence = f"The form is longer than {self._most} bytes."
                        raise Invalid(sentence)
        except (TimeoutError, ClientDisconnect):
            sentence = "The form did not arrive."
            raise Invalid(sentence) from None
        try:
            return parse_qs(
                body.decode("ascii"), keep_blank_values=True, max_num_fields=MOST_FIELDS
            )
        except ValueError as error:
            sentence = "The form cannot be read."
            raise Invalid(sentence) from error


def local(path: str, otherwise: str) -> str:
    """A path of this site to go on to, or another where it could lead elsewhere (no open door)."""
    parts = urlsplit(path)
    plain = path.isascii() and path.isprintable() and " " not in path and "\\" not in path
    here = path.startswith("/") and not path.startswith("//") and not (parts.scheme or parts.netloc)
    return path if plain and here else otherwise
