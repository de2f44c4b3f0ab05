"""Freshness: cursors that say how new a read has to be, and how far a mutation has led."""

from collections.abc import Mapping

from core.domain.errors import Unavailable
from core.tokens.cursors import MOST_HOMES
from resolvers.asking import Ask


async def reach(ask: Ask, cursor: str, field: str) -> None:
    """Have what is read next be at least as new as a cursor; `field` is where that was given.

    Raises:
        Invalid: it is no cursor of this viewer's.
        Unavailable: what it stands for is not here within a second.
    """
    places = ask.cursors.open_places(ask.who.grant.id, cursor, field)
    await ask.fresh.reach(_shown(ask, places))


async def reached(ask: Ask) -> str | None:
    """A cursor after all that the operation did; None where it did nothing.

    There is none either for more homes than a cursor holds, nor where the database is lost by now:
    what was done is done, and must be answered.
    """
    if not ask.touched or len(ask.touched) > MOST_HOMES:
        return None
    try:
        places = await ask.fresh.places(ask.touched)
    except Unavailable:
        return None
    return ask.cursors.places(ask.who.grant.id, places)


def _shown(ask: Ask, places: Mapping[str, int]) -> dict[str, int]:
    """The places of homes of which the viewer sees anything now."""
    homes = ask.who.grant.view.homes
    return {home_id: place for home_id, place in places.items() if home_id in homes}
