"""Users, clients and keys: made, disabled, restricted, rotated.

All of it is in the access log, and in the audit with whoever it was done `by`.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Any, TypeVar

from core.domain.accounts import EXPLORER, Client, ClientAuth, Flow, User, checked_name
from core.domain.audit import SYSTEM, Actor, Detail, Kind
from core.domain.clients import Profile, possible_flows
from core.domain.errors import Conflict, Missing
from core.domain.grants import OWN, Scope
from core.domain.keys import SigningKey
from core.domain.ports import Clock, Ids
from core.services.profiles import checked_profile
from core.store import codec
from core.store.committer import Committer, Work
from core.store.ledger import Ledger, Needs
from core.store.shelf import Shelf
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

    async def create_user(self, name: str, *, by: Actor = SYSTEM) -> User:
        """A new user.

        Raises:
            Conflict: the name is taken.
        """
        user = User(self._ids.new("user"), checked_name(name))

        def decide(ledger: Ledger) -> User:
            ledger.users.put(user.id, user)
            ledger.tell_access("user", codec.account_out(user))
            ledger.note(Kind.USER_CREATE, by, user_id=user.id)
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
        auth: ClientAuth = ClientAuth.BASIC,
        flows: Collection[Flow] | None = None,
        sandbox: bool = False,
        homepage: str | None = None,
        logo: str | None = None,
        jwks: str | None = None,
        bound: bool = False,
        by: Actor = SYSTEM,
    ) -> Client:
        """A new client (`core.domain.accounts.Client`). Names of clients need not differ.

        Without `flows` it may go every way that it could.

        Raises:
            Invalid: nobody may be sent to one of the redirect URIs, or people cannot be shown its
                name, homepage or logo, or its keys are none or missing where it proves itself by
                them.
        """
        profile = Profile(
            name=name,
            redirect_uris=tuple(redirect_uris),
            scopes=frozenset(scopes),
            auth=auth,
            flows=frozenset(possible_flows(auth, redirect_uris) if flows is None else flows),
            homepage=homepage,
            logo=logo,
            jwks=jwks,
            bound=bound,
        )
        wanted = checked_profile(profile, registered=False)
        bare = Client(self._ids.new("client"), wanted.name, registered_only=registered_only)
        client = replace(wanted.of(bare), sandbox=sandbox)

        def decide(ledger: Ledger) -> Client:
            return put_client(ledger, client, Kind.CLIENT_CREATE, by)

        return await self._committer.submit(Work(Needs(access=True), decide))

    async def keep_explorer(self, redirect_uri: str) -> Client:
        """Latchkey's own client, made where it is not there yet, and led back to here.

        What an operator changed of it stays so.
        """
        wanted = Client(
            id=EXPLORER,
            name="GraphiQL",
            redirect_uris=(redirect_uri,),
            scopes=ALL - OWN,  # everybody shares it, so nothing is its own
            flows=frozenset({Flow.CODE, Flow.REFRESH}),
            verified=True,
        )

        def decide(ledger: Ledger) -> Client:
            known = ledger.clients.get(EXPLORER)
            if known is None:
                return put_client(ledger, wanted, Kind.CLIENT_CREATE, SYSTEM)
            kept = replace(known, redirect_uris=wanted.redirect_uris, scopes=wanted.scopes)
            if kept != known:
                put_client(ledger, kept, Kind.CLIENT_CHANGE, SYSTEM)
            return kept

        needs = Needs(clients=frozenset({EXPLORER}), access=True)
        return await self._committer.submit(Work(needs, decide))

    async def disable_user(self, user_id: str, *, by: Actor = SYSTEM) -> User:
        """Refuse the user from now on, every grant included.

        Raises:
            Missing: there is no such user.
        """

        def decide(ledger: Ledger) -> User:
            disabled = _change(ledger, "user", ledger.users, user_id, **OFF)
            ledger.note(Kind.USER_DISABLE, by, user_id=user_id)
            return disabled

        needs = Needs(users=frozenset({user_id}), access=True)
        return await self._committer.submit(Work(needs, decide))

    async def set_operator(self, user_id: str, *, operator: bool, by: Actor = SYSTEM) -> User:
        """Make the user an operator from now on, or one no more.

        Raises:
            Missing: there is no such user.
        """

        def decide(ledger: Ledger) -> User:
            changed = _change(ledger, "user", ledger.users, user_id, operator=operator)
            kind = Kind.USER_PROMOTE if operator else Kind.USER_DEMOTE
            ledger.note(kind, by, user_id=user_id)
            return changed

        needs = Needs(users=frozenset({user_id}), access=True)
        return await self._committer.submit(Work(needs, decide))

    async def disable_client(self, client_id: str, *, by: Actor = SYSTEM) -> Client:
        """Refuse the client from now on, whoever granted it access.

        Raises:
            Missing: there is no such client.
        """
        return await self._change_client(client_id, Kind.CLIENT_DISABLE, by, **OFF)

    async def restrict_client(
        self, client_id: str, *, registered_only: bool, by: Actor = SYSTEM
    ) -> Client:
        """Have the client run its registered documents and no others from now on, or any again.

        Raises:
            Missing: there is no such client.
        """
        kind = Kind.CLIENT_CHANGE
        return await self._change_client(client_id, kind, by, registered_only=registered_only)

    async def verify_client(self, client_id: str, *, verified: bool, by: Actor = SYSTEM) -> Client:
        """Tell people from now on that somebody looked who is behind it, or that nobody did.

        Raises:
            Missing: there is no such client.
        """
        return await self._change_client(client_id, Kind.CLIENT_CHANGE, by, verified=verified)

    async def rotate_keys(self, *, by: Actor = SYSTEM) -> SigningKey:
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
            ledger.note(Kind.KEY_ROTATE, by, key_id=made.id)
            return made

        return await self._committer.submit(Work(Needs(access=True), decide))

    async def _change_client(self, client_id: str, kind: Kind, by: Actor, **changes: Any) -> Client:
        def decide(ledger: Ledger) -> Client:
            changed = _change(ledger, "client", ledger.clients, client_id, **changes)
            ledger.note(kind, by, client_id=client_id)
            return changed

        needs = Needs(clients=frozenset({client_id}), access=True)
        return await self._committer.submit(Work(needs, decide))


def put_client(
    ledger: Ledger, client: Client, kind: Kind, by: Actor, *, token_id: str | None = None
) -> Client:
    """Make or change a client: a fact of the access log, and a decision of this kind.

    `token_id` names the initial token by which it registered itself.
    """
    ledger.clients.put(client.id, client)
    ledger.tell_access("client", codec.account_out(client))
    detail: Detail = {"client_id": client.id}
    if token_id is not None:
        detail["token_id"] = token_id
    ledger.note(kind, by, **detail)
    return client


def _change(ledger: Ledger, kind: str, shelf: Shelf[str, A], account_id: str, **changes: Any) -> A:
    account = shelf.get(account_id)
    if account is None:
        sentence = f"There is no {kind} {account_id}."
        raise Missing(sentence)
    changed = replace(account, **changes)
    shelf.put(account_id, changed)
    ledger.tell_access(kind, codec.account_out(changed))
    return changed
