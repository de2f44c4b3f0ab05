"""Homes and their rooms."""

from collections.abc import Sequence
from typing import Annotated, Any

import strawberry
from strawberry.types.base import StrawberryList
from strawberry.types.lazy_type import LazyType

from core.domain import homes as domain
from core.domain.devices import Device
from core.domain.lists import DeviceFilter
from resolvers import devices, homes as resolve
from resolvers.answers import Answer
from resolvers.paging import Page
from schema.asking import Info
from schema.costs import PAGE, assumed
from schema.lists import Filter, OrderBy, filters, order
from schema.nodes import Node
from schema.pages import After, Before, Connection, First, Last, asked
from schema.scopes import READ

# A home has devices and a device its home: the types have a cycle, the modules have none.
_connection: Any = Connection
_DEVICES = _connection[LazyType("Device", "schema.devices")]


_room: Any = LazyType("Room", __name__)
_ROOMS = StrawberryList(_room)


def _rooms(root: domain.Home, info: Info) -> Answer[Sequence[domain.Room]]:
    return resolve.rooms(info.context, root)


def _devices_of_home(
    root: domain.Home,
    info: Info,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
    filter: Filter = strawberry.UNSET,
    order_by: OrderBy = strawberry.UNSET,
) -> Answer[Page[Device]]:
    window, here = asked(first, after, last, before), DeviceFilter(home_id=root.id)
    return devices.listed(info.context, window, order(order_by), filters(filter, here))


def _devices_of_room(
    root: domain.Room,
    info: Info,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
    filter: Filter = strawberry.UNSET,
    order_by: OrderBy = strawberry.UNSET,
) -> Answer[Page[Device]]:
    window, here = asked(first, after, last, before), DeviceFilter(room_id=root.id)
    return devices.listed(info.context, window, order(order_by), filters(filter, here))


def find_home(
    info: Info,
    id: Annotated[strawberry.ID, strawberry.argument(description="The home's id.")],
) -> Answer[domain.Home | None]:
    """One home."""
    return resolve.find(info.context, id)


def list_homes(
    info: Info,
    first: First = strawberry.UNSET,
    after: After = strawberry.UNSET,
    last: Last = strawberry.UNSET,
    before: Before = strawberry.UNSET,
) -> Answer[Page[domain.Home]]:
    """The homes."""
    return resolve.listed(info.context, asked(first, after, last, before))


@strawberry.type(description="A home.", directives=[READ])
class Home(Node):
    """`core.domain.homes.Home`."""

    record = domain.Home

    name: str = strawberry.field(description="What its people call it.")
    time_zone: str = strawberry.field(description="Its time zone by IANA name: `Europe/Berlin`.")
    rooms: Any = strawberry.field(
        resolver=_rooms,
        graphql_type=_ROOMS,
        directives=[assumed(10)],
        description="Its rooms, by name.",
    )
    devices: Any = strawberry.field(
        resolver=_devices_of_home,
        graphql_type=_DEVICES,
        directives=[PAGE],
        description="Its devices, by name unless `orderBy` says otherwise.",
    )


@strawberry.type(description="A room of a home.", directives=[READ])
class Room(Node):
    """`core.domain.homes.Room`."""

    record = domain.Room

    name: str = strawberry.field(description="What its people call it.")
    home: Home = strawberry.field(description="The home that it is in.")
    devices: Any = strawberry.field(
        resolver=_devices_of_room,
        graphql_type=_DEVICES,
        directives=[PAGE],
        description="The devices that are in it, by name unless `orderBy` says otherwise.",
    )
