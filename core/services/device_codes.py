"""User codes (RFC 8628 §3.3): who types the code of a device is asked what its app may do.

A code is short, so guesses are counted by who makes them and by where from, before anything is
looked up.
"""

from typing import Final

from core.domain.audit import Actor, Kind, Outcome
from core.domain.authorizations import AuthorizationRequest, user_code
from core.domain.errors import Invalid
from core.domain.ports import Clock, Notes, Throttle
from core.domain.sources import network
from core.store.oauth import OAuth
from core.tokens import digest, new_secret

WRONG: Final = (
    "No device waits with this code. Look at it again, or have the device make a new one."
)
"""The same for a code that nobody has, one that is too old, and one that was used."""


class DeviceCodes:
    """What the page for devices asks."""

    def __init__(self, store: OAuth, throttle: Throttle, notes: Notes, clock: Clock) -> None:
        """Look for codes in this store."""
        self._store = store
        self._throttle = throttle
        self._notes = notes
        self._clock = clock

    async def enter(self, typed: str, user_id: str, source: str) -> str:
        """The id of a request that waits for this user's answer, by the code that they typed.

        `source` is the address that it comes from.

        Raises:
            Invalid: no device waits with this code.
            Limited: too many guesses by this user, or from this address.
        """
        code = user_code(typed)
        if code is None:
            raise Invalid(WRONG, "user_code")
        keys = (("device", network(source)), ("device_account", user_id))
        for kind, key in keys:
            await self._throttle.take(kind, key)
        request = await self._request(code, user_id)
        if request is None:
            guess = Actor(user_id)
            self._notes.note(
                Kind.AUTHORIZATION, Outcome.REFUSED, actor=guess, reason="unknown_user_code"
            )
            raise Invalid(WRONG, "user_code")
        for kind, key in keys:
            await self._throttle.give_back(kind, key)
        request_id, now = new_secret(), self._clock.now()
        await self._store.do(lambda rows: rows.put_request(digest(request_id), request, now))
        return request_id

    async def _request(self, code: str, user_id: str) -> AuthorizationRequest | None:
        now = self._clock.now()
        waiting = await self._store.look(lambda rows: rows.waiting.typed(digest(code), now))
        if waiting is None:
            return None
        return AuthorizationRequest(
            client_id=waiting.client_id,
            redirect_uri="",
            uri_given=False,
            scopes=waiting.scopes,
            state=None,
            code_challenge="",
            resource=waiting.resource,
            expires_at=waiting.expires_at,
            device=waiting.digest,
            user_id=user_id,
        )
