"""Grants: given, amended and taken back, at a place of each home's log that they speak of."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from core.domain.audit import Actor, Detail, Kind
from core.domain.consents import without
from core.domain.devices import Device
from core.domain.errors import Conflict, Missing
from core.domain.grants import Grant, PersonalKey, Scope
from core.domain.personal_keys import check_beside
from core.domain.ports import Ids
from core.services.lines import Targets, ended, exactly, offered
from core.store import codec
from core.store.committer import Committer, Work
from core.store.ledger import Ledger, Needs

FIXED = "A personal access token opens what it was made for: revoke it and make another."
CHANGED = "What this app may see has changed meanwhile. Look again, then decide."


class Grants:
    """What users give to clients."""

    def __init__(self, committer: Committer, ids: Ids) -> None:
        """Write through this committer."""
        self._committer = committer
        self._ids = ids

    async def give(
        self,
        user_id: str,
        client_id: str,
        scopes: Collection[Scope],
        targets: Targets,
        *,
        first: bool = False,
        key: PersonalKey | None = None,
        by: Actor | None = None,
    ) -> Grant:
        """A new grant, good for what happens from now on.

        Args:
            user_id: who gives it.
            client_id: who gets it.
            scopes: what it gives.
            targets: of what.
            first: whether the client may have no other of this user that shares something.
            key: the personal access token that it is for.
            by: whose decision it is; the user's, where nobody is named.

        Raises:
            Conflict: it has one and may not, or there is no room for the token.
            Invalid: a line names both a room and a device.
            Missing: the user, the client, or something to be shared is not there.
            Refused: the user may not share it, or not with a sandbox client.
        """
        grant_id = self._ids.new("grant")

        def decide(ledger: Ledger) -> Grant:
            client = ledger.clients.get(client_id)
            if ledger.users.get(user_id) is None or client is None:
                sentence = f"There is no user {user_id} or no client {client_id}."
                raise Missing(sentence)
            if first and any(_stands(one, user_id, client_id) for one in ledger.grants.values()):
                raise Conflict(CHANGED)
            if key is not None:
                theirs = [one for one in ledger.grants.values() if one.user_id == user_id]
                check_beside(key, theirs, ledger.now)
            grant = Grant(
                id=grant_id,
                user_id=user_id,
                client_id=client_id,
                scopes=frozenset(scopes),
                shares=(),
                since=ledger.now,
                key=key,
            )
            _note(ledger, Kind.GRANT_GIVE, grant, by)
            return _put(ledger, exactly(ledger, grant, targets))

        them = frozenset({user_id})
        needs = Needs(
            users=them, clients=frozenset({client_id}), givers=them if first or key else frozenset()
        )
        return await self._committer.submit(Work(_more(needs, user_id, targets), decide))

    async def amend(
        self,
        grant: Grant,
        scopes: Collection[Scope],
        targets: Targets,
        *,
        unseen: bool = True,
        by: Actor | None = None,
    ) -> Grant:
        """From now on the grant gives exactly this; what it gave before stays so for the past.

        Args:
            grant: the grant as the caller knows it.
            scopes: all that it gives from now on.
            targets: likewise.
            unseen: whether also a grant is amended that has changed since the caller saw it.
            by: as for `give`.

        Raises:
            Invalid: a line names both a room and a device.
            Missing: the grant, or something to be shared, is not there.
            Refused: the user may not share it, or not with a sandbox client.
            Conflict: the grant was taken back, has changed and may not, or is for a personal
                access token, which opens what it was made for and never more.
        """

        def decide(ledger: Ledger) -> Grant:
            current = _same(_alive(ledger, grant.id), grant)
            if current != grant and not unseen:
                raise Conflict(CHANGED)
            if current.key is not None:
                raise Conflict(FIXED)
            changed = replace(current, scopes=frozenset(scopes))
            _note(ledger, Kind.GRANT_AMEND, changed, by)
            return _put(ledger, exactly(ledger, changed, targets))

        try:
            return await self._committer.submit(Work(_of(grant, targets), decide))
        except _Outdated as outdated:
            if not unseen:
                raise Conflict(CHANGED) from outdated
            return await self.amend(outdated.grant, scopes, targets, by=by)

    async def leave_out(self, grant: Grant, device: Device) -> Grant:
        """From now on the grant opens what it opens but for this device.

        With the last thing that it opens the grant itself is taken back.

        Raises:
            Missing: there is no such grant.
            Conflict: the grant was taken back.
        """
        home_id = device.home.id

        def decide(ledger: Ledger) -> Grant:
            current = _same(_alive(ledger, grant.id), grant)
            found = ledger.devices.get(device.id) or device
            targets = without(found, current.shares, offered(ledger, home_id))
            amended = exactly(ledger, current, targets)
            _note(ledger, Kind.GRANT_AMEND if targets else Kind.GRANT_REVOKE, amended, None)
            return _put(ledger, replace(amended, revoked=not targets))

        needs = _of(grant, ())
        needs = replace(
            needs,
            homes=needs.homes | {home_id},
            whole=frozenset({home_id}),
            sharers=frozenset({(home_id, grant.user_id)}),
        )
        try:
            return await self._committer.submit(Work(needs, decide))
        except _Outdated as outdated:
            return await self.leave_out(outdated.grant, device)

    async def revoke(self, grant: Grant, *, by: Actor | None = None) -> Grant:
        """Take everything back, for ever. Taking back twice is no error.

        Raises:
            Missing: there is no such grant.
        """

        def decide(ledger: Ledger) -> Grant:
            current = ledger.grants.get(grant.id)
            if current is None:
                sentence = f"There is no grant {grant.id}."
                raise Missing(sentence)
            if current.revoked:
                return current
            current = _same(current, grant)
            shares = tuple(ended(ledger, share) for share in current.shares)
            _note(ledger, Kind.GRANT_REVOKE, current, by)
            return _put(ledger, replace(current, shares=shares, revoked=True))

        try:
            return await self._committer.submit(Work(_of(grant, ()), decide))
        except _Outdated as outdated:
            return await self.revoke(outdated.grant, by=by)

    async def end_tokens(self, grant_id: str, token_id: str, until: datetime) -> None:
        """Refuse a token, or all tokens of a family, though the grant stands.

        `until` is when the last of them expires by itself; then it is forgotten.
        """
        body = {"id": token_id, "grant_id": grant_id, "until": until.isoformat()}
        work = Work(Needs(access=True), lambda ledger: ledger.tell_access("ended", body))
        await self._committer.submit(work)


class _Outdated(Exception):
    """The caller knew an older grant, which named fewer homes; here is the stored one."""

    def __init__(self, grant: Grant) -> None:
        super().__init__(grant.id)
        self.grant = grant


def _same(current: Grant, known: Grant) -> Grant:
    """The stored grant, if its homes are among those that were locked for the known one."""
    if not _homes(current) <= _homes(known):
        raise _Outdated(current)
    return current


def _homes(grant: Grant) -> frozenset[str]:
    return frozenset(share.home_id for share in grant.shares)


def leave_home(ledger: Ledger, user_id: str, home_id: str) -> None:
    """End what this user's grants share of a home; the work must need the user's grants."""
    for grant in list(ledger.grants.values()):
        if grant.user_id == user_id and home_id in grant.view.homes:
            shares = tuple(
                ended(ledger, share) if share.home_id == home_id else share
                for share in grant.shares
            )
            _put(ledger, replace(grant, shares=shares))


def _stands(grant: Grant, user_id: str, client_id: str) -> bool:
    ours = grant.key is None and (grant.user_id, grant.client_id) == (user_id, client_id)
    return ours and bool(grant.view.homes)


def _note(ledger: Ledger, kind: Kind, grant: Grant, by: Actor | None) -> None:
    detail: Detail = {
        "user_id": grant.user_id,
        "client_id": grant.client_id,
        "grant_id": grant.id,
        "scopes": grant.scopes,
    }
    if grant.key is not None:
        detail["method"] = "personal_key"
    ledger.note(kind, by or Actor(grant.user_id), **detail)


def _put(ledger: Ledger, grant: Grant) -> Grant:
    ledger.grants.put(grant.id, grant)
    ledger.tell_access("grant", codec.grant_out(grant))
    return grant


def _of(grant: Grant, targets: Targets) -> Needs:
    needs = Needs(
        grants=frozenset({grant.id}),
        clients=frozenset({grant.client_id}),
        homes=_homes(grant),
    )
    return _more(needs, grant.user_id, targets)


def _more(needs: Needs, user_id: str, targets: Targets) -> Needs:
    homes = frozenset(target.home_id for target in targets)
    whole = frozenset(target.home_id for target in targets if target.room_id)
    devices = frozenset(target.device_id for target in targets if target.device_id)
    return replace(
        needs,
        homes=needs.homes | homes,
        whole=whole,
        devices=devices,
        sharers=frozenset((home_id, user_id) for home_id in homes),
        access=True,
    )


def _alive(ledger: Ledger, grant_id: str) -> Grant:
    grant = ledger.grants.get(grant_id)
    if grant is None:
        sentence = f"There is no grant {grant_id}."
        raise Missing(sentence)
    if grant.revoked:
        sentence = f"The grant {grant_id} was taken back; the user must give a new one."
        raise Conflict(sentence)
    return grant
