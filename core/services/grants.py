"""Grants: given, amended and taken back, at a place of each home's log that they speak of."""

from collections.abc import Collection
from dataclasses import replace

from core.domain.accounts import Client
from core.domain.consents import Offer, without
from core.domain.devices import Device
from core.domain.errors import Conflict, Invalid, Missing, Refused
from core.domain.grants import Grant, Scope, Share
from core.domain.homes import SHARING_ROLES
from core.domain.ports import Ids
from core.store import codec
from core.store.committer import Committer, Work
from core.store.ledger import Ledger, Needs

CHANGED = "What this app may see has changed meanwhile. Look again, then decide."
Targets = Collection[Share]
"""What to share: lines whose places do not matter yet."""


class Grants:
    """What users give to clients."""

    def __init__(self, committer: Committer, ids: Ids) -> None:
        """Write through this committer."""
        self._committer = committer
        self._ids = ids

    async def give(
        self, user_id: str, client_id: str, scopes: Collection[Scope], targets: Targets
    ) -> Grant:
        """A new grant, good for what happens from now on.

        Raises:
            Invalid: a line names both a room and a device.
            Missing: the user, the client, or something to be shared is not there.
            Refused: the user may not share it, or not with this client.
        """
        grant_id = self._ids.new("grant")

        def decide(ledger: Ledger) -> Grant:
            client = ledger.clients.get(client_id)
            if ledger.users.get(user_id) is None or client is None:
                sentence = f"There is no user {user_id} or no client {client_id}."
                raise Missing(sentence)
            grant = Grant(
                id=grant_id,
                user_id=user_id,
                client_id=client_id,
                scopes=frozenset(scopes),
                shares=(),
                since=ledger.now,
            )
            return _give_exactly(ledger, grant, targets)

        needs = Needs(users=frozenset({user_id}), clients=frozenset({client_id}))
        return await self._committer.submit(Work(_more(needs, user_id, targets), decide))

    async def amend(
        self, grant: Grant, scopes: Collection[Scope], targets: Targets, *, unseen: bool = True
    ) -> Grant:
        """From now on the grant gives exactly this; what it gave before stays so for the past.

        Args:
            grant: the grant as the caller knows it.
            scopes: all that it gives from now on.
            targets: likewise.
            unseen: whether also a grant is amended that has changed since the caller saw it.

        Raises:
            Invalid: a line names both a room and a device.
            Missing: the grant, or something to be shared, is not there.
            Refused: the user may not share it, or not with this client.
            Conflict: the grant was taken back, or has changed and may not.
        """

        def decide(ledger: Ledger) -> Grant:
            current = _same(_alive(ledger, grant.id), grant)
            if current != grant and not unseen:
                raise Conflict(CHANGED)
            return _give_exactly(ledger, replace(current, scopes=frozenset(scopes)), targets)

        try:
            return await self._committer.submit(Work(_of(grant, targets), decide))
        except _Outdated as outdated:
            if not unseen:
                raise Conflict(CHANGED) from outdated
            return await self.amend(outdated.grant, scopes, targets)

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
            targets = without(found, current.shares, _offer(ledger, home_id))
            amended = _give_exactly(ledger, current, targets)
            return amended if targets else _put(ledger, replace(amended, revoked=True))

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

    async def revoke(self, grant: Grant) -> Grant:
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
            return _put(ledger, replace(current, shares=shares, revoked=True))

        try:
            return await self._committer.submit(Work(_of(grant, ()), decide))
        except _Outdated as outdated:
            return await self.revoke(outdated.grant)


def simulated(connector: str) -> bool:
    """Whether a home's connector URL is that of a simulated one."""
    return connector.startswith("simulator://")


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


def _put(ledger: Ledger, grant: Grant) -> Grant:
    ledger.grants.put(grant.id, grant)
    ledger.tell_access("grant", codec.grant_out(grant))
    return grant


def _give_exactly(ledger: Ledger, grant: Grant, targets: Targets) -> Grant:
    """The grant with just these lines open: what it has of them goes on, the others end here."""
    wanted = {_target(target) for target in targets}
    kept = [
        share if share.until is not None or _target(share) in wanted else _ended(ledger, share)
        for share in grant.shares
    ]
    open_now = {_target(share) for share in kept if share.until is None}
    client = ledger.clients.get(grant.client_id)
    added = [
        _opened(ledger, grant.user_id, client, target)
        for target in _once(targets)
        if target not in open_now
    ]
    return _put(ledger, replace(grant, shares=(*kept, *added)))


def _offer(ledger: Ledger, home_id: str) -> list[Offer]:
    entry = ledger.homes.get(home_id)
    rooms = [room for room in ledger.rooms.values() if room.home.id == home_id]
    devices = [device for device in ledger.devices.values() if device.home.id == home_id]
    return [Offer(entry.home, rooms, devices)] if entry else []


def _target(share: Share) -> Share:
    return replace(share, since=0, until=None)


def _once(targets: Targets) -> list[Share]:
    return list(dict.fromkeys(map(_target, targets)))


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


def _opened(ledger: Ledger, user_id: str, client: Client | None, target: Share) -> Share:
    home_id = target.home_id
    if target.room_id is not None and target.device_id is not None:
        sentence = "Share a room or a device of it, not both in one line."
        raise Invalid(sentence)
    place = _place(ledger, home_id)
    if ledger.members.get((home_id, user_id)) not in SHARING_ROLES:
        sentence = f"The user {user_id} is no owner or member of {home_id} and cannot share it."
        raise Refused(sentence)
    entry = ledger.homes.get(home_id)
    if client is not None and client.sandbox and entry and not simulated(entry.connector):
        sentence = f"{client.name} is a sandbox app: it may only be given simulated homes."
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
