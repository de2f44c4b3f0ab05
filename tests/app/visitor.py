"""Somebody at the pages without a browser: keeps cookies, reads forms, fills them in."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final

import aiohttp

NAME: Final = "alice"
PASSWORD: Final = "maple street in the rain"
Fields = list[tuple[str, str]]


class Forms(HTMLParser):
    """The forms of a page by their action, with the fields that a browser would send as they are.

    `boxes` are all boxes, by name and value, and whether they are ticked.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.forms: dict[str, Fields] = {}
        self.boxes: dict[tuple[str, str], bool] = {}
        self._fields: Fields = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take in a form or a field of the last one."""
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields = self.forms[found.get("action", "")] = []
        if tag == "input" and "name" in found:
            box = found.get("type") == "checkbox"
            one = (found["name"], found.get("value", ""))
            if box:
                self.boxes[one] = "checked" in found
            if not box or "checked" in found:
                self._fields.append(one)


@dataclass
class Answer:
    """A page as it came, or where it leads."""

    status: int
    text: str
    location: str | None
    headers: dict[str, str] = field(repr=False)

    @property
    def forms(self) -> dict[str, Fields]:
        """Its forms."""
        return Forms(self.text).forms

    @property
    def boxes(self) -> dict[tuple[str, str], bool]:
        """Its boxes."""
        return Forms(self.text).boxes


class Visitor:
    """A browser's part: one cookie jar, no redirect followed by itself."""

    def __init__(self, http: aiohttp.ClientSession, base_url: str) -> None:
        self._http = http
        self._base_url = base_url
        self.cookies: dict[str, str] = {}

    async def get(self, path: str) -> Answer:
        """Open a page."""
        return await self._send("GET", path)

    async def post(self, path: str, fields: Iterable[tuple[str, str]], **headers: str) -> Answer:
        """Send a form as it is."""
        data = aiohttp.FormData(list(fields))
        named = {"Origin": self._base_url} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return await self._send("POST", path, data, named)

    async def fill(self, page: Answer, action: str, **typed: str) -> Answer:
        """Type into a form of a page and send it."""
        kept = [(name, value) for name, value in page.forms[action] if name not in typed]
        return await self.post(action, [*kept, *typed.items()])

    async def sign_in(self, name: str = NAME, password: str = PASSWORD, to: str = "") -> Answer:
        """Sign in by the form."""
        page = await self.get(f"/login?next={to}" if to else "/login")
        return await self.fill(page, "/login", username=name, password=password)

    async def _send(
        self,
        method: str,
        path: str,
        data: aiohttp.FormData | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        all_headers = {**(headers or {}), "Cookie": cookie}
        async with self._http.request(
            method,
            self._base_url + path,
            data=data,
            headers=all_headers,
            allow_redirects=False,
        ) as got:
            self.cookies.update({name: one.value for name, one in got.cookies.items()})
            text, location = await got.text(), got.headers.get("Location")
            return Answer(got.status, text, location, dict(got.headers))
