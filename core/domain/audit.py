"""Security decisions, as they are kept: who decided what, when, and how it ended.

An entry holds ids, counts and words of ours, each under a known key and of a known shape; whatever
else is handed in is left out and named. So no secret, token or text that a caller sent gets in.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, TypedDict

from core.domain.grants import Scope
from core.domain.sources import PREFIX, UNKNOWN, address


class Kind(StrEnum):
    """What was decided. Each may have been allowed or refused."""

    SIGN_IN = "sign_in"
    SIGN_OUT = "sign_out"
    SESSION_REVOKE = "session.revoke"
    PASSWORD_SET = "password.set"  # noqa: S105 - the name of a decision
    AUTHORIZATION = "authorization"
    GRANT_GIVE = "grant.give"
    GRANT_AMEND = "grant.amend"
    GRANT_REVOKE = "grant.revoke"
    TOKEN_ISSUE = "token.issue"  # noqa: S105 - likewise
    TOKEN_USE = "token.use"  # noqa: S105 - likewise
    TOKEN_REVOKE = "token.revoke"  # noqa: S105 - likewise
    CLIENT_INVITE = "client.invite"
    CLIENT_CREATE = "client.create"
    CLIENT_CHANGE = "client.change"
    CLIENT_DISABLE = "client.disable"
    CLIENT_AUTHENTICATE = "client.authenticate"
    SECRET_ROTATE = "secret.rotate"  # noqa: S105 - likewise
    USER_CREATE = "user.create"
    USER_DISABLE = "user.disable"
    USER_PROMOTE = "user.promote"
    USER_DEMOTE = "user.demote"
    KEY_ROTATE = "key.rotate"
    HOME_CREATE = "home.create"
    ENDPOINT_CREATE = "endpoint.create"
    ENDPOINT_CHANGE = "endpoint.change"
    ENDPOINT_ROTATE = "endpoint.rotate"
    ENDPOINT_DELETE = "endpoint.delete"
    ENDPOINT_TEST = "endpoint.test"
    ENDPOINT_REDELIVER = "endpoint.redeliver"
    ENDPOINT_REPLAY = "endpoint.replay"
    MEMBER_INVITE = "member.invite"
    MEMBER_UNINVITE = "member.uninvite"
    MEMBER_SET = "member.set"
    MEMBER_REMOVE = "member.remove"
    AUDIT_ERASE = "audit.erase"
    AUDIT_LOSE = "audit.lose"


class Outcome(StrEnum):
    """How a decision ended."""

    ALLOWED = "allowed"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who caused a decision: a user's or client's id, or one of the three below."""

    id: str

    @property
    def person(self) -> bool:
        """Whether it is a user, who may do only what their roles allow."""
        return self.id.startswith("user_")


OPERATOR: Final = Actor("operator")
"""Whoever may run commands on the machine."""
SYSTEM: Final = Actor("system")
"""Latchkey itself."""
ANONYMOUS: Final = Actor("anonymous")
"""A caller whom nothing proves; such decisions are counted by source and minute, not kept one by
one, so that nobody makes the writer busy."""

WITHHELD: Final = "withheld"
OTHERS: Final = "others"


class Detail(TypedDict, total=False):
    """What an entry may say besides; the keys are all there are."""

    user_id: str
    client_id: str
    grant_id: str
    home_id: str
    endpoint_id: str
    key_id: str
    token_id: str
    session_id: str
    invite_id: str
    scopes: Collection[Scope]
    reason: str
    method: str
    role: str
    count: int
    rows: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One decision. `user_id` is the person it is about, where that is not the actor."""

    id: str
    at: datetime
    kind: Kind
    outcome: Outcome
    actor: str
    user_id: str | None = None
    source: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def content(self) -> dict[str, Any]:
        """All that it says, flat: what is stored, and what a commitment is made over."""
        return {
            "id": self.id,
            "at": self.at.isoformat(),
            "kind": self.kind.value,
            "outcome": self.outcome.value,
            "actor": self.actor,
            "user_id": self.user_id,
            "source": self.source,
            "detail": json.dumps(self.detail, sort_keys=True),
        }

    @property
    def withheld(self) -> tuple[str, ...]:
        """The keys whose values were left out."""
        return tuple(self.detail.get(WITHHELD, ()))


@dataclass(frozen=True, slots=True)
class Sought:
    """Which rows to list; what is None does not matter. `who` is the actor, or the person."""

    kind: Kind | None = None
    outcome: Outcome | None = None
    who: str | None = None
    since: datetime | None = None


def entry(
    entry_id: str,
    at: datetime,
    kind: Kind,
    outcome: Outcome,
    actor: Actor,
    source: str | None,
    detail: Mapping[str, Any],
) -> Entry:
    """An entry with what may be kept of `detail`, and of the source: an address or a network.

    The keys of what was left out are under `withheld`; a key that is not known is `unknown` there.
    """
    kept = {key: _shaped(key, value) for key, value in detail.items()}
    wrong = sorted(key if key in _SHAPES else "unknown" for key in kept if kept[key] is None)
    user_id = kept.pop("user_id", None)
    known = {key: value for key, value in kept.items() if value is not None}
    if wrong:
        known[WITHHELD] = wrong
    who = actor.id if _ACTOR.fullmatch(actor.id) else WITHHELD
    where = source if source is None or _located(source) else WITHHELD
    return Entry(entry_id, at, kind, outcome, who, user_id, where, known)


_HEX: Final = "[0-9a-f]{32}"
_ACTOR: Final = re.compile(f"(?:user|client)_{_HEX}|operator|system|anonymous")
_WORD: Final = re.compile("[a-z]+(?:_[a-z]+){0,5}")
_SCOPES: Final = frozenset(map(str, Scope))
LONGEST_WORD: Final = 40
MOST: Final = 2**53


def _located(source: str) -> bool:
    host = source.removesuffix(f"/{PREFIX}")
    return source in {OTHERS, UNKNOWN} or address(host) == host


def _id(kind: str) -> Callable[[Any], str | None]:
    shape = re.compile(f"{kind}_{_HEX}")
    return lambda value: value if isinstance(value, str) and shape.fullmatch(value) else None


def _word(value: Any) -> str | None:
    """A word of ours, such as `wrong_password`: too poor an alphabet for a secret."""
    fits = isinstance(value, str) and len(value) <= LONGEST_WORD and _WORD.fullmatch(value)
    return str(value) if fits else None


def _number(value: Any) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST
    return value if fits else None


def _scopes(value: Any) -> list[str] | None:
    if not isinstance(value, Collection) or isinstance(value, str):
        return None
    fits = all(isinstance(one, str) and one in _SCOPES for one in value)
    return sorted(map(str, value)) if fits else None


_SHAPES: Final[Mapping[str, Callable[[Any], Any]]] = {
    **{
        f"{kind}_id": _id(kind)
        for kind in (
            *("user", "client", "grant", "home", "endpoint"),
            *("key", "token", "session", "invite"),
        )
    },
    "scopes": _scopes,
    "reason": _word,
    "method": _word,
    "role": _word,
    "count": _number,
    "rows": _number,
}


def _shaped(key: str, value: Any) -> Any:
    shape = _SHAPES.get(key)
    return None if shape is None else shape(value)
