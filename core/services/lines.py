"""Lines of a grant, in a ledger: opened at a place of the home's log, ended at one."""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from core.domain.accounts import Client
from core.domain.consents import Offer
from core.domain.errors import Invalid, Missing, Refused
from core.domain.grants import Grant, Share
from core.domain.homes import SHARING_ROLES
from core.services.simulations import SCHEME
from core.store.ledger import Ledger

Targets = Collection[Share]
"""What to share: lines whose places do not matter yet."""
MOST_LINES: Final = 1_000
"""Homes, rooms and devices that one grant names."""


def exactly(ledger: Ledger, grant: Grant, targets: Targets) -> Grant:
    """The grant with just these lines open: what it has of them goes on, the others end here."""
    wanted = {_target(target) for target in targets}
    kept = [
        share if share.until is not None or _target(share) in wanted else ended(ledger, share)
        for share in grant.shares
    ]
    kept = [share for share in kept if share.until is None or share.since < share.until]
    open_now = {_target(share) for share in kept if share.until is None}
    client = ledger.clients.get(grant.client_id)
    added = [
        _opened(ledger, grant.user_id, client, target)
        for target in _once(targets)
        if target not in open_now
    ]
    return replace(grant, shares=(*kept, *added))


def ended(ledger: Ledger, share: Share) -> Share:
    """The line, which ends here if it is still open."""
    if share.until is not None:
        return share
    return replace(share, until=_place(ledger, share.home_id))


def offered(ledger: Ledger, home_id: str) -> list[Offer]:
    """The home with everything in it; the work must need the whole home."""
    entry = ledger.homes.get(home_id)
    rooms = [room for room in ledger.rooms.values() if room.home.id == home_id]
    devices = [device for device in ledger.devices.values() if device.home.id == home_id]
    return [Offer(entry.home, rooms, devices)] if entry else []


def _target(share: Share) -> Share:
    return replace(share, since=0, until=None)


def _once(targets: Targets) -> list[Share]:
    lines = list(dict.fromkeys(map(_target, targets)))
    if len(lines) > MOST_LINES:
        sentence = f"A grant has at most {MOST_LINES:,} lines: share rooms or whole homes instead."
        raise Invalid(sentence)
    return lines


def _place(ledger: Ledger, home_id: str) -> int:
    entry = ledger.homes.get(home_id)
    if entry is None:
        sentence = f"There is no home {home_id}."
        raise Missing(sentence)
    return entry.place


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
    if client is not None and client.sandbox and entry and not entry.connector.startswith(SCHEME):
        sentence = f"The client {client.id} is a sandbox client: share a simulated home with it."
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
