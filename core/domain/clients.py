"""What a client says of itself, and by which tokens it may: RFC 7591 without its JSON."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from core.domain.accounts import Client, ClientAuth, Flow, checked_name
from core.domain.authorizations import checked_redirect
from core.domain.errors import Invalid
from core.domain.grants import Scope
from core.domain.names import OURS, foreign, imitates, mixes, normal_name
from core.domain.uris import FORBIDDEN

INITIAL: Final = "lki_"
"""How an initial access token begins (RFC 7591 §3), so that whoever looks for leaks can see it."""
REGISTRATION: Final = "lkr_"
"""How a registration access token begins (RFC 7592 §3)."""
MOST_USES: Final = 1_000
LONGEST_INVITE: Final = timedelta(days=365)
MOST_REDIRECTS: Final = 20
LONGEST_URI: Final = 1_000
LONGEST_APP_NAME: Final = 60
"""It is a name, not a text, and what has to be said of the app has to be seen beside it."""
_HOST: Final = re.compile(
    r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]+"
)


@dataclass(frozen=True, slots=True)
class InitialToken:
    """A right to register so many clients, until it expires; `name` says who was given it."""

    name: str
    left: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Profile:
    """What a client says of itself: all that it may register and change (RFC 7591 §2)."""

    name: str
    redirect_uris: tuple[str, ...] = ()
    scopes: frozenset[Scope] = frozenset(Scope)
    auth: ClientAuth = ClientAuth.BASIC
    flows: frozenset[Flow] = frozenset({Flow.CODE, Flow.REFRESH})
    homepage: str | None = None
    logo: str | None = None
    jwks: str | None = None
    bound: bool = False

    def of(self, client: Client) -> Client:
        """The client as it says that it is.

        One whose look or whose way back has changed is not the one that somebody verified.
        """
        changed = replace(
            client,
            name=self.name,
            redirect_uris=self.redirect_uris,
            scopes=self.scopes,
            auth=self.auth,
            flows=self.flows,
            homepage=self.homepage,
            logo=self.logo,
            jwks=self.jwks,
            bound=self.bound,
        )
        return replace(changed, verified=client.verified and _face(client) == _face(changed))


@dataclass(frozen=True, slots=True)
class Registered:
    """A client that registered itself, with the secrets that it is told of."""

    client: Client
    since: datetime
    token: str
    secret: str | None = None


def checked_uses(uses: int, lasts: timedelta) -> int:
    """How many clients may come by one initial token, and for how long.

    Raises:
        Invalid: none, no time at all, or too many, or too long.
    """
    if not 1 <= uses <= MOST_USES:
        sentence = f"An initial access token is for 1 to {MOST_USES} clients."
        raise Invalid(sentence, "uses")
    if not timedelta(0) < lasts <= LONGEST_INVITE:
        sentence = f"An initial access token lasts up to {LONGEST_INVITE.days} days."
        raise Invalid(sentence, "lasts")
    return uses


def checked_app_name(name: str, *, registered: bool) -> str:
    """An app's name, which people have to tell from others.

    Raises:
        Invalid: it cannot be a name, is too long, mixes letters that look alike, or, where the app
            chose it itself, looks like ours.
    """
    name = checked_name(normal_name(name, "NFKC"))
    if mixes(name):
        sentence = "A word of an app's name has letters of one alphabet, not of several."
        raise Invalid(sentence, "name")
    if len(name) > LONGEST_APP_NAME:
        sentence = f"An app's name has at most {LONGEST_APP_NAME} characters."
        raise Invalid(sentence, "name")
    if registered and imitates(name):
        sentence = f"An app cannot call itself {OURS.title()}, or what looks like it."
        raise Invalid(sentence, "name")
    if registered and foreign(name):
        sentence = "An app's name has letters that people write with, and no symbols among them."
        raise Invalid(sentence, "name")
    return name


def checked_homepage(url: str) -> str:
    """A homepage that can be shown to people.

    Raises:
        Invalid: it is no `https://` URL of a public host, or too long.
    """
    try:
        parts = urlsplit(url)
        clean = parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        parts, clean = urlsplit(""), False
    plain = url.isascii() and url.isprintable() and not FORBIDDEN & set(url)
    there = parts.scheme == "https" and _HOST.fullmatch(parts.hostname or "")
    if not (plain and clean and there) or len(url) > LONGEST_URI:
        sentence = (
            f"A homepage is an https:// URL of at most {LONGEST_URI} characters, in ASCII, with "
            "the name of a host and without a user."
        )
        raise Invalid(sentence, "homepage")
    return url


def checked_redirects(uris: Collection[str]) -> tuple[str, ...]:
    """A client's redirect URIs, each once.

    Raises:
        Invalid: there are too many, or nobody may be sent to one of them.
    """
    found = tuple(dict.fromkeys(uris))
    if len(found) > MOST_REDIRECTS or any(len(uri) > LONGEST_URI for uri in found):
        sentence = f"Give at most {MOST_REDIRECTS} redirect URIs of {LONGEST_URI} characters each."
        raise Invalid(sentence, "redirect_uris")
    return tuple(map(checked_redirect, found))


def checked_flows(
    flows: Collection[Flow], auth: ClientAuth, uris: Collection[str]
) -> frozenset[Flow]:
    """A client's ways to tokens, with refreshing where that goes along (RFC 7591 §2.1).

    Raises:
        Invalid: there is none, or one that this client could not go.
    """
    asked = frozenset(flows) - {Flow.REFRESH}
    if not asked:
        sentence = "Name a flow by which tokens are got: refreshing comes along with one."
        raise Invalid(sentence, "flows")
    if Flow.CREDENTIALS in asked and auth is ClientAuth.NONE:
        sentence = "Only a client that can prove who it is may use client_credentials."
        raise Invalid(sentence, "flows")
    if Flow.CODE in asked and not uris:
        sentence = "Give a redirect URI: the authorization code is sent to it."
        raise Invalid(sentence, "redirect_uris")
    return asked | {Flow.REFRESH} if asked - {Flow.CREDENTIALS} else asked


def possible_flows(auth: ClientAuth, uris: Collection[str]) -> frozenset[Flow]:
    """Every way to tokens that a client could go."""
    without = set() if uris else {Flow.CODE}
    return frozenset(Flow) - without - ({Flow.CREDENTIALS} if auth is ClientAuth.NONE else set())


def checked_auth(auth: ClientAuth, jwks: str | None) -> ClientAuth:
    """How a client proves itself; keys go with `private_key_jwt`, and with nothing else.

    Raises:
        Invalid: it has no keys to prove itself with, or keys that are for nothing.
    """
    if (auth is ClientAuth.PRIVATE_KEY) != (jwks is not None):
        sentence = f"{ClientAuth.PRIVATE_KEY} and jwks go together: give both, or neither."
        raise Invalid(sentence, "jwks")
    return auth


def _face(client: Client) -> tuple[object, ...]:
    """What people see of a client, and where they are sent."""
    return client.name, client.homepage, client.logo, frozenset(client.redirect_uris)
