"""Which devices are in a home now, and in which rooms: what "covered now" is judged by."""

from typing import Final

from core.domain.events import AccessEntry, Entry, Event, EventType, Lapse
from core.feed import Feed
from core.store.logs import Logs

_REMOVED: Final = EventType.DEVICE_REMOVED  # members of an enum are dear to look up

_NOWHERE: Final = "nowhere"
"""Where a device is that is not in the home: in no room, and not without one."""


class Roster:
    """One home's devices with their rooms, never behind what the feed has told.

    Once it has `lapsed`, since the log no longer reaches back to what it knows, it stays as it was:
    whoever has it gives it back and takes another one, before anything more is judged by it.
    """

    __slots__ = ("_early", "_place", "home_id", "lapsed", "moves", "readers", "rooms")

    def __init__(self, home_id: str) -> None:
        """Empty until loaded."""
        self.home_id = home_id
        self.rooms: dict[str, str | None] = {}
        self.readers = 0
        self.moves = 0
        """How often a device has come, gone or moved since this was loaded."""

        self.lapsed = False
        self._place = -1
        self._early: list[Event | Lapse] = []

    def load(self, place: int, rooms: dict[str, str | None]) -> None:
        """Take in what the store says, and what was told while it was read."""
        self._place, self.rooms = place, rooms
        for event in self._early:
            self.told(event)
        self._early.clear()

    def told(self, entry: Entry) -> None:
        """Take in one event."""
        if isinstance(entry, AccessEntry):
            return
        if self._place < 0:
            self._early.append(entry)
            return
        if entry.place <= self._place or self.lapsed:
            return
        if isinstance(entry, Lapse):
            self.lapsed = True
            return
        self._place = entry.place
        device = entry.device
        if device is None:
            return
        if entry.type is _REMOVED:
            self.moves += 1
            self.rooms.pop(device.id, None)
            return
        room = device.room.id if device.room else None
        if self.rooms.get(device.id, _NOWHERE) != room:
            self.moves += 1
            self.rooms[device.id] = room


class Rosters:
    """The rosters of the homes that somebody watches."""

    def __init__(self, logs: Logs, feed: Feed) -> None:
        """None yet."""
        self._logs = logs
        self._feed = feed
        self._rosters: dict[str, Roster] = {}

    async def take(self, home_id: str) -> Roster:
        """The roster of a home, kept until `give_back`.

        Raises:
            Missing: there is no such home.
            Unavailable: the database does not answer.
        """
        roster = self._right(home_id)
        if roster is None:
            fresh = Roster(home_id)
            await self._feed.follow(home_id, fresh.told)
            try:
                fresh.load(*await self._logs.rooms_now(home_id))
            except BaseException:
                self._feed.drop(home_id, fresh.told)
                raise
            roster = self._right(home_id)
            if roster is None:
                roster = self._rosters[home_id] = fresh
            else:  # somebody else was faster
                self._feed.drop(home_id, fresh.told)
        roster.readers += 1
        return roster

    def give_back(self, roster: Roster) -> None:
        """Stop keeping it, once for each `take`."""
        roster.readers -= 1
        if roster.readers == 0:
            if self._rosters.get(roster.home_id) is roster:
                del self._rosters[roster.home_id]
            self._feed.drop(roster.home_id, roster.told)

    def _right(self, home_id: str) -> Roster | None:
        roster = self._rosters.get(home_id)
        return None if roster is None or roster.lapsed else roster
