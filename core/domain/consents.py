"""Consent: what somebody may share, what they ticked, and the lines of a grant that this makes.

Pure. A tick of a home or room never opens its locks and garage doors; each has a tick of its own.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from core.domain.devices import GUARDED, Device
from core.domain.grants import Share
from core.domain.homes import Home, Room


@dataclass(frozen=True, slots=True)
class Offer:
    """A home that somebody may share, with its rooms and devices by name."""

    home: Home
    rooms: Sequence[Room]
    devices: Sequence[Device]

    def within(self, room: Room | None) -> list[Device]:
        """The devices of a room, or those that are in none."""
        room_id = room.id if room else None
        return [one for one in self.devices if (one.room.id if one.room else None) == room_id]

    @property
    def guarded(self) -> list[Device]:
        """Its locks and garage doors."""
        return [one for one in self.devices if one.kind in GUARDED]


@dataclass(frozen=True, slots=True)
class Ticks:
    """Which boxes are ticked, by the ids of homes, rooms and devices."""

    homes: frozenset[str] = frozenset()
    rooms: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()

    def of(self, offer: Offer) -> "Ticks":
        """Those of one home."""
        return Ticks(
            self.homes & {offer.home.id},
            self.rooms & {room.id for room in offer.rooms},
            self.devices & {device.id for device in offer.devices},
        )

    @property
    def all(self) -> frozenset[str]:
        """Every id."""
        return self.homes | self.rooms | self.devices


def ticked(shares: Iterable[Share], offers: Sequence[Offer]) -> Ticks:
    """The ticks that say what these lines open now."""
    homes: set[str] = set()
    rooms: set[str] = set()
    devices: set[str] = set()
    by_home = {offer.home.id: offer for offer in offers}
    for share in _open(shares):
        if (offer := by_home.get(share.home_id)) is None:
            continue
        if share.device_id is not None:
            devices.add(share.device_id)
            continue
        (homes if share.room_id is None else rooms).add(share.room_id or share.home_id)
        if share.locks:
            devices |= {one.id for one in offer.guarded if _names(share, one)}
    return _existing(Ticks(frozenset(homes), frozenset(rooms), frozenset(devices)), offers)


def shared(ticks: Ticks, offers: Sequence[Offer], now: Iterable[Share] = ()) -> tuple[Share, ...]:
    """The lines for these ticks; of a home whose ticks are as they were, the lines it has now."""
    now, before = list(_open(now)), ticked(now, offers)
    lines: list[Share] = []
    for offer in offers:
        mine = ticks.of(offer)
        if mine == before.of(offer):
            lines += [share for share in now if share.home_id == offer.home.id]
        else:
            lines += _lines(mine, offer)
    return tuple(lines)


def strange(ticks: Ticks, offers: Sequence[Offer]) -> bool:
    """Whether something is ticked that nobody may share here, or not any more."""
    return bool(ticks.all - _existing(ticks, offers).all)


def without(device: Device, shares: Iterable[Share], offers: Sequence[Offer]) -> tuple[Share, ...]:
    """The lines that open what these do, but for one device.

    A line that opened it with its home or room becomes lines of what else is there; what comes
    later to that room is then not shared.
    """
    by_home = {offer.home.id: offer for offer in offers}
    lines: list[Share] = []
    for share in _open(shares):
        if share.home_id != device.home.id or not _names(share, device):
            lines.append(share)
        elif share.device_id is None and (offer := by_home.get(share.home_id)):
            lines += _others(device, share, offer)
    return tuple(dict.fromkeys(replace(line, since=0, until=None) for line in lines))


def _others(device: Device, share: Share, offer: Offer) -> Iterator[Share]:
    """What a home's or room's line opens besides the device."""
    room_id = device.room.id if device.room else None
    if share.room_id is None:
        for room in offer.rooms:
            if room.id != room_id:
                yield Share(share.home_id, room.id, locks=share.locks)
    for one in offer.devices:
        beside = (one.room.id if one.room else None) in {room_id, None}
        if one.id != device.id and beside and _names(share, one):
            yield Share(share.home_id, device_id=one.id)


def _lines(ticks: Ticks, offer: Offer) -> Iterator[Share]:
    home_id = offer.home.id
    if ticks.homes:
        yield Share(home_id, locks=False)
    else:
        for room_id in sorted(ticks.rooms):
            yield Share(home_id, room_id, locks=False)
    for device in offer.devices:
        if device.id not in ticks.devices:
            continue
        opened = bool(ticks.homes) or (device.room is not None and device.room.id in ticks.rooms)
        if device.kind in GUARDED or not opened:
            yield Share(home_id, device_id=device.id)


def _names(share: Share, device: Device) -> bool:
    room_id = device.room.id if device.room else None
    return share.names(device.id, room_id, device.kind)


def _open(shares: Iterable[Share]) -> Iterator[Share]:
    return (share for share in shares if share.until is None)


def _existing(ticks: Ticks, offers: Sequence[Offer]) -> Ticks:
    parts = [ticks.of(offer) for offer in offers]
    return Ticks(
        frozenset().union(*(part.homes for part in parts)),
        frozenset().union(*(part.rooms for part in parts)),
        frozenset().union(*(part.devices for part in parts)),
    )
