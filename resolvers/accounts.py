"""Accounts: what the viewer can learn of itself and of the grant that it comes with."""

import asyncio
from collections.abc import Callable, Collection
from typing import TypeVar

from core.domain.accounts import Viewer
from core.domain.devices import Device
from core.domain.grants import Grant, Scope
from core.domain.homes import Home
from resolvers.answers import Answer, settled
from resolvers.asking import Ask
from resolvers.loaders import key

R = TypeVar("R", Home, Device)


def viewer(ask: Ask) -> Viewer:
    """Who asks.

    Raises:
        Unauthenticated: nobody we know.
    """
    return ask.who


def scopes(viewer: Viewer) -> list[Scope]:
    """What the token opens, in a stable order."""
    return sorted(viewer.scopes)


def grant(viewer: Viewer) -> Grant | None:
    """What a user gave; None where the client asks for itself."""
    return viewer.grant if viewer.user else None


async def homes(ask: Ask, grant: Grant) -> list[Home]:
    """The homes that the grant opens, whole or in part, by name."""
    return await _those(ask.loaders.home, grant.view.homes)


async def devices(ask: Ask, grant: Grant) -> list[Device]:
    """The devices that were shared one by one, by name."""
    return await _those(ask.loaders.device, grant.view.devices)


async def _those(load: Callable[[str], Answer[R | None]], ids: Collection[str]) -> list[R]:
    found = await asyncio.gather(*(settled(load(one)) for one in ids))
    return sorted((record for record in found if record is not None), key=key)
