"""Invites: an owner asks somebody into a home by a code, and whoever has it joins, once."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from core.domain.audit import Actor, Kind
from core.domain.errors import Conflict, Limited, Missing, Refused
from core.domain.homes import Role
from core.domain.households import Household
from core.domain.invites import OPEN, Invite, checked_lifetime, digest, new_code
from core.domain.ports import Clock, Ids
from core.services.homes import check_owner, found_home
from core.store.committer import Committer, Work
from core.store.ledger import Ledger, Needs
from core.store.reads import Reads


class Invites:
    """The invites of all homes."""

    def __init__(self, committer: Committer, reads: Reads, clock: Clock, ids: Ids) -> None:
        """Write through this committer."""
        self._committer = committer
        self._reads = reads
        self._clock = clock
        self._ids = ids

    async def households(self, user_id: str) -> Sequence[Household]:
        """The homes that the user belongs to, by name; owners see the open invites, too."""
        now = self._clock.now()
        return [
            Household(
                home=home,
                role=role,
                members=await self._reads.members(home.id),
                invites=await self._reads.invites(home.id, now) if role is Role.OWNER else (),
            )
            for home, role in await self._reads.lived_in(user_id)
        ]

    async def make(
        self, home_id: str, role: Role, lasts: timedelta, *, by: Actor
    ) -> tuple[str, Invite]:
        """A new invite and its code, which is told here once. What is over in this home is removed.

        Raises:
            Missing: there is no such home.
            Refused: it is `by` a user who is no owner of the home.
            Invalid: it cannot last so long.
            Limited: too many are open in this home.
        """
        code, new, lifetime = new_code(), self._ids.new("invite"), checked_lifetime(lasts)

        def decide(ledger: Ledger) -> Invite:
            found_home(ledger, home_id)
            check_owner(ledger, home_id, by)
            _tidy(ledger, home_id)
            now = ledger.now
            invite = Invite(new, home_id, digest(code), role, by.id, now, now + lifetime)
            ledger.invites.put(new, invite)
            name = role.value.lower()
            ledger.note(Kind.MEMBER_INVITE, by, home_id=home_id, invite_id=new, role=name)
            return invite

        homes = frozenset({home_id})
        needs = Needs(homes=homes, inviting=homes, sharers=frozenset({(home_id, by.id)}))
        return code, await self._committer.submit(Work(needs, decide))

    async def withdraw(self, home_id: str, invite_id: str, *, by: Actor) -> None:
        """Let nobody join by an invite any more. Withdrawing what is over is no error.

        Raises:
            Missing: there is no such home.
            Refused: it is `by` a user who is no owner of the home.
        """

        def decide(ledger: Ledger) -> None:
            found_home(ledger, home_id)
            check_owner(ledger, home_id, by)
            invite = ledger.invites.get(invite_id)
            if invite is not None and invite.home_id == home_id and invite.used_by is None:
                ledger.invites.put(invite_id, None)
                ledger.note(Kind.MEMBER_UNINVITE, by, home_id=home_id, invite_id=invite_id)

        homes = frozenset({home_id})
        needs = Needs(homes=homes, inviting=homes, sharers=frozenset({(home_id, by.id)}))
        await self._committer.submit(Work(needs, decide))

    async def join(self, code: str, user_id: str) -> Invite:
        """Make the user a member as the invite says, which is used by that.

        Raises:
            Missing: there is no such user or invite, it was used, it has expired, or whoever made
                it is no owner any more. It does not say which.
            Refused: the user is disabled.
            Conflict: the user is a member already; the invite stays as it is.
        """
        known = await self._reads.invite(digest(code))
        if known is None:
            raise _over()
        home_id, maker = known.home_id, Actor(known.made_by)

        def decide(ledger: Ledger) -> Invite:
            invite = ledger.invites.get(known.id)
            user, made_by = ledger.users.get(user_id), ledger.users.get(maker.id)
            if invite is None or user is None or not invite.open(ledger.now):
                raise _over()
            if maker.person and (made_by is None or made_by.disabled or not _owns(ledger, invite)):
                raise _over()
            if user.disabled:
                sentence = f"The user {user_id} is disabled and joins no home."
                raise Refused(sentence)
            if ledger.members.get((home_id, user_id)) is not None:
                sentence = f"The user {user_id} is a member of {home_id} already."
                raise Conflict(sentence)
            return _join(ledger, replace(invite, used_by=user_id))

        needs = Needs(
            homes=frozenset({home_id}),
            inviting=frozenset({home_id}),
            users=frozenset({user_id, maker.id}),
            sharers=frozenset({(home_id, user_id), (home_id, maker.id)}),
        )
        return await self._committer.submit(Work(needs, decide))


def _join(ledger: Ledger, used: Invite) -> Invite:
    user_id = used.used_by or ""
    ledger.invites.put(used.id, used)
    ledger.members.put((used.home_id, user_id), used.role)
    ledger.tell_home(used.home_id)
    ledger.note(
        Kind.MEMBER_SET,
        Actor(user_id),
        home_id=used.home_id,
        user_id=user_id,
        invite_id=used.id,
        role=used.role.value.lower(),
    )
    return used


def _owns(ledger: Ledger, invite: Invite) -> bool:
    return ledger.members.get((invite.home_id, invite.made_by)) is Role.OWNER


def _tidy(ledger: Ledger, home_id: str) -> None:
    """Forget what is over, and see that there is room for one more."""
    here = [one for one in ledger.invites.values() if one.home_id == home_id]
    for one in here:
        if not one.open(ledger.now):
            ledger.invites.put(one.id, None)
    if sum(one.open(ledger.now) for one in here) >= OPEN:
        sentence = f"{OPEN} invites to {home_id} are open, the most at a time: let some be used."
        raise Limited(sentence)


def _over() -> Missing:
    return Missing("There is no such invite, or it is over: ask the home's owner for a new one.")
