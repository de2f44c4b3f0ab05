"""Registrations: who was invited makes itself a client, and looks after itself (RFC 7591, 7592).

A use of the initial token, the client, its registration token and its secret are one commit: no use
is lost, and no client is there that could not be looked after. Many at once take turns by the lock
of the access log, so that there are never more clients than uses.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from core.domain.accounts import Client, checked_name
from core.domain.audit import Actor, Kind
from core.domain.clients import (
    INITIAL,
    REGISTRATION,
    InitialToken,
    Profile,
    Registered,
    checked_uses,
)
from core.domain.errors import Invalid, Unauthenticated
from core.domain.ports import Clock, Ids, Throttle
from core.services.accounts import put_client
from core.services.profiles import checked_profile
from core.store.committer import Committer, Work
from core.store.ledger import Ledger, Needs
from core.store.registrations import Registrations as Stored
from core.tokens import digest, new_secret

CHANGES: Final = "registration"
"""The kind of attempts: changes of its own registration, by the client."""


class Registrations:
    """Clients that register themselves."""

    def __init__(
        self, committer: Committer, stored: Stored, throttle: Throttle, clock: Clock, ids: Ids
    ) -> None:
        """Write through this committer."""
        self._committer = committer
        self._stored = stored
        self._throttle = throttle
        self._clock = clock
        self._ids = ids

    async def invite(
        self, name: str, uses: int, lasts: timedelta, *, by: Actor
    ) -> tuple[str, InitialToken]:
        """A new initial access token, which is told here once, and what it is good for.

        Raises:
            Invalid: the name is none, or it is for too many clients, or for too long.
        """
        token, name, uses = INITIAL + new_secret(), checked_name(name), checked_uses(uses, lasts)
        hashed = digest(token)

        def decide(ledger: Ledger) -> InitialToken:
            made = InitialToken(name, uses, ledger.now + lasts)
            ledger.initial_tokens.put(hashed, made)
            ledger.note(Kind.CLIENT_INVITE, by, token_id=token_id(hashed), count=uses)
            return made

        return token, await self._committer.submit(Work(Needs(access=True), decide))

    async def check(self, token: str) -> None:
        """See that somebody may register by this token now; nothing is written.

        Raises:
            Unauthenticated: it is not known, used up or expired. It does not say which.
        """
        if not _good(await self._stored.initial(digest(token)), self._clock):
            raise _refused_initial()

    async def register(self, token: str, profile: Profile) -> Registered:
        """A new client, and the secrets that it is told of once.

        Raises:
            Invalid: it cannot be as it says that it is.
            Unauthenticated: the initial token is not known, used up or expired.
        """
        wanted = checked_profile(profile, registered=True)
        client = wanted.of(Client(self._ids.new("client"), wanted.name, registered=True))
        kept, secret = REGISTRATION + new_secret(), new_secret() if client.auth.secret else None
        hashed = digest(token)

        def decide(ledger: Ledger) -> Registered:
            initial = ledger.initial_tokens.get(hashed)
            if initial is None or initial.left < 1 or initial.expires_at <= ledger.now:
                raise _refused_initial()
            ledger.initial_tokens.put(hashed, replace(initial, left=initial.left - 1))
            by, whence = Actor(client.id), token_id(hashed)
            put_client(ledger, client, Kind.CLIENT_CREATE, by, token_id=whence)
            ledger.registration_tokens.put(client.id, digest(kept))
            if secret is not None:
                ledger.secrets.put(digest(secret), client.id)
            return Registered(client, ledger.now, kept, secret)

        needs = Needs(initial=frozenset({hashed}), access=True)
        return await self._committer.submit(Work(needs, decide))

    async def find(self, client_id: str, token: str) -> Registered:
        """The client, as it is registered; no secret but the token that was shown.

        Raises:
            Unauthenticated: the token is not this client's, or the client is disabled.
        """
        found = await self._stored.client(digest(token))
        if found is None or found[0].id != client_id or found[0].disabled:
            raise _refused()
        return Registered(*found, token)

    async def change(
        self, found: Registered, profile: Profile, secret: str | None = None
    ) -> Registered:
        """Have a client be as it says now, whatever it said before (RFC 7592 §2.2).

        Its token and its secret stay: an answer that is lost must not lock it out. It gets a secret
        where it begins to need one, and loses those that it needs no more. `secret` is the one that
        it says it has.

        Raises:
            Invalid: it cannot be as it says, or has another secret.
            Unauthenticated: the token is not the client's any more.
            Limited: it changes too often.
        """
        wanted = checked_profile(profile, registered=True)
        await self._throttle.take(CHANGES, found.client.id)
        fresh = new_secret()

        def decide(ledger: Ledger) -> Registered:
            before = _own(ledger, found)
            had = [hashed for hashed, _ in ledger.secrets.items()]
            mine = [hashed for hashed in had if ledger.secrets.get(hashed) == before.id]
            if secret is not None and digest(secret) not in mine:
                sentence = "The client_secret is not the one that the client has."
                raise Invalid(sentence, "client_secret")
            after, given = wanted.of(before), None
            if after != before:
                put_client(ledger, after, Kind.CLIENT_CHANGE, Actor(after.id))
            if not after.auth.secret:
                _remove(ledger, mine)
            elif not mine:
                given = fresh
                ledger.secrets.put(digest(given), after.id)
            return Registered(after, found.since, found.token, given)

        return await self._committer.submit(Work(_needs(found), decide))

    async def remove(self, found: Registered) -> None:
        """Disable a client for good, as it wishes: every grant and token of it is over at once.

        Raises:
            Unauthenticated: the token is not the client's any more.
        """

        def decide(ledger: Ledger) -> None:
            gone = replace(_own(ledger, found), disabled=True)
            put_client(ledger, gone, Kind.CLIENT_DISABLE, Actor(gone.id))
            ledger.registration_tokens.put(gone.id, None)
            _remove(ledger, [key for key, owner in ledger.secrets.items() if owner == gone.id])

        await self._committer.submit(Work(_needs(found), decide))


def token_id(hashed: str) -> str:
    """By what the audit names an initial token: half of its digest, which leads nobody to it."""
    return f"token_{hashed[:32]}"


def _own(ledger: Ledger, found: Registered) -> Client:
    """The client as it is now, if the token is still its own."""
    client = ledger.clients.get(found.client.id)
    kept = ledger.registration_tokens.get(found.client.id)
    if client is None or client.disabled or kept != digest(found.token):
        raise _refused()
    return client


def _remove(ledger: Ledger, secrets: list[str]) -> None:
    for hashed in secrets:
        ledger.secrets.put(hashed, None)


def _needs(found: Registered) -> Needs:
    this = frozenset({found.client.id})
    return Needs(clients=this, registrations=this, access=True)


def _good(initial: InitialToken | None, clock: Clock) -> bool:
    return initial is not None and initial.left > 0 and clock.now() < initial.expires_at


def _refused_initial() -> Unauthenticated:
    sentence = "The initial access token is unknown, used up or expired: ask for another."
    return Unauthenticated(sentence)


def _refused() -> Unauthenticated:
    return Unauthenticated("The registration access token is not this client's, or it is disabled.")
