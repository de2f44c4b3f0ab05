"""Who is who: users (people), clients (partners' apps), and the viewer (who is asking now)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Final
from urllib.parse import urlsplit

from core.domain.errors import Invalid
from core.domain.grants import Grant, Scope
from core.domain.names import hides, normal_name

LONGEST_NAME = 200


def checked_name(name: str, most: int = LONGEST_NAME) -> str:
    """A name that people can read, as `normal_name` writes it; of `most` characters at most.

    Raises:
        Invalid: it is empty, too long, or holds what cannot be seen.
    """
    name = normal_name(name)
    if not 1 <= len(name) <= most or hides(name):
        sentence = f"A name has 1 to {most} printable characters, none of them invisible."
        raise Invalid(sentence, "name")
    return name


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account; an `operator` looks after this Latchkey, and after no home."""

    id: str
    name: str
    disabled: bool = False
    operator: bool = False


class ClientAuth(StrEnum):
    """How a client proves itself at the token endpoint (RFC 7591 §2); a public one cannot."""

    NONE = "none"
    BASIC = "client_secret_basic"
    POST = "client_secret_post"
    PRIVATE_KEY = "private_key_jwt"

    @property
    def secret(self) -> bool:
        """Whether it takes a client secret."""
        return self in {ClientAuth.BASIC, ClientAuth.POST}


class Flow(StrEnum):
    """A way to a token, by the `grant_type` that asks for it (RFC 6749 §4, RFC 8628 §3.4)."""

    CODE = "authorization_code"
    REFRESH = "refresh_token"
    CREDENTIALS = "client_credentials"
    DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client: a partner's app; `registered_only` has it run what it registered alone.

    `scopes` are those that it may ask for, `flows` the ways in which. A `sandbox` client may only
    be granted simulated homes. `homepage` is a URL, `logo` a `data:` URI; `verified` tells that an
    operator has looked who is behind it, `registered` that it registered itself (RFC 7591). `jwks`
    is a JWK Set in JSON, the keys of one that proves itself by `private_key_jwt`. Tokens of one
    that is `bound` are bound to a key of its own (RFC 9449 §5.2).
    """

    id: str
    name: str
    disabled: bool = False
    registered_only: bool = False
    redirect_uris: tuple[str, ...] = ()
    scopes: frozenset[Scope] = frozenset(Scope)
    auth: ClientAuth = ClientAuth.NONE
    sandbox: bool = False
    logo: str | None = None
    verified: bool = False
    flows: frozenset[Flow] = frozenset(Flow)
    homepage: str | None = None
    jwks: str | None = None
    bound: bool = False
    registered: bool = False

    @property
    def public(self) -> bool:
        """Whether it has nothing to prove itself with (RFC 6749 §2.1)."""
        return self.auth is ClientAuth.NONE

    @property
    def homepage_host(self) -> str | None:
        """The host of its homepage, for people to read."""
        return urlsplit(self.homepage).hostname if self.homepage else None

    @property
    def ours(self) -> bool:
        """Whether it is Latchkey's own."""
        return self.id == EXPLORER

    @property
    def vouched(self) -> bool:
        """Whether an operator stands for it: nobody is led to others unasked (RFC 9700 §4.11.2)."""
        return self.verified or not self.registered


EXPLORER: Final = "client_" + sha256(b"explorer").hexdigest()[:32]
"""The id of Latchkey's own client: GraphiQL, and whatever has a personal access token."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is asking: a client, for the user who granted it access, until the token expires.

    A client that asks for itself has no user, and a grant that opens nothing (`Grant.own`).
    `scopes` are those of the token that the grant still has.
    """

    client: Client
    user: User | None
    grant: Grant
    scopes: frozenset[Scope]
    expires_at: datetime
    token_id: str
