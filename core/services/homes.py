"""Homes, rooms and members: made, renamed, removed. What the graph shows changes by events."""

from collections.abc import Callable
from dataclasses import replace
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.domain.accounts import checked_name
from core.domain.audit import SYSTEM, Actor, Kind
from core.domain.errors import Conflict, Invalid, Missing, Refused
from core.domain.events import EventType
from core.domain.homes import SHARING_ROLES, Home, Role, Room
from core.domain.ports import Ids
from core.services.grants import leave_home
from core.store.committer import Committer, Work
from core.store.ledger import HomeEntry, Ledger, Needs


class Homes:
    """The homes of this house."""

    def __init__(self, committer: Committer, ids: Ids) -> None:
        """Write through this committer."""
        self._committer = committer
        self._ids = ids

    async def create(
        self,
        owner_id: str,
        name: str,
        time_zone: str,
        connector: str,
        *,
        by: Actor | None = None,
    ) -> Home:
        """A new home with its owner, whose devices are reached by the connector URL.

        Raises:
            Missing: there is no such user.
            Invalid: the name cannot be read, or the time zone is none of IANA's.
        """
        home = Home(self._ids.new("home"), checked_name(name), _zone(time_zone))

        def decide(ledger: Ledger) -> Home:
            if ledger.users.get(owner_id) is None:
                sentence = f"There is no user {owner_id}."
                raise Missing(sentence)
            ledger.homes.put(home.id, HomeEntry(home, connector, 0, 0))
            ledger.members.put((home.id, owner_id), Role.OWNER)
            ledger.tell_home(home.id)
            ledger.note(Kind.HOME_CREATE, by or Actor(owner_id), home_id=home.id, user_id=owner_id)
            return home

        needs = Needs(users=frozenset({owner_id}))
        return await self._committer.submit(Work(needs, decide))

    async def rename(self, home_id: str, name: str) -> Home:
        """Give the home another name.

        Raises:
            Missing: there is no such home.
        """

        def decide(ledger: Ledger) -> Home:
            entry = found_home(ledger, home_id)
            home = replace(entry.home, name=checked_name(name))
            ledger.homes.put(home_id, replace(entry, home=home))
            ledger.tell_home(home_id)
            return home

        return await self._committer.submit(Work(Needs(homes=frozenset({home_id})), decide))

    async def add_room(self, home_id: str, name: str) -> Room:
        """A new room.

        Raises:
            Missing: there is no such home.
        """
        room_id = self._ids.new("room")

        def decide(ledger: Ledger) -> Room:
            room = Room(room_id, checked_name(name), found_home(ledger, home_id).home)
            ledger.rooms.put(room_id, room)
            ledger.tell_home(home_id)
            return room

        return await self._committer.submit(Work(Needs(homes=frozenset({home_id})), decide))

    async def rename_room(self, room: Room, name: str) -> Room:
        """Give a room another name; its devices tell, and the home.

        Raises:
            Missing: the room is gone.
        """
        return await self._change_room(room, lambda current: replace(current, name=name)) or room

    async def remove_room(self, room: Room) -> None:
        """Remove a room; its devices stay in the home, in no room.

        Raises:
            Missing: the room is gone.
        """
        await self._change_room(room, lambda _: None)

    async def set_member(
        self, home_id: str, user_id: str, role: Role, *, by: Actor = SYSTEM
    ) -> None:
        """Make a user a member of a home, or change what they may do there.

        With the right to share goes what they had shared.

        Raises:
            Missing: there is no such home or user.
            Refused: it is `by` a user who is no owner of the home.
            Conflict: the home would be left without an owner.
        """
        await self._set_member(home_id, user_id, role, by, known=False)

    async def _set_member(
        self, home_id: str, user_id: str, role: Role, by: Actor, *, known: bool
    ) -> None:
        def decide(ledger: Ledger) -> None:
            found_home(ledger, home_id)
            check_owner(ledger, home_id, by)
            if ledger.users.get(user_id) is None:
                sentence = f"There is no user {user_id}."
                raise Missing(sentence)
            if known and ledger.members.get((home_id, user_id)) is None:
                sentence = f"The user {user_id} is no member of {home_id}."
                raise Missing(sentence)
            ledger.members.put((home_id, user_id), role)
            _still_owned(ledger, home_id)
            if role not in SHARING_ROLES:
                leave_home(ledger, user_id, home_id)
            ledger.tell_home(home_id)
            role_name = role.value.lower()
            ledger.note(Kind.MEMBER_SET, by, home_id=home_id, user_id=user_id, role=role_name)

        them = frozenset({user_id})
        needs = Needs(whole=frozenset({home_id}), users=them, givers=them, access=True)
        await self._committer.submit(Work(needs, decide))

    async def change_member(self, home_id: str, user_id: str, role: Role, *, by: Actor) -> None:
        """Change what a member may do; nobody becomes a member by it.

        Raises:
            Missing: there is no such home, or the user is no member of it.
            Refused: it is `by` a user who is no owner of the home.
            Conflict: the home would be left without an owner.
        """
        await self._set_member(home_id, user_id, role, by, known=True)

    async def remove_member(self, home_id: str, user_id: str, *, by: Actor = SYSTEM) -> None:
        """End a membership, and with it what the user's grants share of this home.

        Members may leave; owners may remove whom they will.

        Raises:
            Missing: there is no such home, or the user is no member of it.
            Refused: it is `by` another user who is no owner of the home.
            Conflict: the home would be left without an owner.
        """

        def decide(ledger: Ledger) -> None:
            found_home(ledger, home_id)
            if by.id != user_id:
                check_owner(ledger, home_id, by)
            if ledger.members.get((home_id, user_id)) is None:
                sentence = f"The user {user_id} is no member of {home_id}."
                raise Missing(sentence)
            ledger.members.put((home_id, user_id), None)
            _still_owned(ledger, home_id)
            leave_home(ledger, user_id, home_id)
            ledger.tell_home(home_id)
            ledger.note(Kind.MEMBER_REMOVE, by, home_id=home_id, user_id=user_id)

        needs = Needs(whole=frozenset({home_id}), givers=frozenset({user_id}), access=True)
        await self._committer.submit(Work(needs, decide))

    async def _change_room(self, room: Room, change: Callable[[Room], Room | None]) -> Room | None:
        home_id = room.home.id

        def decide(ledger: Ledger) -> Room | None:
            current = ledger.rooms.get(room.id)
            if current is None:
                sentence = f"There is no room {room.id}."
                raise Missing(sentence)
            changed = change(current)
            ledger.rooms.put(room.id, changed)
            for device in list(ledger.devices.values()):
                if device.room is not None and device.room.id == room.id:
                    moved = replace(device, room=changed, updated_at=ledger.now)
                    ledger.tell(EventType.DEVICE_UPDATED, moved)
            ledger.tell_home(home_id)
            return changed

        return await self._committer.submit(Work(Needs(whole=frozenset({home_id})), decide))


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        sentence = f"There is no time zone {name!r}; give an IANA name such as Europe/Berlin."
        raise Invalid(sentence, "timeZone") from None


def found_home(ledger: Ledger, home_id: str) -> HomeEntry:
    """The home in the ledger.

    Raises:
        Missing: there is none.
    """
    entry = ledger.homes.get(home_id)
    if entry is None:
        sentence = f"There is no home {home_id}."
        raise Missing(sentence)
    return entry


def check_owner(ledger: Ledger, home_id: str, by: Actor) -> None:
    """See that a user who acts on a home's members owns it; whoever runs the machine may as well.

    Raises:
        Refused: it is a user who does not.
    """
    if by.person and ledger.members.get((home_id, by.id)) is not Role.OWNER:
        sentence = f"The user {by.id} is no owner of {home_id}: owners alone manage its members."
        raise Refused(sentence)


def _still_owned(ledger: Ledger, home_id: str) -> None:
    roles = {role for (where, _), role in ledger.members.items() if where == home_id}
    if Role.OWNER not in roles:
        sentence = "A home must keep at least one owner: make somebody else one first."
        raise Conflict(sentence)
