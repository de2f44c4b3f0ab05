"""Grants: who is asking, for whom, and what they were given."""

from datetime import datetime
from typing import Any

import strawberry

from core.domain import accounts, devices, grants, homes
from resolvers import accounts as resolve
from schema.accounts import Client, User
from schema.asking import Info
from schema.costs import assumed
from schema.devices import Device
from schema.homes import Home
from schema.scopes import ScopeName


async def _homes(root: grants.Grant, info: Info) -> list[homes.Home]:
    return await resolve.homes(info.context, root)


async def _devices(root: grants.Grant, info: Info) -> list[devices.Device]:
    return await resolve.devices(info.context, root)


def _grant(root: accounts.Viewer) -> grants.Grant | None:
    return resolve.grant(root)


def _scopes(root: accounts.Viewer) -> list[grants.Scope]:
    return resolve.scopes(root)


def find_viewer(info: Info) -> accounts.Viewer:
    """Who is asking."""
    return resolve.viewer(info.context)


@strawberry.type(description="What a user gave a client: homes, rooms or single devices.")
class Grant:
    """`core.domain.grants.Grant`."""

    id: strawberry.ID = strawberry.field(description="The grant's id.")
    homes: Any = strawberry.field(
        resolver=_homes,
        graphql_type=list[Home],
        directives=[assumed(100)],
        description="The homes that it opens, whole or in part, by name.",
    )
    devices: Any = strawberry.field(
        resolver=_devices,
        graphql_type=list[Device],
        directives=[assumed(100)],
        description="The devices that were shared one by one, rather than with home or room.",
    )
    since: datetime = strawberry.field(description="When the user gave it.")


@strawberry.type(description="Who is asking, by the access token.")
class Viewer:
    """`core.domain.accounts.Viewer`."""

    user: User | None = strawberry.field(
        description="For whom the client asks; null where it asks for itself."
    )
    client: Client = strawberry.field(description="The client that asks.")
    scopes: Any = strawberry.field(
        resolver=_scopes,
        graphql_type=list[ScopeName],
        description="What the token opens.",
    )
    expires_at: datetime = strawberry.field(description="When the token expires.")
    grant: Any = strawberry.field(
        resolver=_grant,
        graphql_type=Grant | None,
        description="What the user gave the client; null where the client asks for itself.",
    )
