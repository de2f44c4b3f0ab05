"""Devices, as far as the viewer sees them, and what commands still ask of them."""

import asyncio
from collections.abc import Collection, Sequence
from functools import partial, reduce

from core.domain.commands import Command, as_of
from core.domain.devices import Device, State
from core.domain.errors import Missing
from core.domain.lists import DeviceOrder
from resolvers.answers import Answer, settled, then, waits
from resolvers.asking import Ask
from resolvers.loaders import Filters, device_key
from resolvers.paging import Listing, Page, Part, Window, paged


def find(ask: Ask, device_id: str) -> Answer[Device | None]:
    """A device; None where it is missing or hidden."""
    return ask.loaders.device(device_id)


async def named(ask: Ask, device_id: str) -> Device:
    """A device that must be there.

    Raises:
        Missing: it is missing or hidden.
    """
    device = await settled(find(ask, device_id))
    if device is None:
        sentence = f"There is no device {device_id}."
        raise Missing(sentence)
    return device


async def all_named(ask: Ask, device_ids: Collection[str]) -> list[Device]:
    """Devices that must all be there. All are looked for before the first that is not is named.

    Raises:
        Missing: one is missing or hidden.
    """
    await asyncio.gather(*(settled(find(ask, one)) for one in device_ids))
    return [await named(ask, one) for one in device_ids]


def listed(
    ask: Ask, window: Window, order: DeviceOrder = DeviceOrder.NAME, filters: Filters = ()
) -> Answer[Page[Device]]:
    """A page of the devices for which all the filters hold.

    A cursor belongs to its order and to no filter: a place in an order is one in every part of it.

    Raises:
        Invalid: a cursor is not one of this order, or a filter cannot be meant.
    """
    for one in filters:
        one.check()
    grant_id, name = ask.who.grant.id, f"devices:{order.value}"

    def read(part: Part) -> Answer[Sequence[Device]]:
        return ask.loaders.devices(part, order, filters)

    listing = Listing(
        read=read,
        count=partial(ask.loaders.count_devices, filters),
        key=partial(device_key, order),
        seal=partial(ask.cursors.key, grant_id, name),
        open=partial(ask.cursors.open_key, grant_id, name),
    )
    return paged(listing, window)


def pending(ask: Ask, device: Device) -> Answer[Command | None]:
    """The newest command of the device that can still change."""
    return then(_open(ask, device), lambda found: found[-1] if found else None)


def desired(ask: Ask, device: Device) -> Answer[State | None]:
    """What open commands still ask of the device, newer ones over older ones; None for nothing."""
    return then(_open(ask, device), _merged)


def _open(ask: Ask, device: Device) -> Answer[Sequence[Command]]:
    found = ask.loaders.pending(device)
    return then(found, partial(_still, ask)) if waits(found) else found


def _still(ask: Ask, stored: Sequence[Command]) -> Sequence[Command]:
    now = ask.clock.now()
    return [command for command in stored if as_of(command, now).open]


def _merged(commands: Sequence[Command]) -> State | None:
    asked = reduce(State.merged, (command.asks for command in commands), State())
    return asked if asked.values() else None
