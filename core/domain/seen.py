"""What watchers of a log see: an event, with what is said beside it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Protocol

from core.domain.events import Event
from core.domain.grants import Grant

NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


class Moving(Protocol):
    """Who is where in a home: what an event was judged by."""

    rooms: dict[str, str | None]
    """The room of each device."""
    moves: int
    """How often a device has come, gone or moved so far."""


class Seen:
    """An event as watchers get it: one object for all who see it alike.

    `places` are those up to which everything was shown once this has been. The cursor that seals
    them is made when it is first asked for. `payload` is the whole answer as JSON, once made.
    """

    __slots__ = ("_cursor", "_seal", "event", "extras", "moves", "payload", "places", "roster")

    def __init__(
        self,
        event: Event,
        places: Mapping[str, int],
        seal: Callable[[Mapping[str, int]], str],
        roster: Moving | None = None,
    ) -> None:
        """Judged by this roster, as of now: by its `moves` is seen whether that still holds."""
        self.event = event
        self.places = places
        self.roster = roster
        self.moves = 0 if roster is None else roster.moves
        self.payload: bytes | None = None
        self.extras = NOTHING
        """What is to be said beside it to its reader: `coalesced`, `gap`."""
        self._seal = seal
        self._cursor: str | None = None

    @property
    def cursor(self) -> str:
        """What resumes after it."""
        if self._cursor is None:
            self._cursor = self._seal(self.places)
        return self._cursor

    def beside(self, extras: Mapping[str, object]) -> "Seen":
        """The same for one reader alone, with these."""
        seen = Seen(self.event, self.places, self._seal, self.roster)
        seen.moves, seen.extras = self.moves, extras
        seen._cursor = self.cursor  # which all who see it alike share
        return seen

    def still(self, grant: Grant) -> bool:
        """Whether a grant that showed it then shows it now; judged anew if anything has moved."""
        roster = self.roster
        return roster is None or roster.moves == self.moves or grant.shows(self.event, roster.rooms)

    def before(self) -> dict[str, int]:
        """The places just before it."""
        return {**self.places, self.event.home.id: self.event.place - 1}
