"""Loaders: where resolvers get records from. The only room above core that reads the store.

`StoreLoaders` asks the store for what the viewer may see, in batches, once per operation.
`SnapshotLoaders` has most of it in memory; the other kind of loaders, `resolvers.facts`, has it all
from one event and never waits.
"""

from core.domain.devices import Device
from core.domain.homes import Home
from core.domain.lists import DeviceOrder
from core.store import lists
from resolvers.loaders.protocol import Filters, Loaders
from resolvers.loaders.snapshots import SnapshotLoaders
from resolvers.loaders.store import StoreLoaders
from resolvers.paging import Key

__all__ = ["Filters", "Loaders", "SnapshotLoaders", "StoreLoaders", "device_key", "key"]


def key(record: Home | Device) -> Key:
    """Where a record stands among its kind by name."""
    return lists.by_name(record)


def device_key(order: DeviceOrder, device: Device) -> Key:
    """Where a device stands among the devices in this order."""
    return lists.DEVICES[order].key(device)
