"""Subscriptions of the published graph, drawn at random, and variables for them."""

from collections.abc import Sequence
from random import Random
from typing import Any, Final

from graphql import GraphQLArgument

from core.domain.events import EventType
from schema import UNCARRIED
from schema.default import DEFAULT
from tests.engine.texts import Writer
from tests.schema.press import GRAPH

ARGUMENTS: Final = {
    "filter": (
        "null",
        "{}",
        "$filter",
        "{types: $types, homeId: null}",
        "{deviceIds: $ids, homeId: $home}",
        "{types: [DEVICE_STATUS_CHANGED, HOME_UPDATED, COMMAND_UPDATED]}",
    ),
    "deviceIds": ("null", "$ids"),
    "homeId": ("null", "$home"),
    "after": ("null",),
    "delivery": ("null", "ALL"),
    "minIntervalMs": ("null", "0"),
}
"""How the arguments of root fields are given; no other field that an event carries has any."""

CONDITIONS: Final = {
    "$filter": "EventFilter",
    "$types": "[EventType!]",
    "$ids": "[ID!]",
    "$home": "ID = null",
}

DEFINITIONS: Final = {"$t": "Boolean!", "$f": "Boolean! = false", **CONDITIONS}
"""The variables that a subscription may use, with their types."""

DEEP: Final = """
subscription Deep($filter: EventFilter, $f: Boolean! = false) {
  events(filter: $filter) {
    sequence
    ... on CommandUpdated { command { status device { ...Asked } } }
    ... on DeviceStatusChanged { device { ...Asked } }
  }
}
fragment Asked on Device {
  id desired @skip(if: $f) { on brightness } pendingCommand { id status device { name } }
}
"""


class Subscriptions(Writer):
    """Writes one, nearly always a valid one."""

    definitions = DEFINITIONS

    def __init__(self, draw: Random) -> None:
        """Write by these draws."""
        super().__init__(GRAPH, draw)

    def _arguments(self, arguments: dict[str, GraphQLArgument]) -> str:
        given = [name for name in arguments if self._draw.random() < 0.4]
        if not given:
            return ""
        written = ", ".join(f"{name}: {self._draw.choice(ARGUMENTS[name])}" for name in given)
        self._used |= dict.fromkeys(name for name in CONDITIONS if name in written)
        return f"({written})"

    def _field(self, kind: Any, name: str, depth: int, *, plain: bool = False) -> str:
        if f"{kind.name}.{name}" in UNCARRIED:
            return "__typename"
        return super()._field(kind, name, depth, plain=plain)


def subscription(draw: Random) -> str:
    """One, at random; now and then one with what is seldom drawn: all below an event's device."""
    if draw.random() < 0.8:
        return Subscriptions(draw).document("subscription")
    return draw.choice((DEFAULT, DEEP))


def variables(draw: Random, home_ids: Sequence[str], device_ids: Sequence[str]) -> dict[str, Any]:
    """Variables that mostly fit; sometimes they leave nothing to be watched."""
    types = [None, ["HOME_UPDATED"], ["COMMAND_UPDATED", "DEVICE_STATUS_CHANGED"], "DEVICE_ADDED"]
    ids = [None, list(device_ids), device_ids[0], [] if draw.random() < 0.1 else device_ids[-1]]
    homes = [None, *home_ids]
    given = {
        "f": True,
        "ids": draw.choice(ids),
        "home": draw.choice(homes),
        "types": draw.choice(types),
        "filter": {
            "types": draw.choice([*types, [kind.value for kind in EventType]]),
            "deviceIds": draw.choice(ids),
            "homeId": draw.choice(homes),
        },
    }
    chosen = {name: value for name, value in given.items() if draw.random() < 0.6}
    return {"t": draw.random() < 0.5, **chosen}
