"""Consents: what a person may share with a client, what it has, and giving or taking it back."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from core.domain.accounts import Client
from core.domain.consents import Offer
from core.domain.errors import Conflict, Missing
from core.domain.grants import Grant, Scope, Share
from core.domain.homes import SHARING_ROLES
from core.services.grants import CHANGED, Grants
from core.services.simulations import SCHEME
from core.snapshots.access import Access
from core.store.backlog import Backlog
from core.store.reads import Reads
from core.store.rows import name_key

MOST: Final = 100_000


class Consents:
    """What the pages ask and do about grants."""

    def __init__(self, grants: Grants, access: Access, reads: Reads, backlog: Backlog) -> None:
        """Give by `grants`; the others say what there is."""
        self._grants = grants
        self._access = access
        self._reads = reads
        self._backlog = backlog

    async def offers(self, user_id: str, client: Client) -> Sequence[Offer]:
        """The homes that the user may share with this client, by name."""
        roles = await self._reads.roles(user_id)
        found = [
            await self._offer(home_id)
            for home_id, role in roles.items()
            if role in SHARING_ROLES and await self._fits(client, home_id)
        ]
        return _by_name(found)

    async def shown(self, grants: Collection[Grant]) -> Sequence[Offer]:
        """The homes that these grants touch, by name, with everything in them."""
        home_ids = frozenset[str]().union(*(grant.view.homes for grant in grants))
        return _by_name([await self._offer(home_id) for home_id in home_ids])

    def grants(self, user_id: str) -> Sequence[Grant]:
        """What the user's apps have, the newest first; personal access tokens are no apps."""
        found = [
            one for one in self._access.grants.values() if one.user_id == user_id and _stands(one)
        ]
        return sorted(found, key=lambda grant: grant.id, reverse=True)

    def current(self, user_id: str, client: Client) -> Grant | None:
        """What the client has from this user now."""
        found = [one for one in self.grants(user_id) if one.client_id == client.id]
        return found[0] if found else None

    def grant(self, user_id: str, grant_id: str) -> Grant:
        """One of the user's grants.

        Raises:
            Missing: it is not theirs, or was taken back.
        """
        grant = next((one for one in self.grants(user_id) if one.id == grant_id), None)
        if grant is None:
            sentence = "This app has no access any more."
            raise Missing(sentence)
        return grant

    async def allow(
        self,
        user_id: str,
        client: Client,
        known: Grant | None,
        scopes: Collection[Scope],
        shares: Collection[Share],
    ) -> Grant:
        """Give this, or have the grant that is `known` give exactly this from now on.

        Raises:
            Conflict: what the client has is not what was known, so nobody agreed to this.
            Missing: something to be shared is gone.
            Refused: the user may not share it, or not with this client.
        """
        current = self.current(user_id, client)
        if current != known:
            raise Conflict(CHANGED)
        if current is None:
            return await self._grants.give(user_id, client.id, scopes, shares, first=True)
        return await self._grants.amend(current, scopes, shares, unseen=False)

    async def change(
        self, known: Grant, scopes: Collection[Scope], shares: Collection[Share]
    ) -> Grant:
        """Have a grant give exactly this from now on, but no scope that it does not give yet.

        Raises:
            Conflict: it gives something else by now than was known, or was taken back.
            Missing: something to be shared is gone.
            Refused: the user may not share it, or not with this client.
        """
        left = known.scopes.intersection(scopes)
        return await self._grants.amend(known, left, shares, unseen=False)

    async def undo(self, grant: Grant, had: Grant | None) -> None:
        """Have the client have what it had before a yes that came to nothing."""
        if had is None:
            await self._grants.revoke(grant)
        else:
            lines = [share for share in had.shares if share.until is None]
            await self._grants.amend(grant, had.scopes, lines)

    async def take_back(self, grant: Grant) -> None:
        """Take back everything."""
        await self._grants.revoke(grant)

    async def share_no_more(self, grant: Grant, device_id: str) -> None:
        """Take back one device; with the last thing goes the grant.

        Raises:
            Missing: the device is not there, or not shared.
        """
        device = await self._backlog.device(device_id)
        if device is None or not grant.view.sees(device):
            sentence = "This device is not shared with the app any more."
            raise Missing(sentence)
        await self._grants.leave_out(grant, device)

    async def _offer(self, home_id: str) -> Offer | None:
        now = await self._reads.home_now(home_id, MOST)
        if now is None:
            return None
        devices = sorted(now.devices, key=lambda one: (name_key(one.name), one.id))
        return Offer(now.home, now.rooms, devices)

    async def _fits(self, client: Client, home_id: str) -> bool:
        if not client.sandbox:
            return True
        return (await self._backlog.connector(home_id) or "").startswith(SCHEME)


def _by_name(offers: Iterable[Offer | None]) -> list[Offer]:
    there = [offer for offer in offers if offer is not None]
    return sorted(there, key=lambda offer: (name_key(offer.home.name), offer.home.id))


def _stands(grant: Grant) -> bool:
    return grant.key is None and not grant.revoked and bool(grant.view.homes)
