"""Homes and their rooms, as far as the viewer sees them."""

from collections.abc import Sequence
from functools import partial

from core.domain.homes import Home, Room
from resolvers.answers import Answer
from resolvers.asking import Ask
from resolvers.loaders import key
from resolvers.paging import Listing, Page, Window, paged

ORDER = "homes:NAME"


def find(ask: Ask, home_id: str) -> Answer[Home | None]:
    """A home; None where it is missing or hidden."""
    return ask.loaders.home(home_id)


def find_room(ask: Ask, room_id: str) -> Answer[Room | None]:
    """A room; None where it is missing or hidden."""
    return ask.loaders.room(room_id)


def rooms(ask: Ask, home: Home) -> Answer[Sequence[Room]]:
    """The rooms of a home, by name."""
    return ask.loaders.rooms(home)


def listed(ask: Ask, window: Window) -> Answer[Page[Home]]:
    """A page of the homes, by name.

    Raises:
        Invalid: a cursor is not one of this list's.
    """
    grant_id = ask.who.grant.id
    listing = Listing(
        read=ask.loaders.homes,
        count=ask.loaders.count_homes,
        key=key,
        seal=partial(ask.cursors.key, grant_id, ORDER),
        open=partial(ask.cursors.open_key, grant_id, ORDER),
    )
    return paged(listing, window)
