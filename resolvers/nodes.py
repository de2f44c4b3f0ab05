"""Nodes: whatever has a global id, by that id. The prefix of an id names its kind."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, TypeAlias

from core.domain.commands import Command
from core.domain.devices import Device
from core.domain.errors import Invalid
from core.domain.homes import Home, Room
from resolvers import commands, devices, homes
from resolvers.answers import Answer, settled
from resolvers.asking import Ask

MOST = 100

Record: TypeAlias = Home | Room | Device | Command

_FIND: Final[Mapping[str, Callable[[Ask, str], Answer[Record | None]]]] = {
    "home": homes.find,
    "room": homes.find_room,
    "device": devices.find,
    "command": commands.find,
}


def find(ask: Ask, node_id: str, kinds: Collection[str]) -> Answer[Record | None]:
    """The record of an id; None where it is missing, hidden, or of a kind that is not opened."""
    kind = node_id.partition("_")[0]
    return _FIND[kind](ask, node_id) if kind in _FIND and kind in kinds else None


async def find_all(
    ask: Ask, node_ids: Sequence[str], kinds: Collection[str]
) -> Sequence[Record | None]:
    """The records of these ids, in their order.

    Raises:
        Invalid: there are too many.
    """
    if len(node_ids) > MOST:
        sentence = f"ids has {len(node_ids)} entries; give at most {MOST}."
        raise Invalid(sentence, "ids")
    return await asyncio.gather(*(settled(find(ask, one, kinds)) for one in node_ids))
