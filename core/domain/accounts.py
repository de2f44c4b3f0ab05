"""Who is who: users (people), clients (partners' apps), and the viewer (who is asking now)."""

from dataclasses import dataclass
from datetime import datetime

from core.domain.grants import Grant, Scope


@dataclass(frozen=True, slots=True)
class User:
    """A person with an account."""

    id: str
    name: str
    disabled: bool = False


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client: a partner's app."""

    id: str
    name: str
    disabled: bool = False


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
