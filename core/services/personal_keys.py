"""Personal access tokens: made, listed, revoked. Each is a grant to Latchkey's own client."""

from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Final

from core.domain import personal_keys
from core.domain.accounts import EXPLORER
from core.domain.errors import Invalid, Missing
from core.domain.grants import Grant, Scope, Share
from core.domain.ports import Clock, Throttle
from core.services.grants import Grants
from core.snapshots.access import Access
from core.tokens import digest, new_personal

SHOWN_AFTER: Final = timedelta(days=30)
"""How long one that has expired is still listed, so that its user learns why it opens nothing."""
MOST_EXPIRED: Final = 10
"""Of those, that are listed."""


class PersonalKeys:
    """What users make for themselves."""

    def __init__(self, grants: Grants, access: Access, throttle: Throttle, clock: Clock) -> None:
        """Give by `grants`."""
        self._grants = grants
        self._access = access
        self._throttle = throttle
        self._clock = clock

    async def make(
        self,
        user_id: str,
        name: str,
        scopes: Collection[Scope],
        targets: Collection[Share],
        days: int,
    ) -> tuple[str, Grant]:
        """A new one, good for so many days: its text, which nobody learns again, and its grant.

        Raises:
            Invalid: its name or days are out of bounds, or it would open nothing.
            Conflict: there is one of this name, or there are too many.
            Missing: something to be shared is not there.
            Refused: the user may not share it.
            Limited: they made very many within a short time.
        """
        text = new_personal()
        key = personal_keys.made(name, digest(text), days, self._clock.now())
        personal_keys.check_scopes(scopes)
        if not targets:
            sentence = "It opens at least one home, room or device."
            raise Invalid(sentence, "places")
        await self._throttle.take("personal_key", user_id)
        return text, await self._grants.give(user_id, EXPLORER, scopes, targets, key=key)

    def of(self, user_id: str) -> Sequence[Grant]:
        """The user's, the newest first: those that are alive, and some that expired of late."""
        now = self._clock.now()
        found = [
            one for one in self._access.grants.values() if one.user_id == user_id and _there(one)
        ]
        found.sort(key=lambda grant: grant.id, reverse=True)
        alive = [one for one in found if personal_keys.alive(one, now)]
        late = now - SHOWN_AFTER
        over = [one for one in found if one.key and late < one.key.expires_at <= now]
        return [*alive, *over[:MOST_EXPIRED]]

    async def revoke(self, user_id: str, grant_id: str) -> None:
        """Take one back. Every process refuses it from now on.

        Raises:
            Missing: the user has none that is this grant's, or took it back already.
        """
        grant = self._access.grants.get(grant_id)
        if grant is None or grant.user_id != user_id or not _there(grant):
            sentence = "There is no such token any more."
            raise Missing(sentence)
        await self._grants.revoke(grant)


def _there(grant: Grant) -> bool:
    return grant.key is not None and not grant.revoked
