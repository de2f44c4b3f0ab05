"""Who is who: users (people), clients (partners' apps), and the viewer (who is asking now)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.domain.errors import Invalid
from core.domain.grants import Grant, Scope

LONGEST_NAME = 200


def checked_name(name: str) -> str:
    """A name that people can read, without spaces around it.

    Raises:
        Invalid: it is empty, too long, or holds what cannot be printed.
    """
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        sentence = f"A name has 1 to {LONGEST_NAME} printable characters."
        raise Invalid(sentence, "name")
    return name


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account."""

    id: str
    name: str
    disabled: bool = False


class ClientAuth(StrEnum):
    """How a client proves itself at the token endpoint (RFC 7591 §2); a public one cannot."""

    NONE = "none"
    BASIC = "client_secret_basic"
    POST = "client_secret_post"


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client: a partner's app; `registered_only` has it run what it registered alone.

    `scopes` are those that it may ask for. A `sandbox` client may only be granted simulated homes.
    `logo` is a URL; `verified` tells that somebody has looked who is behind it.
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

    @property
    def public(self) -> bool:
        """Whether it has nothing to prove itself with (RFC 6749 §2.1)."""
        return self.auth is ClientAuth.NONE


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who is asking: a client, for the user who granted it access, until the token expires.

    `scopes` are those of the token that the grant still has.
    """

    client: Client
    user: User
    grant: Grant
    scopes: frozenset[Scope]
    expires_at: datetime
    token_id: str
