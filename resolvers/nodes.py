"""Nodes: whatever has a global id, by that id. The prefix of an id names its kind.

A document that selects `node` may find things of any type, so what its token opens is looked at
here, as the thing is found, and not before the document runs.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from core.domain.commands import Command
from core.domain.devices import Device
from core.domain.errors import Invalid
from core.domain.homes import Home, Room
from resolvers import commands, deliveries, devices, endpoints, homes
from resolvers.answers import Answer, settled
from resolvers.asking import Ask
from resolvers.deliveries import WebhookReplay
from resolvers.endpoints import WebhookEndpoint

MOST = 100

Record: TypeAlias = Home | Room | Device | Command | WebhookEndpoint | WebhookReplay

Find: TypeAlias = Callable[[Ask, str], Answer[Record | None]]

KINDS: Final[Mapping[str, tuple[type[Record], Find]]] = {
    "home": (Home, homes.find),
    "room": (Room, homes.find_room),
    "device": (Device, devices.find),
    "command": (Command, commands.find),
    "endpoint": (WebhookEndpoint, endpoints.find),
    "replay": (WebhookReplay, deliveries.find_replay),
}
"""What has a global id, by the prefix of its id."""


def find(ask: Ask, node_id: str) -> Answer[Record | None]:
    """The record of an id; None where it is missing, hidden, or of a kind that is not opened."""
    kind = KINDS.get(node_id.partition("_")[0])
    if kind is None:
        return None
    record, find_one = kind
    return find_one(ask, node_id) if ask.opens(record.__name__, ask.who.scopes) else None


async def find_all(ask: Ask, node_ids: Sequence[str]) -> Sequence[Record | None]:
    """The records of these ids, in their order.

    Raises:
        Invalid: there are too many.
    """
    if len(node_ids) > MOST:
        sentence = f"ids has {len(node_ids)} entries; give at most {MOST}."
        raise Invalid(sentence, "ids")
    return await asyncio.gather(*(settled(find(ask, one)) for one in node_ids))
