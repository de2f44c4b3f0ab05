"""Grants: given, amended and taken back, at a place of each home's log that they speak of."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from core.domain.audit import Actor, Kind
from core.domain.errors import Conflict, Invalid, Missing, Refused
from core.domain.grants import Grant, Scope, Share
from core.domain.homes import SHARING_ROLES
from core.domain.ports import Ids
from core.services.simulations import SCHEME
from core.store import codec
from core.store.committer import Committer, Work
from core.store.ledger import Ledger, Needs

Targets = Collection[Share]
"""What to share: lines whose places do not matter yet."""


MOST_LINES = 1_000
"""Homes, rooms and devices that one grant names."""


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
        by: Actor | None = None,
    ) -> Grant:
        """A new grant, good for what happens from now on; `by` the user, or who acts for them.

        Raises:
            Invalid: a line names both a room and a device.
            Missing: the user, the client, or something to be shared is not there.
            Refused: the user may not share it, or not with a sandbox client.
        """
        grant_id = self._ids.new("grant")

        def decide(ledger: Ledger) -> Grant:
            if ledger.users.get(user_id) is None or ledger.clients.get(client_id) is None:
                sentence = f"There is no user {user_id} or no client {client_id}."
                raise Missing(sentence)
            grant = Grant(
                id=grant_id,
                user_id=user_id,
                client_id=client_id,
                scopes=frozenset(scopes),
                shares=tuple(
                    _opened(ledger, user_id, client_id, target) for target in _once(targets)
                ),
                since=ledger.now,
            )
            _note(ledger, Kind.GRANT_GIVE, grant, by)
            return _put(ledger, grant)

        needs = Needs(users=frozenset({user_id}), clients=frozenset({client_id}))
        return await self._committer.submit(Work(_more(needs, user_id, targets), decide))

    async def amend(
        self,
        grant: Grant,
        scopes: Collection[Scope],
        targets: Targets,
        *,
        by: Actor | None = None,
    ) -> Grant:
        """From now on the grant gives exactly this; what it gave before stays so for the past.

        Raises:
            Invalid: a line names both a room and a device.
            Missing: the grant, or something to be shared, is not there.
            Refused: the user may not share it, or not with a sandbox client.
            Conflict: the grant was taken back.
        """
        wanted = {_target(target) for target in targets}

        def decide(ledger: Ledger) -> Grant:
            current = _same(_alive(ledger, grant.id), grant)
            kept = [
                share
                if share.until is not None or _target(share) in wanted
                else _ended(ledger, share)
                for share in current.shares
            ]
            open_now = {_target(share) for share in kept if share.until is None}
            added = [
                _opened(ledger, current.user_id, current.client_id, target)
                for target in _once(targets)
                if target not in open_now
            ]
            changed = replace(current, scopes=frozenset(scopes), shares=(*kept, *added))
            _note(ledger, Kind.GRANT_AMEND, changed, by)
            return _put(ledger, changed)

        try:
            return await self._committer.submit(Work(_of(grant, targets), decide))
        except _Outdated as outdated:
            return await self.amend(outdated.grant, scopes, targets, by=by)

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
            shares = tuple(_ended(ledger, share) for share in current.shares)
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
                _ended(ledger, share) if share.home_id == home_id else share
                for share in grant.shares
            )
            _put(ledger, replace(grant, shares=shares))


def _note(ledger: Ledger, kind: Kind, grant: Grant, by: Actor | None) -> None:
    ledger.note(
        kind,
        by or Actor(grant.user_id),
        user_id=grant.user_id,
        client_id=grant.client_id,
        grant_id=grant.id,
        scopes=grant.scopes,
    )


def _put(ledger: Ledger, grant: Grant) -> Grant:
    ledger.grants.put(grant.id, grant)
    ledger.tell_access("grant", codec.grant_out(grant))
    return grant


def _target(share: Share) -> Share:
    return replace(share, since=0, until=None)


def _once(targets: Targets) -> list[Share]:
    lines = list(dict.fromkeys(map(_target, targets)))
    if len(lines) > MOST_LINES:
        sentence = f"A grant has at most {MOST_LINES:,} lines: share rooms or whole homes instead."
        raise Invalid(sentence)
    return lines


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


def _place(ledger: Ledger, home_id: str) -> int:
    entry = ledger.homes.get(home_id)
    if entry is None:
        sentence = f"There is no home {home_id}."
        raise Missing(sentence)
    return entry.place


def _ended(ledger: Ledger, share: Share) -> Share:
    if share.until is not None:
        return share
    return replace(share, until=_place(ledger, share.home_id))


def _opened(ledger: Ledger, user_id: str, client_id: str, target: Share) -> Share:
    home_id = target.home_id
    if target.room_id is not None and target.device_id is not None:
        sentence = "Share a room or a device of it, not both in one line."
        raise Invalid(sentence)
    place = _place(ledger, home_id)
    if ledger.members.get((home_id, user_id)) not in SHARING_ROLES:
        sentence = f"The user {user_id} is no owner or member of {home_id} and cannot share it."
        raise Refused(sentence)
    client, home = ledger.clients.get(client_id), ledger.homes.get(home_id)
    if client and client.sandbox and home and not home.connector.startswith(SCHEME):
        sentence = f"The client {client_id} is a sandbox client: share a simulated home with it."
        raise Refused(sentence)
    if target.room_id is not None:
        room = ledger.rooms.get(target.room_id)
        if room is None or room.home.id != home_id:
            sentence = f"There is no room {target.room_id} in {home_id}."
            raise Missing(sentence)
    if target.device_id is not None:
        device = ledger.devices.get(target.device_id)
        if device is None or device.home.id != home_id:
            sentence = f"There is no device {target.device_id} in {home_id}."
            raise Missing(sentence)
    return replace(target, since=place, until=None)
