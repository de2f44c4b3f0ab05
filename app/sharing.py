"""Giving access from the command line."""

from app.compose import House
from core.domain.accounts import Client, User
from core.domain.audit import OPERATOR
from core.domain.errors import Invalid
from core.domain.grants import OWN, Grant, Scope, Share


async def targets(
    house: House, user: User, home_ids: list[str], device_ids: list[str]
) -> tuple[Share, ...]:
    """What to share: these homes and devices, or every home that the user may share.

    Raises:
        Missing: a device is not there.
    """
    if not home_ids and not device_ids:
        home_ids = sorted(await house.sharable(user))
    found = [await house.device(device_id) for device_id in device_ids]
    devices = tuple(Share(one.home.id, device_id=one.id) for one in found)
    return (*(Share(home_id) for home_id in home_ids), *devices)


async def granted(
    house: House, user: User, client: Client, scopes: frozenset[Scope], shares: tuple[Share, ...]
) -> Grant:
    """The user's grant to the client with just this, given now if there is none."""
    if not shares:
        sentence = f"The user {user.name!r} has no home to share: create one first."
        raise Invalid(sentence)
    wanted = {(share.home_id, share.room_id, share.device_id) for share in shares}
    for grant in house.access.grants.values():
        now = [share for share in grant.shares if share.until is None]
        same = {(share.home_id, share.room_id, share.device_id) for share in now} == wanted
        ours = grant.user_id == user.id and grant.client_id == client.id and not grant.revoked
        if ours and same and grant.scopes == scopes and grant.key is None:
            return grant
    return await house.services.grants.give(user.id, client.id, scopes, shares, by=OPERATOR)


def own(house: House, client: Client, scopes: list[Scope], named: list[str] | None) -> Grant:
    """What a client has for itself, with these scopes or all that it may have.

    Raises:
        Invalid: scopes, homes or devices are named that only a user can give.
    """
    if named or not client.scopes & OWN or not set(scopes) <= client.scopes & OWN:
        able = " and ".join(sorted(client.scopes & OWN)) or "nothing"
        sentence = f"Without --user this client can be given {able}, and no home or device."
        raise Invalid(sentence)
    return Grant.own(client.id, frozenset(scopes) or client.scopes & OWN, house.clock.now())
