"""Users, clients and keys: made, disabled, restricted, rotated; all of it in the access log."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, TypeVar

from core.domain.accounts import Client, ClientAuth, User, checked_name
from core.domain.authorizations import checked_redirect
from core.domain.errors import Conflict, Missing
from core.domain.grants import Scope
from core.domain.keys import SigningKey
from core.domain.ports import Clock, Ids
from core.store import codec
from core.store.committer import Committer, Work
from core.store.ledger import Ledger, Needs, Shelf
from core.tokens import KeyRing

A = TypeVar("A", User, Client)
ALL = frozenset(Scope)
OFF = {"disabled": True}


class Accounts:
    """Who is known here."""

    def __init__(self, committer: Committer, ids: Ids, clock: Clock, ring: KeyRing) -> None:
        """Write through this committer."""
        self._committer = committer
        self._ids = ids
        self._clock = clock
        self._ring = ring

    async def create_user(self, name: str) -> User:
        """A new user.

        Raises:
            Conflict: the name is taken.
        """
        user = User(self._ids.new("user"), checked_name(name))

        def decide(ledger: Ledger) -> User:
            ledger.users.put(user.id, user)
            ledger.tell_access("user", codec.account_out(user))
            return user

        try:
            return await self._committer.submit(Work(Needs(access=True), decide))
        except Conflict as error:
            sentence = f"There is already a user named {name!r}."
            raise Conflict(sentence) from error

    async def create_client(
        self,
        name: str,
        *,
        registered_only: bool = False,
        redirect_uris: Collection[str] = (),
        scopes: Collection[Scope] = ALL,
        auth: ClientAuth = ClientAuth.NONE,
        sandbox: bool = False,
    ) -> Client:
        """A new client. Names of clients need not differ.

        Raises:
            Invalid: nobody may be sent to one of the redirect URIs.
        """
        client = Client(
            id=self._ids.new("client"),
            name=checked_name(name),
            registered_only=registered_only,
            redirect_uris=tuple(map(checked_redirect, redirect_uris)),
            scopes=frozenset(scopes),
            auth=auth,
            sandbox=sandbox,
        )

        def decide(ledger: Ledger) -> Client:
            ledger.clients.put(client.id, client)
            ledger.tell_access("client", codec.account_out(client))
            return client

        return await self._committer.submit(Work(Needs(access=True), decide))

    async def disable_user(self, user_id: str) -> User:
        """Refuse the user from now on, every grant included.

        Raises:
            Missing: there is no such user.
        """
        needs = Needs(users=frozenset({user_id}), access=True)
        return await self._committer.submit(
            Work(needs, lambda ledger: _change(ledger, "user", ledger.users, user_id, **OFF))
        )

    async def disable_client(self, client_id: str) -> Client:
        """Refuse the client from now on, whoever granted it access.

        Raises:
            Missing: there is no such client.
        """
        return await self._change_client(client_id, **OFF)

    async def restrict_client(self, client_id: str, *, registered_only: bool) -> Client:
        """Have the client run its registered documents and no others from now on, or any again.

        Raises:
            Missing: there is no such client.
        """
        return await self._change_client(client_id, registered_only=registered_only)

    async def rotate_keys(self) -> SigningKey:
        """A new signing key; the others sign no more once it is known, and verify a while yet."""
        made = self._ring.make(self._ids.new("key"), self._clock.now())

        def decide(ledger: Ledger) -> SigningKey:
            for key in list(ledger.signing_keys.values()):
                if key.retired_at is None:
                    retired = replace(key, retired_at=ledger.now)
                    ledger.signing_keys.put(key.id, retired)
                    ledger.tell_access("key", codec.key_out(retired))
            ledger.signing_keys.put(made.id, made)
            ledger.tell_access("key", codec.key_out(made))
            return made

        return await self._committer.submit(Work(Needs(access=True), decide))

    async def _change_client(self, client_id: str, **changes: Any) -> Client:
        needs = Needs(clients=frozenset({client_id}), access=True)
        return await self._committer.submit(
            Work(
                needs,
                lambda ledger: _change(ledger, "client", ledger.clients, client_id, **changes),
            )
        )


def _change(ledger: Ledger, kind: str, shelf: Shelf[str, A], account_id: str, **changes: Any) -> A:
    account = shelf.get(account_id)
    if account is None:
        sentence = f"There is no {kind} {account_id}."
        raise Missing(sentence)
    changed = replace(account, **changes)
    shelf.put(account_id, changed)
    ledger.tell_access(kind, codec.account_out(changed))
    return changed
